"""The processes that seal and parse: what they are sent, how long they may take, and how they end."""
