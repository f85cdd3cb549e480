"""The processes that seal and parse: their messages, their limits, and how they end."""
