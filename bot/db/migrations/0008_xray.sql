-- What was read of wheels, for ever: a file's content never changes.
CREATE TABLE xray_reading (
    sha256 TEXT NOT NULL,               -- of the wheel, as the index tells it
    reader INTEGER NOT NULL,            -- which rules read it
    made TEXT NOT NULL,                 -- UTC, ISO 8601
    whole INTEGER NOT NULL,             -- 1 if all of it was fetched, so that its hash was checked
    document BLOB NOT NULL,             -- JSON, zlib
    PRIMARY KEY (sha256, reader)
) STRICT;

-- Its verdict in short, by the file's name, for answers.
CREATE TABLE xray_wheel (
    file TEXT NOT NULL,
    reader INTEGER NOT NULL,
    sha256 TEXT,                        -- NULL if it could not be read as a whole
    verdict TEXT NOT NULL,
    modules INTEGER NOT NULL,
    re_enabling TEXT NOT NULL,          -- JSON: names of modules
    reason TEXT,                        -- why it could not be read as a whole
    PRIMARY KEY (file, reader)
) STRICT, WITHOUT ROWID;

-- What is to be read.
CREATE TABLE xray_wanted (
    file TEXT PRIMARY KEY,
    project TEXT NOT NULL,              -- normalised
    priority INTEGER NOT NULL,          -- the lowest is first
    due REAL NOT NULL,                  -- UTC seconds
    attempts INTEGER NOT NULL DEFAULT 0 -- that failed
) STRICT, WITHOUT ROWID;
CREATE INDEX xray_wanted_due ON xray_wanted (priority, due);
CREATE INDEX xray_wanted_project ON xray_wanted (project);

-- Bytes that were fetched of wheels, by day.
CREATE TABLE xray_day (
    day TEXT PRIMARY KEY,               -- UTC, ISO 8601
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
