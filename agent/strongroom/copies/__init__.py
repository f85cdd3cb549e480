"""Stores for copies of the vault: what one must offer, and a folder as one."""
