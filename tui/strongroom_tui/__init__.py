"""The terminal screen: shows what the engine lets it read, changes nothing, never lets a person wait for a disk."""
