"""What releases require: core metadata, fetched once and kept for ever."""
