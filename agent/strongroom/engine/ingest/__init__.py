"""From a window of a stream to a verified archive."""
