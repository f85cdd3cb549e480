"""The parts that tabs and dialogs are made of."""
