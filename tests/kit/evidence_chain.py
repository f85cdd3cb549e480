"""A vault worth attacking: archives, a destroyed one, two checkpoints; and the tools of who can write to it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kit.sealed_vault import AT, House, message
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.core.identities import load_identities
from strongroom.engine.proof.audit import Report, audit_vault
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.engine.proof.package import FinishedPackage, PackageRequest, PackageSource, write_package
from strongroom.evidence import verifier
from strongroom.evidence.checkpoint import make_checkpoint, sign_checkpoint
from strongroom.evidence.line import GENESIS, Entry, Fact, digest
from strongroom.evidence.note import Signer
from strongroom.evidence.tree import Tree, leaf_hash
from strongroom.model.destruction import Person, PlanItem, Stage, plan_digest
from strongroom.model.provider import Container
from strongroom.vault.archives import get_archive
from strongroom.vault.log import add_entry
from strongroom.vault.rows import to_instant, to_text
from strongroom.vault.vault import Vault, open_vault

Lines = list[dict[str, Any]]
PERSON = Person(1000, "an operator")
PLAN = "01plan"
SCRIPT = Path(verifier.__file__)


@dataclass(frozen=True)
class Keep:
    """A vault with its configuration, what is kept outside it, and a public key that came by another way."""

    base: Path

    @property
    def root(self) -> Path:
        return self.base / "vault"

    @property
    def config(self) -> Config:
        return load_config(self.base / "strongroom.toml")

    @property
    def outside(self) -> Path:
        """The checkpoint that left the host."""
        return self.base / "outside.note"

    @property
    def key(self) -> str:
        return (self.base / "key.txt").read_text()

    @property
    def signer(self) -> Signer:
        return Signer.parse((self.base / "strongroom-signing.key").read_text().strip())

    @property
    def log(self) -> Path:
        return self.root / "log" / "log.jsonl"

    @property
    def archives(self) -> list[str]:
        """What is held, in the order of the log."""
        return [each for each in self.archives_told if self.place("archives", each).exists()]

    @property
    def archives_told(self) -> list[str]:
        """What the log records, held or not."""
        told = [str(body.get("archive", "")) for body in read_lines(self)]
        return [each for each in dict.fromkeys(told) if each]

    @contextmanager
    def opened(self) -> Iterator[Vault]:
        with closing(open_vault(self.root)) as vault:
            yield vault

    def audit(self, *, key: str | None = None) -> Report:
        with self.opened() as vault:
            return audit_vault(vault, [key or self.key], [self.outside] if self.outside.exists() else [])

    def alone(self, path: Path | None = None, *more: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run the verifier as a lone file, in an interpreter that can see nothing of ours."""
        given = ["--checkpoint", str(self.outside)] if self.outside.exists() else []
        return run_alone(SCRIPT, path or self.root, "--key", key or self.key, *given, *more)

    def place(self, room: str, archive: str) -> Path:
        ends = {"archives": ".age", "keys": ".key.age", "manifests": ".json"}
        return self.root / room / archive[-2:] / f"{archive}{ends[room]}"


