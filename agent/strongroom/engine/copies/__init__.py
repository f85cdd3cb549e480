"""Copying the vault to its copies, reading these again, and removing from them what was destroyed."""
