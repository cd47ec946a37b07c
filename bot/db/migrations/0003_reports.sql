-- What members report. Texts and readings are JSON; foreign text is kept as it was written.
CREATE TABLE report (
    id INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,           -- what recognises it on GitHub
    state TEXT NOT NULL,                -- draft, open, asked, …
    revision INTEGER NOT NULL DEFAULT 1, -- grows with every change that its card shows
    project TEXT,                       -- normalised
    version TEXT,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    submission TEXT NOT NULL,           -- JSON without logs
    logs TEXT NOT NULL DEFAULT '',
    reading TEXT NOT NULL,              -- JSON
    known TEXT,                         -- JSON: what it is recognised by
    hints TEXT NOT NULL DEFAULT '[]',   -- JSON
    likely TEXT NOT NULL DEFAULT '[]',  -- JSON
    address TEXT,                       -- JSON: where it belongs, NULL while that is unknown
    looked_up INTEGER NOT NULL DEFAULT 0, -- whether all was asked that hints and likely come from
    guild INTEGER,
    channel INTEGER,
    reporter INTEGER,                   -- NULL once the member was forgotten
    reporter_name TEXT,
    credit INTEGER NOT NULL DEFAULT 0,
    joined INTEGER REFERENCES report (id), -- the report that it is the same as
    created TEXT NOT NULL,
    updated TEXT NOT NULL
) STRICT;
CREATE INDEX report_project ON report (project, state);
CREATE INDEX report_reporter ON report (reporter, created);
CREATE INDEX report_guild ON report (guild, created);
CREATE INDEX report_state ON report (state, updated);
CREATE INDEX report_joined ON report (joined);

