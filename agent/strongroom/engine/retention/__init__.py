"""Retention rules, legal holds, and the verdict for each archive."""
