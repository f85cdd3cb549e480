"""README.txt of a vault: how to open it with stock tools, for whoever finds it without this program."""

from __future__ import annotations

import hashlib

README = """This folder is a Strongroom vault: sealed copies of records that their source deletes.

    archives/ab/ID.age       one delivered file each, an age v1 file (age-encryption.org/v1)
    keys/ab/ID.key.age       the archive's own key, an age v1 file sealed to the vault's recipients
    manifests/ab/ID.json     what the archive is: source, window, counts, digests; no record text
    quarantine/              files that arrived unsound, sealed just the same
    log/log.jsonl            everything that happened, one JSON line each, chained by SHA-256
    catalogue.sqlite         an index; everything else stands without it

To open an archive with nothing but the age tool and an identity file of a recipient:

    age -d -i IDENTITY keys/ab/ID.key.age > archive.key
    age -d -i archive.key archives/ab/ID.age > delivered-file
    rm archive.key

or in one line: age -d -i <(age -d -i IDENTITY keys/ab/ID.key.age) archives/ab/ID.age > delivered-file
Where the manifest says "coding": "zstd", unpack what age writes: age -d … | zstd -d > delivered-file
Where it says "coding": "gzip", the provider delivered the file gzip-coded: age -d … | gunzip > file
Where it says "deflate" (zlib, RFC 1950) or "raw-deflate" (RFC 1951), undo that in the same way, for instance with
Python: zlib.decompress(content, 15), or -15 for raw-deflate

Whoever destroys a key file destroys its archive for good. Do not edit anything here by hand.
"""

KNOWN = frozenset(
    {
        hashlib.sha256(README.encode()).hexdigest(),
        "8ad5dd397b86bafeb937dd487168c73faf3886cb1c15a323bfb31923b6b0329e",  # of 0.2 and 0.3
        "c2ea0468fa97f1a108244e18e946ef1f772c54705c498f7b0d0fae03d72259f9",  # of 0.1
    }
)
"""The SHA-256 of each text that a version of this program has written."""
