-- Whose other files matter to those who follow: projects that have free-threaded wheels.
ALTER TABLE project ADD COLUMN free_threaded INTEGER NOT NULL DEFAULT 0;
UPDATE project SET etag = NULL; -- so that each page is read again, and the column set

-- Projects whose files changed, until their page was examined. One row however many files came.
CREATE TABLE change (
    project TEXT PRIMARY KEY,           -- normalised
    serial INTEGER NOT NULL,            -- of the last change: the page must show it
    since REAL NOT NULL,                -- UTC seconds: files uploaded before are not new
    due REAL NOT NULL,                  -- UTC seconds: when it is quiet enough to be examined
    attempts INTEGER NOT NULL DEFAULT 0, -- to read its page
    settled INTEGER                     -- the serial of which all was told but losses
) STRICT, WITHOUT ROWID;
CREATE INDEX change_due ON change (due);

-- What a project was ever known to support, so that each gain and each loss is news once.
CREATE TABLE support (
    project TEXT NOT NULL,
    python TEXT NOT NULL,               -- 3.14t
    platform TEXT NOT NULL,             -- linux-x86_64
    prerelease INTEGER NOT NULL,        -- known only of a pre-release
    version TEXT NOT NULL,              -- the first with it
    lost_in TEXT,                       -- the first release without it again, once that was news
    PRIMARY KEY (project, python, platform, prerelease)
) STRICT, WITHOUT ROWID;

CREATE TABLE news (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    version TEXT NOT NULL,
    topic TEXT NOT NULL,                -- gain, loss, withdrawal
    found TEXT NOT NULL,                -- UTC, ISO 8601
    revision INTEGER NOT NULL DEFAULT 1, -- grows with the content, so that messages are edited
    content TEXT NOT NULL,              -- JSON
    UNIQUE (project, version, topic)
) STRICT;

-- Channels that asked for news.
CREATE TABLE subscription (
    channel INTEGER PRIMARY KEY,
    guild INTEGER NOT NULL,
    what TEXT NOT NULL,                 -- new-support, all-releases
    among TEXT NOT NULL,                -- top-1000, top-15000, everything
    role INTEGER,                       -- to mention
    created TEXT NOT NULL,
    paused TEXT                         -- why nothing is sent, NULL while all is well
) STRICT;
CREATE INDEX subscription_guild ON subscription (guild);

-- People who asked for news of a project, by direct message.
CREATE TABLE watch (
    user INTEGER NOT NULL,
    project TEXT NOT NULL,
    created TEXT NOT NULL,
    PRIMARY KEY (user, project)
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_project ON watch (project);
CREATE TABLE watcher (
    user INTEGER PRIMARY KEY,
    paused TEXT,                        -- why nothing is sent, such as closed direct messages
    last_sent REAL                      -- UTC seconds
) STRICT;

-- The outbox: one row for each piece of news and destination, made with the news itself.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    news INTEGER NOT NULL REFERENCES news (id),
    destination TEXT NOT NULL,          -- channel:123, user:123
    digest INTEGER NOT NULL DEFAULT 0,  -- too old for a message of its own
    parcel INTEGER,                     -- deliveries of one message share the least of their ids
    revision INTEGER NOT NULL DEFAULT 0, -- of the news, as the message shows it; 0: not tried
    channel INTEGER,                    -- where the message is, and which it is
    message INTEGER,
    published INTEGER NOT NULL DEFAULT 0, -- in a news channel: 1 to be crossposted, 2 crossposted
    first_try REAL,                     -- UTC seconds
    due REAL DEFAULT 0,                 -- UTC seconds: when to do something; NULL: nothing to do
    attempts INTEGER NOT NULL DEFAULT 0, -- since the last success
    dropped TEXT,                       -- why it will never be sent, such as a message deleted
    UNIQUE (news, destination)
) STRICT;
CREATE INDEX delivery_parcel ON delivery (parcel);
CREATE INDEX delivery_destination ON delivery (destination);
CREATE INDEX delivery_due ON delivery (due, destination) WHERE due IS NOT NULL;
CREATE INDEX delivery_unsent ON delivery (destination) WHERE message IS NULL AND dropped IS NULL;
-- Messages that were sent are edited when their news change.
CREATE TRIGGER news_revised AFTER UPDATE OF revision ON news WHEN new.revision > old.revision
BEGIN
    UPDATE delivery SET due = 0, attempts = 0
        WHERE news = new.id AND message IS NOT NULL AND dropped IS NULL;
END;
