"""What somebody else can check: signed checkpoints, proofs, audits, packages."""
