"""The vault: files on disk, their write protocol, and the SQLite catalogue that indexes them."""
