"""What somebody can do who can write to the log, alone or with catalogue, files and configuration.

Every change is made as well as it can be: what follows is numbered and chained anew, the rows are the lines again, and
checkpoints are signed with a key of one's own, or with the agent's where it says "stolen".
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from kit.attacks.files import FOREIGN, digest_of, signed_by_another
from kit.attacks.scene import NOW, Scene
from kit.evidence_chain import Lines, chained, forge_note, raw, read_lines, sign_anew, sizes_of, write_lines
from strongroom.evidence.line import Entry, Fact
from strongroom.model.destruction import Ground, Person, PlanItem, Proposal, Stage, plan_digest
from strongroom.vault.archives import get_archive
from strongroom.vault.log import add_entry
from strongroom.vault.rows import to_text
from strongroom.vault.tombstones import carve, put_tombstone, write_tombstone

Act = Callable[[Scene], object]
DAY = timedelta(days=1)


def edit(scene: Scene) -> None:
    bodies = read_lines(scene)
    bodies[1]["at"] = "2020-01-01T00:00:00Z"
    write_lines(scene, [raw(body) for body in bodies])


def edit_well(scene: Scene) -> None:
    bodies = read_lines(scene)
    bodies[1]["at"] = "2020-01-01T00:00:00Z"
    write_lines(scene, chained(bodies))


def place_of(bodies: Lines, kind: str) -> int:
    return next(place for place, body in enumerate(bodies) if body["kind"] == kind)


def remove(scene: Scene) -> None:
    bodies = read_lines(scene)
    place = place_of(bodies, "hold.placed")
    write_lines(scene, [raw(body) for body in bodies[:place] + bodies[place + 1 :]])


def remove_well(scene: Scene) -> None:
    """Take the hold out of log and rows, and chain all that follows anew."""
    bodies = [body for body in read_lines(scene) if body["kind"] not in ("hold.placed", "destruction.spared")]
    write_lines(scene, chained(bodies))
    with scene.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM holds")


def insert_well(scene: Scene) -> None:
    bodies = read_lines(scene)
    write_lines(scene, chained([*bodies[:1], {**bodies[0], "kind": "job.planned"}, *bodies[1:]]))


def reorder(scene: Scene) -> None:
    bodies = read_lines(scene)
    write_lines(scene, [raw(body) for body in (bodies[0], bodies[2], bodies[1], *bodies[3:])])


def reorder_well(scene: Scene) -> None:
    bodies = read_lines(scene)
    write_lines(scene, chained([bodies[0], bodies[2], bodies[1], *bodies[3:]]))


def cut(scene: Scene) -> None:
    write_lines(scene, chained(read_lines(scene)[:9]))


def cut_file_alone(scene: Scene) -> None:
    write_lines(scene, scene.log.read_bytes().splitlines()[:-2], rows=False)


def half_a_line(scene: Scene) -> None:
    scene.log.write_bytes(scene.log.read_bytes()[:-9])


def empty(scene: Scene) -> None:
    scene.log.write_bytes(b"")


def append(scene: Scene, entries: Sequence[Entry]) -> None:
    """Append lines, chained as they must be, to rows and file."""
    with scene.opened() as vault:
        with vault.catalogue.transaction():
            for entry in entries:
                add_entry(vault.catalogue, entry)
        vault.write_log()


def release(scene: Scene) -> None:
    """Release the hold in somebody else's name; and put back what it took off its plan."""
    hold = next(body["facts"]["hold"] for body in read_lines(scene) if body["kind"] == "hold.placed")
    append(scene, [Entry("hold.released", NOW, facts={"hold": hold, "by": "uid:1000"})])
    with scene.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("UPDATE holds SET released_at = ?", to_text(NOW))
        vault.catalogue.write("UPDATE condemned SET stage = 'approved' WHERE archive = ?", scene.names["due"])


def approve(scene: Scene) -> None:
    """Approve the waiting plan in another person's name, without that person's key."""
    with scene.opened() as vault:
        archive = scene.names["planned"]
        row = vault.catalogue.read("SELECT proposal FROM condemned WHERE archive = ?", archive)[0]
        plan, at = row["proposal"], to_text(NOW)
        digest = vault.catalogue.read("SELECT plan_sha256 FROM proposals WHERE id = ?", plan)[0]["plan_sha256"]
        facts: dict[str, Fact] = {"proposal": plan, "by": "uid:1001", "plan_sha256": digest}
        facts |= {"archives": 1, "enough": True}
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("destruction.approved", NOW, facts=facts))
            vault.catalogue.write(
                "INSERT INTO approvals VALUES (?, ?, 1001, 'bob', NULL, NULL, ?, '', '', 0)", plan, at, digest
            )
            vault.catalogue.write("UPDATE condemned SET stage = 'approved' WHERE archive = ?", archive)
        vault.write_log()


