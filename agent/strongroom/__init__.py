"""Strongroom: a gap-free, provable, erasable record of sources that delete themselves."""

__version__ = "0.3.0"
