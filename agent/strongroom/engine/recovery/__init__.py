"""Finding out what is wrong with a vault, and making catalogue and log agree with what lies on the disk."""
