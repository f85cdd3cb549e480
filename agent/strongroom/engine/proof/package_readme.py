"""The words of a package: a README for whoever gets it, and what happened to each archive, line by line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from msgspec import Struct

from strongroom.engine.proof.checkpoints import Issuer
from strongroom.engine.proof.inclusion_proofs import Proven
from strongroom.model.archive import Archive
from strongroom.model.content_coding import undo_command
from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.vault.checkpoints import LoggedLine

Phrase = Callable[[LoggedLine], str]
"""Says in words what an entry of the log tells."""


class Told(Struct, frozen=True):
    """What the README tells of."""

    archives: Sequence[Archive]
    proven: Proven
    verifier: str  # the agent's public key, or empty where it is not known
    recipients: Sequence[str]
    plain: bool
    stamped: bool


def write_readme(told: Told) -> str:
    """Return the README, in plain words, with commands that stock tools run."""
    parts = [_HEAD, _contents(told), _listing(told.archives), _checking(told), _opening(told), _LIMITS]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def write_custody(archive: Archive, events: Sequence[LoggedLine], phrase: Phrase, issuer: Issuer) -> str:
    """Return what happened to an archive, for people; custody.json has the same with its proofs.

    What a line says before its words is compared by the verifier. No word can begin a line, or hide one.
    """
    window = archive.spec.window
    lines = [
        f"Chain of custody of archive {archive.id}",
        "",
        f"Organization: {issuer.organization}",
        f"Vault: {issuer.vault}",
        f"Signing key: {issuer.key or 'none'}",
        f"Source account: {issuer.account(archive.source)}",
        "",
        f"Stream {archive.stream}, source {archive.source} ({archive.provider}), export {archive.ref or 'unnamed'}",
        f"From {format_instant(window.start)} up to, not including, {format_instant(window.end)}",
        f"{counted(archive.inspection.records, 'record')}, {archive.seal.size} bytes as delivered",
        "",
        "The entries below come from the vault's evidence log, oldest first. They record how this archive was",
        "requested from the provider, received, verified and kept, and who was given it. strongroom-verify.py",
        "checks each entry against the signed log.",
        "",
        "Entry    Time (UTC)                    Event, and what happened in words",
    ]
    lines += [f"{each.seq:>7}  {each.body['at']:<28}  {each.body['kind']}  {phrase(each)}" for each in events]
    lines += [
        "",
        "Each of these entries, byte for byte, and its proof: custody.json. The words are not in the log.",
        "",
    ]
    return "\n".join(_one_line(line) for line in lines)


def _one_line(text: str) -> str:
    """Return text with nothing in it that ends a line, steers a terminal or turns what is shown around."""
    return "".join(char if char.isprintable() else " " for char in text).rstrip()


def _contents(told: Told) -> str:
    kept = told.proven.kept
    key = "sealed anew, to the recipient's public key" if told.recipients else "as it lies in the vault"
    lines = [
        "WHAT IS IN HERE",
        "",
        "  archives/ID/payload.age    the sealed records, exactly as they lie in the vault (an age v1 file)",
        f"  archives/ID/key.age        the key that opens them, {key}",
        "  archives/ID/manifest.json  what the archive is: source, period, counts, digests",
        "  archives/ID/custody.txt    what happened to it, for people",
        "  archives/ID/custody.json   the same, with the exact log entries and their proofs",
        *(["  archives/ID/delivered      THE RECORDS IN THE CLEAR: keep them safe"] if told.plain else []),
        f"  checkpoint.note            the log of {counted(kept.size, 'entry')}, signed on {format_instant(kept.at)}",
        *(["  checkpoint.tsr             the same, time-stamped by an authority (RFC 3161)"] if told.stamped else []),
        "  package.json               the list of all this, for programs",
        "  strongroom-verify.py       the program that checks it",
        "  public-key.txt             the archiving agent's public key; see below before you trust it",
        "  SHA256SUMS                 a digest of every file, to find damage on the way",
    ]
    return "\n".join(lines)


def _listing(archives: Sequence[Archive]) -> str:
    rows = [
        f"  {each.id}  {_one_line(each.stream)}, {format_instant(each.spec.window.start)} to "
        f"{format_instant(each.spec.window.end)}, {counted(each.inspection.records, 'record')}"
        for each in archives
    ]
    return "\n".join(["WHICH ARCHIVES", "", *rows])


def _checking(told: Told) -> str:
    key = told.verifier or "PUBLIC-KEY"
    name = "+".join(key.split("+")[:2])
    stamp = _STAMP if told.stamped else ""
    return _CHECKING.format(key=key, name=name, stamp=stamp)


def _opening(told: Told) -> str:
    if told.plain:
        coded = any(archive.seal.decoded_size is not None for archive in told.archives)
        return _PLAIN + (_PLAIN_CODED if coded else "")
    whose = "your own" if told.recipients else "the vault's"
    lines = ["HOW TO OPEN THE RECORDS", "", _OPENING.format(whose=whose)]
    lines += [f"  {command}" for command in map(_open_command, told.archives)]
    return "\n".join(lines)


def _open_command(archive: Archive) -> str:
    folder = f"archives/{archive.id}"
    unpacked = " | zstd -d" if archive.seal.coding else ""
    unpacked += undo_command(archive.seal.delivered_coding)
    name = "../" + shlex.quote(_one_line(f"{archive.id}-{archive.seal.file_name}".replace("/", "_")))
    return f"age -d -i <(age -d -i IDENTITY {folder}/key.age) {folder}/payload.age{unpacked} > {name}"


_HEAD = """
ARCHIVED RECORDS, WITH THEIR EVIDENCE