def destroyed(scene: Scene, *, name: str = "a", at: datetime = NOW, end: bool = True, **terms: Fact) -> None:
    """Append all that a destruction leaves in the log, and the tombstone's row, of an archive that nobody condemned."""
    with scene.opened() as vault:
        archive = get_archive(vault.catalogue, scene.names[name])
        assert archive is not None
        plan = f"01plan{archive.id}"
        items = PlanItem(archive.id, plan, Stage.APPROVED, at, "standard: 7y from its window's end")
        digest = plan_digest(plan, [items])
        alice, bob = Person(1000, "alice"), Person(1001, "bob")
        proposal = Proposal(plan, at, alice, Ground.RETENTION, "over", 2, timedelta(0), digest)
        stone = carve(archive, items, proposal, ("00" * 32, "11" * 32), at)
        sha256 = hashlib.sha256(write_tombstone(stone)).hexdigest()
        rules: list[Fact] = [{"rule": items.rule, "citation": "", "archives": [archive.id]}]
        about: dict[str, Fact] = {"proposal": plan, "plan_sha256": digest}
        more: dict[str, Fact] = {"by": alice.token, "ground": "retention", "people": 2, "cooling_off_seconds": 0}
        given: dict[str, Fact] = {**about, "by": bob.token, "archives": 1, "enough": True}
        ended: dict[str, Fact] = {"proposal": plan, "manifest_sha256": sha256, "certificate_sha256": "22" * 32}
        steps = [
            Entry("destruction.proposed", at, facts={**about, **more, "rules": rules, **terms}),
            Entry("destruction.approved", at, facts=given),
            Entry("destruction.begun", at, archive=archive.id, facts={"proposal": plan, "tombstone_sha256": sha256}),
            Entry("archive.destroyed", at, archive=archive.id, facts=ended),
        ]
        with vault.catalogue.transaction():
            for entry in steps if end else steps[:-1]:
                add_entry(vault.catalogue, entry)
            put_tombstone(vault.catalogue, stone, "22" * 32 if end else "")
        vault.write_log()


def begun(scene: Scene) -> None:
    destroyed(scene, name="planned", end=False)


def overridden(scene: Scene) -> None:
    destroyed(scene, ground="erasure", overrides_retention=True)


def in_years(scene: Scene) -> None:
    destroyed(scene, at=NOW + 8 * 366 * DAY)


def rebuild(scene: Scene) -> None:
    """Make the whole log anew from its first line on, with a key of one's own, and sign all of it."""
    signed_by_another(scene)
    bodies, sizes = read_lines(scene), sizes_of(scene)
    told = bodies[place_of(bodies, "archive.destroyed")]["facts"]
    told["certificate_sha256"] = digest_of(scene.certificate)
    bodies[0]["facts"]["verifier"] = str(FOREIGN.verifier)
    write_lines(scene, chained(bodies))
    sign_anew(scene, FOREIGN, sizes)


def rebuild_stolen(scene: Scene) -> None:
    """Even the agent's own key cannot contradict what it signed before."""
    bodies, sizes = read_lines(scene), sizes_of(scene)
    bodies[1]["at"] = "2020-01-01T00:00:00Z"
    write_lines(scene, chained(bodies))
    sign_anew(scene, scene.signer, sizes[1:])


def begin_anew_stolen(scene: Scene) -> None:
    bodies, sizes = read_lines(scene), sizes_of(scene)
    bodies[0]["at"] = "2020-01-01T00:00:00Z"
    write_lines(scene, chained(bodies))
    sign_anew(scene, scene.signer, sizes)


def fork(scene: Scene) -> None:
    """Show two histories of the same length to two people."""
    bodies, sizes = read_lines(scene), sizes_of(scene)
    bodies[1]["at"] = "2020-01-01T00:00:00Z"
    scene.outside.write_text(forge_note(chained(bodies), sizes[-1], scene.signer))


def roll_back(scene: Scene) -> None:
    """Put a whole, older copy of the vault in its place: everything in it agrees."""
    shutil.rmtree(scene.root)
    shutil.copytree(scene.older, scene.root)


def checkpoint(scene: Scene, text: str, size: int) -> None:
    (scene.log.parent / "checkpoints" / f"{size}.note").write_text(text)


def unsigned_note(scene: Scene) -> None:
    lines = scene.log.read_bytes().splitlines()
    checkpoint(scene, forge_note(lines, 5, FOREIGN).partition("\n\n")[0] + "\n", 5)


def foreign_note(scene: Scene) -> None:
    checkpoint(scene, forge_note(scene.log.read_bytes().splitlines(), 5, FOREIGN), 5)


def note_of_another_log(scene: Scene) -> None:
    """Sign another log with a stolen key."""
    size = sizes_of(scene)[0]
    checkpoint(scene, forge_note([b"another log", *chained(read_lines(scene))], size, scene.signer), size)


def replayed_note(scene: Scene) -> None:
    checkpoint(scene, scene.outside.read_text(), 5)


def swapped_notes(scene: Scene) -> None:
    first, second = sizes_of(scene)[:2]
    folder = scene.log.parent / "checkpoints"
    (folder / f"{second}.note").write_bytes((folder / f"{first}.note").read_bytes())


LOGS: dict[str, Act] = {
    "a line is changed": edit,
    "a line is taken out": remove,
    "two lines change places": reorder,
    "the last lines are cut off": cut_file_alone,
    "half of the last line is cut off": half_a_line,
    "the file is emptied": empty,
    "an unsigned checkpoint": unsigned_note,
    "a checkpoint of another key": foreign_note,
    "a checkpoint of another log": note_of_another_log,
    "an older checkpoint under a new name": replayed_note,
    "a checkpoint under another's name": swapped_notes,
    "two histories of one length": fork,
}
RECOMPUTED: dict[str, Act] = {
    "a whole older copy is put in its place": roll_back,
    "a line is changed, chained anew": edit_well,
    "a hold is taken out, chained anew": remove_well,
    "a line is put in, chained anew": insert_well,
    "two lines change places, chained anew": reorder_well,
    "the log is cut, rows too": cut,
    "all is made and signed anew with another key": rebuild,
    "all is made and signed anew with a stolen key": rebuild_stolen,
    "the log begins anew with a stolen key": begin_anew_stolen,
    "a hold is released by appended lines": release,
    "an approval is given by appended lines": approve,
    "a destruction is claimed by appended lines": destroyed,
    "a destruction is begun by appended lines": begun,
    "an erasure in lock mode, by appended lines": overridden,
    "a destruction of a time that has not come": in_years,
}
