"""The key of releases: make one, show its public half, sign the sums of a release with it (a C2SP signed note).

python -m release.signature new NAME          a new key, to a file that only you can read
python -m release.signature public KEYFILE    its public half, for people who check a release
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.evidence.note import Signer, Verifier


def read_key(path: Path) -> Signer:
    """Return the signing key in a file. Raises UsageError for no key, PermissionError where others can read it."""
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"others can use the release key {path}; expected mode 0600: chmod 600 {path}")
    return Signer.parse(path.read_text())


def public_pem(verifier: Verifier) -> str:
    """Return a public key as PEM, for `openssl`."""
    key = Ed25519PublicKey.from_public_bytes(verifier.public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def main(action: str, subject: str) -> None:
    """Make a key, or show the public half of one."""
    if action == "new":
        sys.stdout.write(f"{Signer.generate(subject, os.urandom).reveal()}\n")
    elif action == "public":
        verifier = read_key(Path(subject)).verifier
        sys.stdout.write(f"{verifier}\n{public_pem(verifier)}")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*(sys.argv[1:3] if len(sys.argv) == 3 else ("", "")))
