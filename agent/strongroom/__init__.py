"""Strongroom archives the exports of SaaS providers before they delete them, and proves that nothing is missing."""

__version__ = "0.4.0"
