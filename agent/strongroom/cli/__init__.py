"""The command line: it asks the engine's use cases, turns answers into words or JSON, and decides nothing."""
