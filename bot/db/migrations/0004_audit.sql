-- What releases require, by the file that it was read for. Core metadata never changes.
CREATE TABLE core_metadata (
    file TEXT PRIMARY KEY,              -- its name, which an index uses once
    document TEXT NOT NULL              -- JSON: requirements, extras, Requires-Python
) STRICT, WITHOUT ROWID;
