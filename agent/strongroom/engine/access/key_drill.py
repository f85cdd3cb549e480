"""The recovery drill: a person shows that an identity opens an archive drawn by chance, and that all of it is there.

Nothing is written but the result. What a drill proves is what a restore after a disaster needs: the key that lies in a
safe, a key file, a payload, and a program that brings them together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import FixityFault, check_fixity
from strongroom.engine.core.identities import unlock
from strongroom.evidence.line import Entry, Fact
from strongroom.model.archive import Archive
from strongroom.model.errors import SealError, UsageError
from strongroom.model.times import Chance
from strongroom.vault.archives import get_archive
from strongroom.vault.log import add_entry
from strongroom.vault.recipients import draw_archive, mark_proven, put_drill
from strongroom.vault.vault import Vault


class Drill(Struct, frozen=True):
    """What a drill came to."""

    at: datetime
    archive: Archive
    recipient: str  # the public key whose identity was tried
    faults: tuple[FixityFault, ...]

    @property
    def passed(self) -> bool:
        """Say whether the identity opened the archive and everything recorded of it was found."""
        return not self.faults


def draw(vault: Vault, random_bytes: Chance) -> Archive:
    """Draw one held archive by chance. Raises UsageError when there is none."""
    drawn = draw_archive(vault.catalogue, random_bytes)
    archive = get_archive(vault.catalogue, drawn) if drawn else None
    if archive is None:
        raise UsageError("the vault has no archive yet that a drill could open", hint="run: strongroom run --once")
    return archive


def drill(
    vault: Vault,
    archive: Archive,
    identities: Sequence[X25519Identity],
    now: datetime,
    watch: Callable[[int], None] = lambda _count: None,
) -> Drill:
    """Open the archive with each identity, read all of its content once, and log the result; return it.

    Of several identities those that open the archive are drilled; where none does, the first has failed.
    """
    faults = check_fixity(vault, archive, watch)
    if not faults:
        faults = check_content(vault, archive, identities, watch)
    tried = [Drill(now, archive, str(each.recipient), tuple(_opens(vault, archive, each))) for each in identities]
    able = [each for each in tried if each.passed] or tried[:1]
    drills = [replace(each, faults=each.faults or tuple(faults)) for each in able]
    with vault.catalogue.transaction():
        for each in drills:
            _enter(vault, each)
    vault.write_log()
    return drills[0]


def _opens(vault: Vault, archive: Archive, identity: X25519Identity) -> list[FixityFault]:
    try:
        unlock(vault, archive, [identity])
    except SealError as error:
        name = str(vault.key_path(archive).relative_to(vault.layout.root))
        return [FixityFault(archive.id, name, "key", error.message)]
    return []


def _enter(vault: Vault, drill: Drill) -> None:
    archive, recipient = drill.archive, drill.recipient
    facts: dict[str, Fact] = {"recipient": recipient, "records": archive.inspection.records, "size": archive.seal.size}
    if drill.passed:
        mark_proven(vault.catalogue, recipient, drill.at)
        entry = Entry("drill.passed", drill.at, archive=archive.id, stream=archive.stream, facts=facts)
    else:
        facts["faults"] = [*sorted({fault.code for fault in drill.faults})]
        entry = Entry("drill.failed", drill.at, archive=archive.id, stream=archive.stream, facts=facts)
    put_drill(vault.catalogue, recipient, archive.id, drill.at, passed=drill.passed)
    add_entry(vault.catalogue, entry)
