"""Formats: bytes in, what is in them out. Whatever arrives may be hostile, so every size is bounded by `Caps`."""
