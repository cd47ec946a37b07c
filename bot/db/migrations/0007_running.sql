-- Each IDENTIFY to Discord's gateway of the last day, of all processes: Discord allows 1000.
CREATE TABLE identify (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL                    -- UTC seconds
) STRICT;
CREATE INDEX identify_at ON identify (at);

-- In which language people are written to, for messages that answer no command.
CREATE TABLE speaker (
    user INTEGER PRIMARY KEY,
    language TEXT NOT NULL,             -- Discord's locale: ko, en-US
    seen TEXT NOT NULL                  -- UTC, ISO 8601
) STRICT;
