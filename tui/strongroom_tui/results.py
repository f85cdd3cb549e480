"""What the rest of the program advises is written for the command line. On the screen it is told as what to press.

Only what a person can come upon here is listed; each phrase stands word for word where it is raised (a test looks).

What work on an archive came to, in words: restored, verified, compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rich.text import Text

from strongroom.engine.access.fixity import FixityFault
from strongroom.engine.access.restore import Restored
from strongroom.engine.proof.package import FinishedPackage
from strongroom.model.archive import Archive, DatasetDifference, Difference
from strongroom.model.errors import StrongroomError
from strongroom_tui.widgets.amounts import number, size, window_words
from strongroom_tui.widgets.text import clean

PRESS: Mapping[str, str] = MappingProxyType(
    {
        "restore it without --extract": "restore it as delivered",
        "name a new folder with --to": "do it again and name a new folder",
        "name another folder with --to": "do it again and name another folder",
        "choose another place with --to": "do it again and choose another place",
        "name another file with --to": "do it again and name another file",
        "create it first, or choose another with --to": "create it first, or do it again and choose another",
        "name the file yourself with --to PATH, and run: strongroom verify": "name the file yourself, and verify it: v",
        "run: strongroom verify, and restore the file from a copy of the vault": (
            "verify it (4, then v), and restore the file from a copy of the vault"
        ),
        "name two archives: strongroom diff A B": "choose one that has an older archive of the same window",
        "to see what is eligible: strongroom retention plan": "what is eligible comes first in Retention: 5",
        "nothing is destroyed early; see: strongroom retention plan": (
            "nothing is destroyed early; Retention (5) shows until when it is retained"
        ),
        "see: strongroom destroy list": "see the plans: 5, then u",
        "read it again: strongroom destroy show": "open it again and read it",
        "see: strongroom hold list --all": "see the holds: 5, then l",
        "see: strongroom hold list": "see the holds: 5, then l",
        "name archives with --archives, or a --matter": "name archives by their ids",
        "see: strongroom archives": "see the archives: 4",
        "see: strongroom jobs": "see the jobs: 3",
        "see: strongroom jobs show": "its life: 3, then enter",
        "run: strongroom audit verify": "verify the log: 6, then v",
        "run: strongroom doctor": "see Health: 7",
    }
)
"""From what the command line is told to what is told here."""


def in_keys(words: str) -> str:
    """Return what was told with each piece of advice as it is followed on this screen."""
    for phrase in sorted(PRESS, key=len, reverse=True):
        words = words.replace(phrase, PRESS[phrase]).replace(_sentence(phrase), _sentence(PRESS[phrase]))
    return words


def _sentence(words: str) -> str:
    """Return words with a capital letter, as an error shows its advice."""
    return words[:1].upper() + words[1:]


def told_error(error: StrongroomError) -> str:
    """Return what went wrong, and what to do about it here."""
    return in_keys(error.sentences)


def told_restored(restored: Restored) -> Text:
    """Say what was written, with the digest to compare with."""
    how = "decoded" if restored.coded else "as delivered"
    text = Text.assemble(("✓ restored", "bold green"), f"  {size(restored.size)} {how}, digest checked\n\n")
    whose = "decoded file" if restored.coded else "delivered bytes"
    text.append(f"  SHA-256 of the {whose}\n", "bold").append(f"  {restored.sha256}\n\n")
    if restored.coded:
        text.append("  SHA-256 of the delivered bytes, coded\n", "bold").append(f"  {restored.coded}\n\n")
    text.append("  written\n", "bold")
    for path in restored.paths:
        text.append(f"  {clean(str(path))}\n")
    return text


def told_faults(archive: Archive, faults: list[FixityFault], *, content: bool) -> Text:
    """Say what reading an archive again found."""
    how = "every sealed byte and every record" if content else "every sealed byte"
    if not faults:
        words = f"  archive {archive.id}: {how} read again, nothing differs\n"
        text = Text.assemble(("✓ sound", "bold green"), words)
        if not content:
            text.append("\n  The records were not read: browse one archive first, which unlocks, then verify again.\n")
        return text
    text = Text.assemble(("✗ fault", "bold red"), f"  archive {archive.id}: {number(len(faults), 'fault')}\n\n")
    for fault in faults:
        text.append(f"  {fault.code}", "bold").append(f"  {clean(fault.file)}\n    {clean(fault.message)}\n")
    return text.append("\n  Restore what is named from a copy of the vault. Nothing is repaired by itself.\n")


def told_difference(older: Archive, newer: Archive, found: Difference) -> Text:
    """Say what became of the records between two archives."""
    head = ("✓ the records are the same", "bold green") if found.alike else ("! the records differ", "bold yellow")
    text = Text.assemble(head, "\n\n")
    for name, archive in (("older", older), ("newer", newer)):
        words = f"{archive.id}  {clean(archive.stream)}  {window_words(archive.spec.window, 40)}\n"
        text.append(f"  {name}  ", "bold").append(words)
    for dataset in found.datasets:
        text.append_text(_told_dataset(dataset))
    for name in found.only_older:
        text.append(f"\n  {clean(name)}: only in the older archive\n")
    for name in found.only_newer:
        text.append(f"\n  {clean(name)}: only in the newer archive\n")
    return text


def _told_dataset(each: DatasetDifference) -> Text:
    text = Text.assemble("\n", (clean(each.dataset), "bold underline"), "\n")
    text.append(f"  {number(each.older, 'record')} before, {number(each.newer)} now, {number(each.same)} the same\n")
    for word, change in (("added", each.added), ("changed", each.changed), ("vanished", each.vanished)):
        more = f" and {number(change.count - len(change.ids))} more" if change.count > len(change.ids) else ""
        ids = ", ".join(clean(name) for name in change.ids)
        text.append(f"  {word:<9}", "bold").append(f"{number(change.count):>9}  {ids}{more if ids else ''}\n")
    if each.fields:
        fields = ", ".join(f"{clean(field.name)} ({number(field.records)})" for field in each.fields)
        text.append("  fields   ", "bold").append(f"{fields} in {number(each.fields_compared)} changed records\n")
    if each.nameless:
        text.append(f"  {number(each.nameless, 'record')} without an id: a changed one counts as vanished and added\n")
    return text


def told_handover(made: FinishedPackage) -> Text:
    """Say what package was made, and how its recipient checks it."""
    text = Text.assemble(("✓ handed over", "bold green"), f"  {number(len(made.archives), 'archive')}\n\n")
    text.append("  folder\n", "bold").append(f"  {clean(str(made.path))}, {size(made.size)}\n\n")
    text.append("  SHA-256 of its SHA256SUMS, which the log now has\n", "bold").append(f"  {made.sums_sha256}\n\n")
    text.append(
        f"  Proven under {number(made.checkpoint, 'entry')} of the log. Give the public key to the recipient by\n"
    )
    return text.append("  another way than this folder; its README tells how to check everything.\n")
