-- How many of the most downloaded projects were ready, day by day.
CREATE TABLE progress (
    day TEXT NOT NULL,                  -- UTC, YYYY-MM-DD
    among INTEGER NOT NULL,             -- the most downloaded projects: 360, 1000, 15000
    python TEXT NOT NULL,               -- 3.14t
    platform TEXT NOT NULL,             -- linux-x86_64
    projects INTEGER NOT NULL,          -- how many of them could be judged
    ready INTEGER NOT NULL,             -- how many of those were ready
    binaries INTEGER NOT NULL,          -- how many of them have compiled wheels
    binaries_ready INTEGER NOT NULL,    -- how many of those were ready
    derived INTEGER NOT NULL DEFAULT 0, -- 1: from times of upload, afterwards
    PRIMARY KEY (among, platform, python, day)
) STRICT, WITHOUT ROWID;
