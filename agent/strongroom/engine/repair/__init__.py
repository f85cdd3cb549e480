"""Scrubbing, diagnosing, repairing and rebuilding a vault, and recovery at a start."""