-- Its history: who did what when.
CREATE TABLE report_step (
    id INTEGER PRIMARY KEY,
    report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    actor INTEGER NOT NULL,             -- 0 is ftbot
    actor_name TEXT NOT NULL,
    action TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    note TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX report_step_report ON report_step (report);
CREATE INDEX report_step_actor ON report_step (actor);

-- Who made reports lately, for the limits: kept for a day, without the member's number.
CREATE TABLE report_try (
    id INTEGER PRIMARY KEY,
    member TEXT NOT NULL,               -- a keyed digest
    guild INTEGER,
    at TEXT NOT NULL
) STRICT;
CREATE INDEX report_try_at ON report_try (at);

-- Members who have a problem that was reported already, and hear of its end.
CREATE TABLE report_follower (
    report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    user INTEGER NOT NULL,
    channel INTEGER,                    -- where they said so
    created TEXT NOT NULL,
    PRIMARY KEY (report, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_follower_user ON report_follower (user);

-- Where servers decide.
CREATE TABLE triage_desk (
    guild INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    role INTEGER NOT NULL
) STRICT;

-- Members whose reports a server's triagers don't want.
CREATE TABLE report_block (
    guild INTEGER NOT NULL,
    user INTEGER NOT NULL,
    by INTEGER NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (guild, user)
) STRICT, WITHOUT ROWID;

-- The outbox to Discord: cards for triagers, questions and outcomes for reporters.
CREATE TABLE report_post (
    id INTEGER PRIMARY KEY,
    report INTEGER NOT NULL REFERENCES report (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,              -- card, question, outcome
    key TEXT NOT NULL DEFAULT '',       -- tells several of one purpose apart: a step, a state
    destination TEXT NOT NULL,          -- channel:123, user:123
    fallback INTEGER,                   -- channel to use where direct messages are closed
    redirected INTEGER NOT NULL DEFAULT 0, -- they are closed
    note TEXT NOT NULL DEFAULT '',      -- foreign text
    revision INTEGER NOT NULL DEFAULT 0, -- of the report, as the message shows it
    channel INTEGER,                    -- where the message is, and which it is
    message INTEGER,
    first_try REAL,                     -- UTC seconds
    due REAL DEFAULT 0,                 -- UTC seconds; NULL: nothing to do
    attempts INTEGER NOT NULL DEFAULT 0, -- since the last success
    dropped TEXT,                       -- why it will never be sent
    UNIQUE (report, purpose, key, destination)
) STRICT;
CREATE INDEX report_post_due ON report_post (due) WHERE due IS NOT NULL;
CREATE TRIGGER report_revised AFTER UPDATE OF revision ON report WHEN new.revision > old.revision
BEGIN
    UPDATE report_post SET due = 0, attempts = 0
        WHERE report = new.id AND purpose = 'card' AND dropped IS NULL;
END;

-- The outbox to GitHub. A row stays for ever, so that an issue deleted there is not filed again.
CREATE TABLE filing (
    report INTEGER PRIMARY KEY REFERENCES report (id),
    uid TEXT NOT NULL UNIQUE,
    repository TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,                 -- with the hidden marker
    labels TEXT NOT NULL,               -- JSON
    state TEXT NOT NULL DEFAULT 'waiting', -- waiting, sending, filed, failed
    started REAL,                       -- UTC seconds: before the POST
    looked INTEGER NOT NULL DEFAULT 0,  -- how often it was looked for after an unclear POST
    due REAL DEFAULT 0,                 -- UTC seconds; NULL: nothing to do
    attempts INTEGER NOT NULL DEFAULT 0,
    problem TEXT,                       -- a sentence for triagers
    number INTEGER
) STRICT;
CREATE INDEX filing_due ON filing (due) WHERE due IS NOT NULL;

-- When POSTs were tried, for ftbot's own limits, which hold across restarts.
CREATE TABLE filing_post (
    id INTEGER PRIMARY KEY,
    report INTEGER NOT NULL REFERENCES filing (report),
    at REAL NOT NULL                    -- UTC seconds: before the POST
) STRICT;
CREATE INDEX filing_post_at ON filing_post (at);

-- Issues that reports belong to, as last seen.
CREATE TABLE issue (
    repository TEXT NOT NULL COLLATE NOCASE,
    number INTEGER NOT NULL,
    url TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT 'open', -- open, closed, gone
    reason TEXT,                        -- GitHub's state_reason
    labels TEXT NOT NULL DEFAULT '[]',  -- JSON
    updated TEXT,                       -- GitHub's updated_at: older events are ignored
    looked REAL NOT NULL DEFAULT 0,     -- UTC seconds
    etag TEXT,
    PRIMARY KEY (repository, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE report_issue (
    report INTEGER PRIMARY KEY REFERENCES report (id),
    repository TEXT NOT NULL COLLATE NOCASE,
    number INTEGER NOT NULL,
    FOREIGN KEY (repository, number) REFERENCES issue (repository, number) ON UPDATE CASCADE
) STRICT;
CREATE INDEX report_issue_issue ON report_issue (repository, number);

-- Events that GitHub sent, until they are done; ids of done ones, so that none counts twice.
CREATE TABLE webhook (
    delivery TEXT PRIMARY KEY,          -- GitHub's id
    event TEXT NOT NULL,
    received REAL NOT NULL,             -- UTC seconds
    body BLOB,                          -- NULL once it is done
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_waiting ON webhook (received) WHERE body IS NOT NULL;

-- Other people's issues, kept so that duplicates are found without asking GitHub each time.
CREATE TABLE known_issue (
    repository TEXT NOT NULL,           -- in lower case, as it was called when it was asked for
    number INTEGER NOT NULL,
    project TEXT,                       -- normalised
    kind TEXT NOT NULL,
    updated TEXT NOT NULL,
    known TEXT NOT NULL,                -- JSON: title, address, state and what recognises it
    PRIMARY KEY (repository, number)
) STRICT;
CREATE INDEX known_issue_updated ON known_issue (updated);
CREATE TABLE known_repository (
    repository TEXT PRIMARY KEY,
    since TEXT,                         -- the newest update that is kept
    etag TEXT,
    looked REAL NOT NULL DEFAULT 0,     -- UTC seconds
    problem TEXT                        -- why it cannot be read
) STRICT, WITHOUT ROWID;
