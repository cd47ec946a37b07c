-- Audits that were answered, so that their pages can be turned after a restart.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,             -- random: messages of a lost database lead nowhere else
    owner INTEGER,                      -- who asked, NULL if ftbot did by itself
    made REAL NOT NULL,                 -- UTC seconds
    source TEXT NOT NULL,               -- the file's name
    python TEXT NOT NULL,               -- 3.14t
    platform TEXT NOT NULL,             -- linux-x86_64
    answer BLOB NOT NULL,               -- lines of JSON, zlib
    manifest BLOB NOT NULL,             -- the same way: what the file says, to judge it again
    looked REAL NOT NULL DEFAULT 0,     -- UTC seconds: when it was judged again
    due REAL NOT NULL DEFAULT 0         -- UTC seconds: when to, if anybody waits for it
) STRICT;
CREATE INDEX audit_owner ON audit (owner, made);
CREATE INDEX audit_made ON audit (made);

-- People who asked to hear when nothing is in the way of a project any more.
CREATE TABLE audit_watch (
    audit INTEGER NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    user INTEGER NOT NULL,
    since REAL NOT NULL,                -- UTC seconds
    PRIMARY KEY (audit, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_watch_user ON audit_watch (user);

-- What is in the way of an audit that somebody watches, as it was last judged.
CREATE TABLE audit_blocker (
    audit INTEGER NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    project TEXT NOT NULL,              -- normalised
    serial INTEGER NOT NULL,            -- of the page that it was judged by: a later one is news
    PRIMARY KEY (audit, project)
) STRICT, WITHOUT ROWID;

-- The outbox: one message for each audit and person, ever.
CREATE TABLE audit_note (
    id INTEGER PRIMARY KEY,
    watched INTEGER NOT NULL REFERENCES audit (id) ON DELETE CASCADE,
    audit INTEGER NOT NULL REFERENCES audit (id) ON DELETE CASCADE, -- with nothing in the way
    user INTEGER NOT NULL,
    made REAL NOT NULL,                 -- UTC seconds
    first_try REAL,                     -- UTC seconds; a try since then may have sent it
    due REAL DEFAULT 0,                 -- UTC seconds: when to send it; NULL: nothing to do
    attempts INTEGER NOT NULL DEFAULT 0,
    channel INTEGER,                    -- where the message is, and which it is
    message INTEGER,
    dropped TEXT,                       -- why it will never be sent
    UNIQUE (watched, user)
) STRICT;
CREATE INDEX audit_note_due ON audit_note (due) WHERE due IS NOT NULL;
CREATE INDEX audit_note_audit ON audit_note (audit);
CREATE INDEX audit_note_user ON audit_note (user);

-- Audits that may be deleted: nobody waits for them, or is to be told of them.
CREATE VIEW audit_spare AS SELECT id, owner, made FROM audit
    WHERE NOT EXISTS (SELECT 1 FROM audit_watch WHERE audit_watch.audit = audit.id)
    AND NOT EXISTS (SELECT 1 FROM audit_note
        WHERE due IS NOT NULL AND audit.id IN (watched, audit_note.audit));
