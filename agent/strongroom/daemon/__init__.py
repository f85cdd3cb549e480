"""The daemon: alarm clock, signals, requests and health, around the same engine that the command line uses."""
