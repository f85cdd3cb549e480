"""Productions: selected records, numbered, in the formats of other programs, with their evidence."""
