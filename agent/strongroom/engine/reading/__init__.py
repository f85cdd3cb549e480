"""Opening archives: restoring, browsing, comparing, collecting records."""
