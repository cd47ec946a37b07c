-- So that pages that nobody asks for any more are found without reading them all.
CREATE INDEX project_fetched ON project (fetched);

-- Core metadata never changes, but most of it is of releases that nobody takes any more.
ALTER TABLE core_metadata ADD COLUMN fetched TEXT NOT NULL DEFAULT ''; -- UTC, ISO 8601
UPDATE core_metadata SET fetched = strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now');
CREATE INDEX core_metadata_fetched ON core_metadata (fetched);
