"""A vault worth attacking, with plans, signed approvals, a hold and a destruction; and every program that looks at it.

Six archives: `a` and `b` are kept for seven years, and so is `c`, which lies past the first checkpoint. `dead` was
destroyed. `due` is on an approved plan whose cooling-off is over and under a hold. `planned` is on a plan that nobody
has approved.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit import destruction
from kit.destruction import ALICE, BOB, House, enter_archive
from kit.evidence_chain import Keep, codes
from strongroom.age.keys import X25519Identity
from strongroom.cli.main import cli
from strongroom.engine.access.recipients import note_recipients
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.alert_store import due_alerts, mark_sent
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionContext, DestructionRules, note_rules, rules_of
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.propose import propose
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.retention.holds import place
from strongroom.engine.retention.rules import Policy, adopt_policy
from strongroom.engine.retention.verdicts import judge_anew
from strongroom.evidence import verifier
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Signer
from strongroom.model.archive import Archive
from strongroom.model.errors import StrongroomError
from strongroom.model.hold import HoldRule
from strongroom.model.retention import Period, RetentionRule
from strongroom.model.times import format_instant
from strongroom.vault.alerts import open_alerts
from strongroom.vault.catalogue import PUT_FACT
from strongroom.vault.log import add_entry
from strongroom.vault.rows import to_text
from strongroom.vault.vault import Vault, open_vault

DAY = timedelta(days=1)
APPROVER = Signer("bob", bytes(range(32, 64)))
LONG, SHORT = (RetentionRule("standard", Period.parse(period)) for period in ("7y", "1d"))
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
START = (NOW - 20 * DAY).replace(hour=0, minute=0, second=0)
MORE = f"""
[destruction]
people = 2
cooling_off = "0s"
approvers = ["{APPROVER.verifier}"]
"""


@dataclass(frozen=True)
class Scene(Keep):
    """The vault, and where its archives are named."""

    @property
    def names(self) -> dict[str, str]:
        """Return the id of each archive by what it is here for."""
        return dict(json.loads((self.base / "names.json").read_text()))

    @property
    def first_checkpoint(self) -> Path:
        return sorted((self.log.parent / "checkpoints").glob("*.note"), key=lambda path: int(path.stem))[0]

    @property
    def older(self) -> Path:
        """A whole copy of the vault, made before its newest archive and its newest checkpoint."""
        return self.base / "older"

    @property
    def certificate(self) -> Path:
        return self.log.parent / "certificates" / f"{self.names['dead']}.note"

    def files(self) -> dict[str, str]:
        """Return the digest of every file that an archive consists of, by its name; of what is no file its kind."""
        rooms = (self.root / room for room in ("archives", "keys", "manifests", "quarantine"))
        paths = (path for room in rooms for path in room.rglob("*"))
        found = {str(path.relative_to(self.root)): path for path in paths if path.is_symlink() or not path.is_dir()}
        return {name: _kind(path) or hashlib.sha256(path.read_bytes()).hexdigest() for name, path in found.items()}


def _kind(path: Path) -> str:
    return "link" if path.is_symlink() else "" if path.is_file() else "special"


def make_scene(base: Path) -> Scene:
    """Make the vault; once for a whole table."""
    wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.age", None)
    initialize(wanted, make_identity(os.urandom), Dependencies(clock=lambda: START))
    wanted.config.write_text(wanted.config.read_text().replace("[vault]", "[vault]\nlock = true", 1) + MORE)
    scene, house = Scene(base), House(open_vault(wanted.vault), X25519Identity.generate(os.urandom), now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(destruction, "START", START)
        (base / "key.txt").write_text(str(scene.signer.verifier))
        try:
            _fill(scene, house, patch)
        finally:
            house.vault.close()
    return scene


def _fill(scene: Scene, house: House, patch: pytest.MonkeyPatch) -> None:
    plain, catalogue = destruction.archive_of, house.vault.catalogue

    def add(rule: RetentionRule) -> Archive:
        patch.setattr(destruction, "archive_of", lambda *told: replace(plain(*told), rule=rule))
        return house.add()[0]

    adopt_policy(house.vault, Policy((LONG,), (), lock=True), START)
    note_recipients(house.vault, scene.config.vault.recipients, START)
    note_rules(house.vault, rules_of(scene.config), START)
    mark_sent(house.vault, due_alerts(house.vault, START), START)
    patch.setattr(destruction, "enter_archive", _enter)
    a, b = add(LONG), add(LONG)
    dead, due, planned = add(SHORT), add(SHORT), add(SHORT)
    confirmed: list[Fact] = [{"source": "zavu", "address": "", "ahead_seconds": 0}]
    with catalogue.transaction():
        catalogue.write(PUT_FACT, "time", to_text(NOW))
        add_entry(catalogue, Entry("clock.confirmed", NOW, facts={"sources": confirmed}))
    context = DestructionContext(
        house.vault,
        lambda: NOW,
        os.urandom,
        DestructionRules(2, timedelta(0), (str(APPROVER.verifier),)),
        signer=lambda: signer_of(scene.config),
        judge=judge_anew,
    )
    for each in (dead, due):
        plan = propose(context, [each], ALICE, "its time is over")
        approve(context, plan.proposal.id, BOB, plan.digest, APPROVER)
        if each is dead:
            carry_out(context)
    propose(context, [planned], ALICE, "its time is over")
    place(house.vault, "acme", HoldRule(archives=(due.id, b.id)), ALICE, "notice", NOW, os.urandom)
    clock = (NOW + timedelta(minutes=number) for number in range(1, 50))
    sign_log(house.vault, signer_of(scene.config), lambda: next(clock))
    house.vault.write_log()
    shutil.copytree(scene.root, scene.older)
    patch.setattr(destruction, "START", NOW + timedelta(minutes=10) - 6 * DAY)
    c = add(LONG)  # comes now
    kept = sign_log(house.vault, signer_of(scene.config), lambda: next(clock))
    scene.outside.write_text(kept.note)
    names = {"a": a, "b": b, "c": c, "dead": dead, "due": due, "planned": planned}
    (scene.base / "names.json").write_text(json.dumps({name: each.id for name, each in names.items()}))


def _enter(vault: Vault, archive: Archive) -> None:
    """Enter an archive with the line that its job began with, so that the ledger follows from the log."""
    window = archive.spec.window
    facts: dict[str, Fact] = {
        "window": [format_instant(window.start), format_instant(window.end)],
        "datasets": list(archive.spec.datasets),
        "source": archive.source,
        "retention": archive.retention,
    }
    steps: dict[str, dict[str, Fact]]
    steps = {step: {} for step in ("intended", "accepted", "completed", "opened", "durable")}
    with vault.catalogue.transaction():
        for step, told in {"planned": facts, **steps}.items():
            entry = Entry(f"job.{step}", archive.verified_at, archive.job, stream=archive.stream, facts=told)
            add_entry(vault.catalogue, entry)
    enter_archive(vault, archive)


def copy_scene(scene: Scene, base: Path) -> Scene:
    shutil.copytree(scene.base, base, symlinks=True)
    config = base / "strongroom.toml"
    config.write_text(config.read_text().replace(str(scene.base), str(base)))
    return Scene(base)


@dataclass(frozen=True)
class Told:
    """What a program said of a vault."""

    code: int
    output: str


def run(scene: Scene, *words: str) -> Told:
    """Run a command of the real program in this process."""
    done = CliRunner().invoke(cli, ["--config", str(scene.base / "strongroom.toml"), *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
    assert "should not have been possible" not in done.output, (words, done.output)
    return Told(done.exit_code, done.output)


def alone(scene: Scene) -> Told:
    """Run the verifier of one file as its `main` does, with the key and the checkpoint that lie elsewhere."""
    given, out = ["--checkpoint", str(scene.outside)] if scene.outside.exists() else [], io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out):
        patch.setattr(sys, "argv", ["strongroom-verify", str(scene.root), "--key", scene.key, *given])
        code = verifier.main()
    return Told(code, out.getvalue())


def start(scene: Scene) -> Told:
    """Let whoever works in the vault begin; tell what stands as an alarm then."""
    try:
        with open_engine(scene.config, "a test") as engine:
            standing = [each for each in open_alerts(engine.vault.catalogue) if each.severity == "critical"]
    except StrongroomError as error:
        return Told(error.exit_code, error.message)
    return Told(1 if standing else 0, "\n".join(each.title for each in standing))


PROGRAMS: dict[str, Callable[[Scene], Told]] = {
    "audit": lambda scene: run(
        scene, "audit", "verify", "--public-key", scene.key, "--checkpoint", str(scene.outside), "--json"
    ),
    "verify": lambda scene: run(scene, "verify"),
    "recover": lambda scene: run(scene, "recover", "--deep"),
    "alone": alone,
    "doctor": lambda scene: run(scene, "doctor", "--offline"),
    "scrub": lambda scene: run(scene, "scrub", "run"),
    "list": lambda scene: run(scene, "destroy", "list", "--json"),
    "propose": lambda scene: run(scene, "destroy", "propose", "--due"),
    "start": lambda scene: start(scene),
    "destroy": lambda scene: run(scene, "destroy", "carry-out"),
}
"""Every program that looks at a vault; the last one would destroy what it may."""


@contextlib.contextmanager
def clock_ahead(by: timedelta) -> Iterator[None]:
    """Let the clock of this process, and of nobody else, be ahead."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + by

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("strongroom.engine.core.sources.datetime", Ahead)
        yield


def first_code(told: Told) -> str:
    """Return the stable word of the first thing that an auditor found."""
    if told.output.startswith("{"):
        found = json.loads(told.output)["findings"]
        return str(found[0]["code"]) if found else ""
    return next((line.split()[1].rstrip(":") for line in told.output.splitlines() if line.startswith("WRONG ")), "")


__all__ = [
    "PROGRAMS",
    "Scene",
    "Told",
    "alone",
    "clock_ahead",
    "codes",
    "copy_scene",
    "first_code",
    "make_scene",
    "run",
]
