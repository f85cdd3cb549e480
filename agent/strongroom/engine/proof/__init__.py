"""Checkpoints and where they are sent, the audit, inclusion proofs, and evidence packages."""
