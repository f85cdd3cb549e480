"""Nouns and pure rules: no clock, no randomness, no input or output."""
