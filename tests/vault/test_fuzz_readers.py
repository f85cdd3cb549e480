"""Seeded nonsense for every reader of text that lies in a file: it is read, or refused in words, and nothing else.

STRONGROOM_FUZZ_SECONDS makes it longer for each reader; STRONGROOM_FUZZ_SEED takes another way.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from kit.hostile_input import SEED, mutate, rounds
from kit.manifests import GALLERY
from kit.vault_objects import make_archive, make_job
from strongroom.age.header import parse_header
from strongroom.age.identity_file import parse_identity_file
from strongroom.config.load import parse_config
from strongroom.config.manifest import parse_manifest
from strongroom.engine.destruction.execute import TITLE, read_certificate
from strongroom.evidence.checkpoint import read_unchecked
from strongroom.evidence.line import read_chain
from strongroom.evidence.note import NoteRefused, Signer, Verifier, open_note
from strongroom.evidence.verifier import Key
from strongroom.formats.compression import decode_if_coded, gunzip
from strongroom.model.errors import StrongroomError
from strongroom.model.inspection import Caps
from strongroom.model.retention import Period
from strongroom.vault.log_reader import read_line
from strongroom.vault.manifest import read_manifest, write_manifest
from strongroom.vault.tombstones import is_tombstone, read_tombstone

SIGNER = Signer("strongroom/test", bytes(range(32)))
EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
LINE = b'{"at":"2026-11-01T00:00:00Z","facts":{"a":1},"kind":"a.b","prev":"%s","seq":1,"v":1}' % (b"0" * 64)


def _period(data: bytes) -> None:
    with suppress(ValueError):  # what its callers expect
        Period.parse(data.decode("utf-8", "replace"))


def _key(data: bytes) -> None:
    with suppress(ValueError):  # as its class says
        Key(data.decode("utf-8", "replace"))


def _sealed(data: bytes) -> None:
    parse_header(data)


def _tombstone(data: bytes) -> None:
    is_tombstone(data)
    read_tombstone(data)


def _certificate(data: bytes) -> None:
    with suppress(ValueError):  # what its callers expect
        read_certificate(data)


def _text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


CODED = gzip.compress(b"id,at\r\n1,2026\r\n" * 9, mtime=0) + gzip.compress(b"2,2026\r\n", mtime=0)


def _codings(data: bytes) -> None:
    coding, pieces = decode_if_coded([data], Caps())
    decoded = b"".join(pieces)
    if coding in ("deflate", "raw-deflate"):
        assert decoded == zlib.decompress(data, 15 if coding == "deflate" else -15)


def _gzip(data: bytes) -> None:
    """What is read is what another program reads; it may take more, such as zeros behind the end."""
    decoded = b"".join(gunzip([data], Caps()))
    assert decoded == (gzip.decompress(data) if data else b"")


TOMBSTONE = json.dumps(
    {
        "destroyed": {"at": "2026-11-01T00:00:00Z", "ground": "retention", "rule": "", "citation": "", "proposal": ""},
        **dict.fromkeys(("id", "stream", "source", "provider", "job", "retention"), "a"),
        "format": 1,
        "was": "held",
        "datasets": ["a"],
        "verified_at": "2026-11-01T00:00:00Z",
        "window": {"start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"},
        "delivered": {"size": 1, "digest": ""},
        "sealed": {"size": 1, "sha256": ""},
        "counts": {"records": 1},
        "key": {"sha256": ""},
        "manifest": {"sha256": ""},
        "holding": "destroyed",
    }
).encode()

CERTIFICATE = (
    TITLE.encode()
    + b'\n{"version": 1, "archive": "a", "at": "2026-11-01T00:00:00Z", "log": {"entries": 3}}\n\nsigned\n'
)
APPROVAL = SIGNER.sign("strongroom approval\nproposal a\nplan 00\n").encode()

READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "configuration": (EXAMPLE.read_bytes(), _text(lambda text: parse_config(Path("s.toml"), text))),
    "provider": ((GALLERY / "qlara-manifest.toml").read_bytes(), _text(lambda text: parse_manifest("m.toml", text))),
    "manifest": (write_manifest(make_archive(make_job())), read_manifest),
    "tombstone": (TOMBSTONE, _tombstone),
    "chain": (LINE, lambda data: list(read_chain(data.split(b"\n")))),
    "entry": (LINE, lambda data: read_line(1, data)),
    "note": (SIGNER.sign("text\n").encode(), _text(lambda text: open_note(text, SIGNER.verifier))),
    "checkpoint": (b"origin\n1\n" + b"A" * 43 + b"=\n\nsigned\n", _text(read_unchecked)),
    "public key": (str(SIGNER.verifier).encode(), _text(Verifier.parse)),
    "signing key": (SIGNER.reveal().encode(), _text(Signer.parse)),
    "verifier's key": (str(SIGNER.verifier).encode(), _key),
    "identity": (b"# a\nAGE-SECRET-KEY-1" + b"Q" * 58 + b"\n", parse_identity_file),
    "age header": (
        b"age-encryption.org/v1\n-> X25519 " + b"A" * 43 + b"\n" + b"A" * 43 + b"\n--- " + b"A" * 43,
        _sealed,
    ),
    "period": (b"7 years", _period),
    "certificate": (CERTIFICATE, _certificate),
    "approval": (APPROVAL, _text(lambda text: open_note(text, SIGNER.verifier))),
    "gzip coding": (CODED, _gzip),
    "deflate coding": (zlib.compress(b"id,at\r\n1,2026\r\n" * 9), _codings),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_nonsense_is_read_or_refused_in_words(name: str) -> None:
    sound, read = READERS[name]
    random_bytes = random.Random(f"{SEED} {name}")
    for _ in rounds(0.4):
        data = mutate(sound, random_bytes)
        try:
            read(data)
        except (StrongroomError, NoteRefused) as error:
            assert str(error).isascii() or str(error).encode()  # the words can be written
        except Exception as error:  # noqa: BLE001 - whatever else comes is what is looked for
            raise AssertionError(f"{name}: {error!a} for {data!r}") from None
