"""What the command line and the screen both say: units, times, state words, events and sentences."""
