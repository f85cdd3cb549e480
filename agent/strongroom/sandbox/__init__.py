"""Believable export APIs over real HTTP on loopback, for the demo and the tests; every behaviour can be bent."""
