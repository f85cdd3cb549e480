"""What work on an archive came to, in words: restored, verified, compared."""

from __future__ import annotations

from rich.text import Text

from strongroom.engine.health.fixity import Fault
from strongroom.engine.proof.handover import HandedOver
from strongroom.engine.reading.restore import Restored
from strongroom.model.archive import Archive
from strongroom.model.difference import DatasetDifference, Difference
from strongroom_tui.amounts import number, size, window_words
from strongroom_tui.plain import clean


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


def told_faults(archive: Archive, faults: list[Fault], *, content: bool) -> Text:
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


def told_handover(made: HandedOver) -> Text:
    """Say what package was made, and how its recipient checks it."""
    text = Text.assemble(("✓ handed over", "bold green"), f"  {number(len(made.archives), 'archive')}\n\n")
    text.append("  folder\n", "bold").append(f"  {clean(str(made.path))}, {size(made.size)}\n\n")
    text.append("  SHA-256 of its SHA256SUMS, which the log now has\n", "bold").append(f"  {made.sums_sha256}\n\n")
    text.append(
        f"  Proven under {number(made.checkpoint, 'entry')} of the log. Give the public key to the recipient by\n"
    )
    return text.append("  another way than this folder; its README tells how to check everything.\n")
