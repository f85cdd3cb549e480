"""Sealing: age v1 files (C2SP specification, age-encryption.org/v1), written and read, nothing else.

X25519 and scrypt recipients, binary form. ASCII armor, plugins and hybrid keys are refused, never guessed at.
Python cannot promise to wipe memory: secrets are kept out of `repr`, buffers that held clear text are overwritten when
they are done with, and that is best effort only. The dependable wipe is the end of the process.
"""
