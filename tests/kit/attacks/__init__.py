"""A vault worth attacking, and every attack on it."""
