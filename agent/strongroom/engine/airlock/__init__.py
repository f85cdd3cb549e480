"""The airlock: delivered bytes go in at one side and come out sealed, counted and judged at the other.

Three processes, each holding less than a thief would need:

* the engine downloads. It has the link and the credential, but never a key that opens an archive.
* the sealer takes the bytes from a pipe, seals them, reads them back from the disk and inflates them. It has the file
  key and no network, no credential and no link. It ends when the archive is done; its exit is the wipe of the key.
* the reader parses what the sealer inflates. It has neither key nor network, and tight resource limits.
"""
