"""One TOML file, checked as a whole; every mistake is reported with its place. It contains no secret."""
