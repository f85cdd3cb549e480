"""Checks of the set-up, the rules by which alerts are raised, and figures."""
