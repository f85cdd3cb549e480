"""Evidence: the append-only log, its chain of hashes, and what a stranger can check."""
