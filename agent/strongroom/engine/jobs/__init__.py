"""One export from its plan to its archive: deciding, doing, recording; settling at a start what was left half done."""
