-- The cached index: one row a project, with one compact document that every verdict is made from.
CREATE TABLE project (
    name TEXT PRIMARY KEY,              -- normalised (PEP 503)
    display_name TEXT NOT NULL,
    status TEXT NOT NULL,               -- PEP 792
    serial INTEGER,                     -- of the index's state that the document shows
    etag TEXT,
    fetched TEXT NOT NULL,              -- UTC, ISO 8601: when the index last confirmed it
    wanted_serial INTEGER,              -- a change that the document does not show yet
    revision INTEGER NOT NULL DEFAULT 0, -- grows with each change of the row
    document TEXT NOT NULL,             -- JSON: releases and their files
    metadata TEXT,                      -- JSON: classifier and links of one release
    metadata_version TEXT,              -- that release
    metadata_fetched TEXT
) STRICT, WITHOUT ROWID;

-- Small documents that refresh themselves: download ranks, the tracking table, the name table.
CREATE TABLE document (
    name TEXT PRIMARY KEY,
    etag TEXT,
    fetched TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Who may run a job just now, so that two processes never do the same thing twice.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expires REAL NOT NULL               -- seconds since the epoch
) STRICT, WITHOUT ROWID;

-- What is remembered across restarts: the digest of the synced commands, a job's last success.
CREATE TABLE memory (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