def run_alone(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(script), *(str(each) for each in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=script.parent)


def codes(told: Report | subprocess.CompletedProcess[str]) -> list[str]:
    """Return what was found, in order."""
    if isinstance(told, Report):
        return [each.code for each in told.findings]
    assert told.stderr == ""
    words = [line.split()[1].rstrip(":") for line in told.stdout.splitlines() if line.startswith("WRONG ")]
    assert told.returncode == (1 if words else 0), told.stdout
    return words


def make_keep(base: Path, *, destroyed: bool = True) -> Keep:
    """Seal three archives and destroy one as far as the evidence goes; sign in the middle and at the end."""
    house, keep = House(base), Keep(base)
    try:
        for number in range(2):
            house.seal_records([message(each) for each in range(3 + number)], Container.CSV)
        clock = ticking()
        kept = sign_log(house.vault, signer_of(keep.config), clock)
        keep.outside.write_text(kept.note)
        (base / "key.txt").write_text(str(keep.signer.verifier))
        house.seal_records([message(each) for each in range(9)], Container.CSV)
        if destroyed:
            destroy(house.vault, house.seal_records([message(1)], Container.CSV).id, keep.signer)
        sign_log(house.vault, signer_of(keep.config), clock)
    finally:
        house.vault.close()
    return keep


def copy_keep(keep: Keep, base: Path) -> Keep:
    shutil.copytree(keep.base, base)
    config = base / "strongroom.toml"
    config.write_text(config.read_text().replace(str(keep.base), str(base)))
    return Keep(base)


def ticking() -> Callable[[], datetime]:
    """Return a clock that goes on by a minute whenever it is looked at."""
    times = iter(AT + timedelta(minutes=number) for number in range(1, 10_000))
    return lambda: next(times)


def destroy(vault: Vault, archive_id: str, signer: Signer) -> None:
    """Leave what a destruction leaves: tombstone, certificate, entry; nothing else."""
    layout, archive = vault.layout, get_archive(vault.catalogue, archive_id)
    assert archive is not None
    stone = b'{"tombstone": true}\n'
    layout.key(archive_id).unlink()
    layout.archive(archive_id).unlink()
    layout.manifest(archive_id).write_bytes(stone)
    note = signer.sign(f'strongroom certificate of destruction 1\n{{"archive": "{archive_id}", "signed": true}}\n')
    path = layout.log.parent / "certificates" / f"{archive_id}.note"
    path.parent.mkdir(exist_ok=True)
    path.write_text(note)
    enter_way(vault, archive_id, hashlib.sha256(stone).hexdigest())
    facts = {
        "proposal": PLAN,
        "manifest_sha256": hashlib.sha256(stone).hexdigest(),
        "certificate_sha256": hashlib.sha256(note.encode()).hexdigest(),
        "sealed_sha256": archive.seal.sealed_sha256,
    }
    with vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM archives WHERE id = ?", archive_id)
        add_entry(vault.catalogue, Entry("archive.destroyed", AT, archive=archive_id, facts=facts))
    vault.write_log()


def enter_way(vault: Vault, archive_id: str, stone_sha256: str) -> None:
    """Enter the steps that lead to a destruction: proposed by one, approved by another, begun."""
    items = PlanItem(archive_id, PLAN, Stage.PROPOSED, AT, "standard: 7y")
    plan: dict[str, Fact] = {"proposal": PLAN, "plan_sha256": plan_digest(PLAN, [items])}
    rules: list[Fact] = [{"rule": items.rule, "citation": "", "archives": [archive_id]}]
    steps: dict[str, dict[str, Fact]] = {
        "proposed": {
            **plan,
            "by": "uid:1",
            "ground": "retention",
            "people": 2,
            "cooling_off_seconds": 0,
            "rules": rules,
        },
        "approved": {**plan, "by": "uid:2", "archives": 1, "enough": True},
        "begun": {"proposal": PLAN, "tombstone_sha256": stone_sha256},
    }
    with vault.catalogue.transaction():
        for step, facts in steps.items():
            about = archive_id if step == "begun" else ""
            add_entry(vault.catalogue, Entry(f"destruction.{step}", AT, archive=about, facts=facts))


def hand_to(keep: Keep, target: Path, **wanted: Any) -> FinishedPackage:
    """Make a package of all archives that are held."""
    with keep.opened() as vault:
        archives = [found for each in keep.archives if (found := get_archive(vault.catalogue, each)) is not None]
        identities = load_identities(keep.base / "identity.age", lambda: "")
        giver = PackageSource(vault, keep.config, ticking(), os.urandom, lambda entry: entry.body["kind"], identities)
        return write_package(giver, PackageRequest(archives, target, PERSON, **wanted))


def sum_anew(package: Path) -> None:
    """Write SHA256SUMS as it would be if the package had been made as it is now."""
    paths = [path for path in sorted(package.rglob("*")) if path.is_file() and path.name != "SHA256SUMS"]
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(package)}\n" for path in paths)
    (package / "SHA256SUMS").write_text("".join(lines))


# What somebody can do who can write to the vault.


def read_lines(keep: Keep) -> Lines:
    return [json.loads(line) for line in keep.log.read_bytes().splitlines()]


def raw(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chained(bodies: Lines, signer: Signer | None = None) -> list[bytes]:
    """Number and chain entries anew, so that nothing in them contradicts anything else in them.

    With a signer the entries about checkpoints name the notes that `sign_anew` makes with it.
    """
    lines: list[bytes] = []
    prev = GENESIS
    for seq, body in enumerate(bodies, 1):
        if signer and body["kind"] == "checkpoint.signed":
            note = forge_note(lines, body["facts"]["entries"], signer)
            body["facts"]["note_sha256"] = hashlib.sha256(note.encode()).hexdigest()
        lines.append(raw({**body, "seq": seq, "prev": prev}))
        prev = digest(lines[-1])
    return lines


def write_lines(keep: Keep, lines: list[bytes], *, rows: bool = True) -> None:
    """Put these lines in the log's place, and into the catalogue."""
    keep.log.write_bytes(b"".join(line + b"\n" for line in lines))
    if not rows:
        return
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM entries")
        for seq, line in enumerate(lines, 1):
            body = json.loads(line)
            at = to_text(to_instant(str(body["at"])))
            told = [at, *(str(body.get(name, "")) for name in ("kind", "job", "archive", "stream"))]
            vault.catalogue.write("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, '')", seq, *told, line)


def sign_anew(keep: Keep, signer: Signer, sizes: list[int]) -> None:
    """Sign the log as it is now, at these sizes, in place of all checkpoints; and let its lines name the new ones."""
    folder, lines, notes = keep.log.parent / "checkpoints", list[bytes](), dict[int, str]()
    bodies = read_lines(keep)
    for size, body in enumerate(bodies):
        if size in sizes:
            notes[size] = forge_note(lines, size, signer)
        if body["kind"] == "checkpoint.signed" and body["facts"]["entries"] in notes:
            body["facts"]["note_sha256"] = hashlib.sha256(notes[body["facts"]["entries"]].encode()).hexdigest()
        lines = chained(bodies[: size + 1])
    notes |= {size: forge_note(lines, size, signer) for size in sizes if size not in notes}
    write_lines(keep, lines)
    shutil.rmtree(folder)
    folder.mkdir()
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM checkpoints")
        for size, note in notes.items():
            (folder / f"{size}.note").write_text(note)
            vault.catalogue.write("INSERT INTO checkpoints VALUES (?, ?, ?)", size, "2026-03-03T00:00:00.000000Z", note)


def forge_note(lines: list[bytes], size: int, signer: Signer) -> str:
    tree = Tree()
    for line in lines[:size]:
        tree.append(leaf_hash(line))
    return sign_checkpoint(make_checkpoint(signer.name, lines[0], size, tree.root(), AT), signer)


def sizes_of(keep: Keep) -> list[int]:
    return sorted(int(path.stem) for path in (keep.log.parent / "checkpoints").glob("*.note"))
