"""Reading what is archived: keys, restoring, browsing, comparing."""