This folder holds records that a Strongroom archive was asked to hand over, together with what is needed to check, with
no help from whoever handed them over, that they are what was archived and that nothing was changed since.
"""

_CHECKING = """
HOW TO CHECK IT

1. Was anything damaged on the way? In this folder:

  sha256sum --check SHA256SUMS

2. Is it what the log records? You need Python 3.9 or later and its "cryptography" library. You also need the agent's
   public key FROM ANOTHER WAY THAN THIS FOLDER, such as a letter or a call to whoever runs the archive: a forger would
   put a key of his own in here. This package claims to be signed by the key whose name begins with

  {name}

   Put the key that you were given in the place of KEY:

  python3 strongroom-verify.py . --key KEY

   Whoever could forge this folder could forge that program, too: if it matters, take it from a copy of Strongroom that
   you got yourself, or compare its digest with one that you were told. It is short enough to be read.

   It says what it has proven and what not. If you have kept an earlier checkpoint of the same archive (a small file
   that ends in .note), add it: the log in here must go on from it.

  python3 strongroom-verify.py . --key KEY --checkpoint FILE
{stamp}
   It must end in "nothing is wrong". Anything that begins with WRONG is for the person who sent you this to explain.
"""

_STAMP = """
   When was it signed at the latest? Ask the authority's own certificates (CERTIFICATES is their PEM file):

  openssl ts -verify -data checkpoint.note -in checkpoint.tsr -CAfile CERTIFICATES
"""

_OPENING = """The free tool age (https://age-encryption.org) opens them with {whose} identity file, here called
IDENTITY, in bash. The records are written beside this folder, so that it stays as it was handed over:
"""

_PLAIN = """
HOW TO OPEN THE RECORDS

The records lie in the clear, as the provider delivered them, in archives/ID/delivered. strongroom-verify.py compares
them with the log (salt.txt is needed for that).
"""

_PLAIN_CODED = """
Where there is also archives/ID/decoded, the provider delivered the file with a content coding: "delivered" is the
coded file, byte for byte, and "decoded" is the file to read.
"""

_LIMITS = """
WHAT THIS DOES NOT SHOW

- That the provider delivered all there was: the evidence begins with what was delivered.
- That no event of an archive was left out of custody.json: only the whole log, which stays with the archive, shows it.
- What the agent's machine did before it signed: the checkpoint says that nothing was changed after that.
"""
