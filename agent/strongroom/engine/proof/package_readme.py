"""The texts of an evidence package: its README, and each archive's chain of custody, line by line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from msgspec import Struct

from strongroom.engine.proof.checkpoints import Issuer
from strongroom.engine.proof.inclusion_proofs import Proven
from strongroom.model.archive import Archive
from strongroom.model.content_coding import undo_command
from strongroom.model.provider import shown_ref
from strongroom.model.text import counted
from strongroom.model.times import format_instant
from strongroom.vault.checkpoints import LoggedLine

Phrase = Callable[[LoggedLine], str]
"""Describes an entry of the log in words."""


class ReadmeFacts(Struct, frozen=True):
    """What the README describes."""

    issuer: Issuer
    archives: Sequence[Archive]
    proven: Proven
    verifier: str  # the agent's public key, or empty where it is not known
    recipients: Sequence[str]
    plain: bool
    stamped: bool


def write_readme(facts: ReadmeFacts) -> str:
    """Return the README, with commands for standard tools."""
    parts = [
        _HEAD,
        _for_counsel(facts),
        _contents(facts),
        _listing(facts.archives),
        _checking(facts),
        _opening(facts),
        _LIMITS,
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts if part)


def write_custody(archive: Archive, events: Sequence[LoggedLine], phrase: Phrase, issuer: Issuer) -> str:
    """Return the chain of custody of an archive, for people; custody.json has the same with its proofs.

    The verifier compares the start of each line. No description can begin a line, or hide one.
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
        f"Stream {archive.stream}, source {archive.source} ({archive.provider}), "
        f"export {shown_ref(archive.ref) or 'unnamed'}",
        f"From {format_instant(window.start)} up to, not including, {format_instant(window.end)}",
        f"{counted(archive.inspection.records, 'record')}, {archive.seal.size} bytes as delivered",
        "",
        "The entries below come from the vault's evidence log, oldest first. They record how this archive was",
        "requested from the provider, received, verified and kept, and who was given it. strongroom-verify.py",
        "checks each entry against the signed log.",
        "",
        "Entry    Time (UTC)                    Event and description",
    ]
    lines += [f"{each.seq:>7}  {each.body['at']:<28}  {each.body['kind']}  {phrase(each)}" for each in events]
    lines += [
        "",
        "Each of these entries, byte for byte, with its proof: custody.json. The descriptions are not in the log.",
        "",
    ]
    return "\n".join(_one_line(line) for line in lines)


def _one_line(text: str) -> str:
    """Return text without line breaks, terminal control characters or changes of text direction."""
    return "".join(char if char.isprintable() else " " for char in text).rstrip()


def _for_counsel(facts: ReadmeFacts) -> str:
    accounts = dict.fromkeys(facts.issuer.account(each.source) for each in facts.archives)
    records = sum(each.inspection.records for each in facts.archives)
    return _FOR_COUNSEL.format(
        organization=_one_line(facts.issuer.organization),
        accounts="; ".join(_one_line(each) for each in accounts),
        start=format_instant(min(each.spec.window.start for each in facts.archives)),
        end=format_instant(max(each.spec.window.end for each in facts.archives)),
        count=f"{counted(len(facts.archives), 'archive')} with {counted(records, 'record')}",
        signed=format_instant(facts.proven.kept.at),
    )


def _contents(facts: ReadmeFacts) -> str:
    kept = facts.proven.kept
    key = "sealed to the recipient's public key" if facts.recipients else "as stored in the vault"
    lines = [
        "CONTENTS",
        "",
        "  archives/ID/payload.age    the sealed records, exactly as stored in the vault (an age v1 file)",
        f"  archives/ID/key.age        the key that opens it, {key}",
        "  archives/ID/manifest.json  description of the archive: source, period, counts, digests",
        "  archives/ID/segment.idx.age  what a search compares, sealed with the same key; an archive may have none",
        "  archives/ID/custody.txt    its chain of custody, for people",
        "  archives/ID/custody.json   the same, with the exact log entries and their proofs",
        *(["  archives/ID/delivered      THE UNENCRYPTED RECORDS: keep them safe"] if facts.plain else []),
        f"  checkpoint.note            the log of {counted(kept.size, 'entry')}, signed on {format_instant(kept.at)}",
        *(["  checkpoint.tsr             its time stamp from an authority (RFC 3161)"] if facts.stamped else []),
        "  package.json               a list of the contents, for programs",
        "  strongroom-verify.py       the program that checks this package",
        "  public-key.txt             the vault's public key; read below before you trust it",
        "  SHA256SUMS                 a digest of every file, to detect damage in transit",
    ]
    return "\n".join(lines)


def _listing(archives: Sequence[Archive]) -> str:
    rows = [
        f"  {each.id}  {_one_line(each.stream)}, {format_instant(each.spec.window.start)} to "
        f"{format_instant(each.spec.window.end)}, {counted(each.inspection.records, 'record')}"
        for each in archives
    ]
    return "\n".join(["ARCHIVES", "", *rows])


