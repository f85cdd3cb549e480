"""Search: what a person types, what a record says, and whether the two agree. Nothing here reads or decrypts."""
