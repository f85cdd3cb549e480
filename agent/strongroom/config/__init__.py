"""Configuration: one TOML file, checked whole, every mistake told with its place. It never holds a secret."""