def _checking(facts: ReadmeFacts) -> str:
    key = facts.verifier or "PUBLIC-KEY"
    name = "+".join(key.split("+")[:2])
    stamp = _STAMP if facts.stamped else ""
    return _CHECKING.format(key=key, name=name, stamp=stamp)


def _opening(facts: ReadmeFacts) -> str:
    if facts.plain:
        coded = any(archive.seal.decoded_size is not None for archive in facts.archives)
        return _PLAIN + (_PLAIN_CODED if coded else "")
    whose = "your own" if facts.recipients else "the vault's"
    lines = ["HOW TO OPEN THE RECORDS", "", _OPENING.format(whose=whose)]
    lines += [f"  {command}" for command in map(_open_command, facts.archives)]
    return "\n".join(lines)


def _open_command(archive: Archive) -> str:
    folder = f"archives/{archive.id}"
    unpacked = " | zstd -d" if archive.seal.coding else ""
    unpacked += undo_command(archive.seal.delivered_coding)
    name = "../" + shlex.quote(_one_line(f"{archive.id}-{archive.seal.file_name}".replace("/", "_")))
    return f"age -d -i <(age -d -i IDENTITY {folder}/key.age) {folder}/payload.age{unpacked} > {name}"


_HEAD = """
ARCHIVED RECORDS, WITH THEIR EVIDENCE

This folder contains records from a Strongroom vault, and everything you need to check for yourself, without relying on
the sender, that they are the records that were archived and that nothing was changed since.
"""

_FOR_COUNSEL = """
FOR COUNSEL

  Organization    {organization}
  Accounts        {accounts}
  Period          {start} up to, not including, {end} (UTC)
  Contents        {count}; the list below shows which periods they cover
  Signed          {signed}

An archive is one file that the provider of the account delivered for one period, kept byte for byte, encrypted. When it
arrived, it was read back from the disk, and every record in it was counted, unless custody.txt says that it was
rejected. Each such event is an entry of a log. An entry cannot be changed or removed without contradicting every
signature of the log that anyone received since.

What you can show with this folder, if the check below finds nothing wrong:

- Each file is, byte for byte, the one whose digest the log has recorded since it arrived.
- The entries in custody.txt, with their times, are in the log that was signed at the time above. They say when the
  organization requested the records, received, verified and handed them over, and who did so as user of the machine.
- Who signed: the holder of the key that you received from the organization.

To introduce an archive, print its custody.txt. To have it explained, ask the organization for the person who runs the
vault, and whether the log of this period was also sent to a third party: such a copy confirms the times.
"""

_CHECKING = """
HOW TO CHECK IT

1. Was anything damaged in transit? Run in this folder:

  sha256sum --check SHA256SUMS

2. Is it what the log records? You need Python 3.9 or later and its "cryptography" library. You also need the vault's
   public key FROM A SOURCE OTHER THAN THIS FOLDER, such as a letter from, or a call to, the organization that runs the
   vault: a forger would put their own key in here. This package claims to be signed by the key whose name begins with

  {name}

   Replace KEY with the key that you received:

  python3 strongroom-verify.py . --key KEY

   Anyone who could forge this folder could also forge that program. If that matters, take it from a copy of Strongroom
   that you obtained yourself, or compare its digest with one that you received separately. It is short enough to read.

   It reports what is proven and what is not. If you have an earlier checkpoint of the same vault (a small file whose
   name ends in .note), add it: the log in this package must continue from it.

  python3 strongroom-verify.py . --key KEY --checkpoint FILE
{stamp}
   Its output must end with "nothing is wrong". Ask the sender to explain any line that begins with WRONG.
"""

_STAMP = """
   What is the latest time it can have been signed? Check with the authority's certificates (CERTIFICATES: a PEM file):

  openssl ts -verify -data checkpoint.note -in checkpoint.tsr -CAfile CERTIFICATES
"""

_OPENING = """The free tool age (https://age-encryption.org) opens them with {whose} identity file, called IDENTITY
below. Run these commands in bash. They write the records next to this folder, which itself stays unchanged:
"""

_PLAIN = """
HOW TO OPEN THE RECORDS

The unencrypted records, as the provider delivered them, are in archives/ID/delivered. strongroom-verify.py compares
them with the log (it needs salt.txt for that).
"""

_PLAIN_CODED = """
If there is also archives/ID/decoded, the provider delivered the file with a content coding (compressed): "delivered" is
the coded file, byte for byte, and "decoded" is the file to read.
"""

_LIMITS = """
WHAT THIS DOES NOT PROVE

- That the provider delivered everything: the evidence begins with what was delivered.
- That custody.json has every event of an archive: only the whole log, which stays with the vault, can show that.
- What the vault's machine did before it signed the log: the checkpoint proves that nothing was changed afterwards.
"""
