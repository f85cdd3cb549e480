"""What the daemon does about destructions by itself, without approving anything."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.daemon import tasks as module
from strongroom.daemon.tasks import DestructionTask
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.core.trusted_clock import confirm, remember_time
from strongroom.engine.destruction import execute as grave
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.commands import context_of, find_plan
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import ExecutionReport
from strongroom.engine.destruction.log_consistency import LastLogState
from strongroom.engine.destruction.stuck import destruction_alarms
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.evidence.line import Entry, Fact
from strongroom.model.alert import Level
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.clock_check import ClockVote
from strongroom.model.destruction import PROGRAM, Person
from strongroom.model.inspection import Expectation, Inspection
from strongroom.model.job import Job, State
from strongroom.model.names import make_id
from strongroom.model.plan import ExportSpec
from strongroom.model.retention import AtEnd, Period, RetentionRule
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.destructions import live_proposals
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import Vault, open_vault

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
RULE = RetentionRule("short", Period.parse("90d"), citation="policy", at_end=AtEnd.DESTROY)


class Stage:
    """A vault with one archive, the task of the daemon, and the time that both live by."""

    def __init__(self, base: Path) -> None:
        self.now, self.seconds = FIRST + timedelta(days=30), 0.0
        wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.txt", None)
        self.dependencies = Dependencies(clock=lambda: self.now)
        initialize(wanted, make_identity(os.urandom), self.dependencies)
        self.config: Config = load_config(base / "strongroom.toml")
        self.vault: Vault = open_vault(base / "vault")
        self.archive = self._add()
        self.may_act = True
        self.task = DestructionTask(self.config, self.dependencies, lambda: self.may_act, lambda: self.seconds)
        self.task.run()

    def _add(self) -> Archive:
        window, name = Window(FIRST, FIRST + timedelta(days=1)), make_id(FIRST, os.urandom)
        job = Job(
            make_id(FIRST, os.urandom), "s", "zavu", ExportSpec(("messages",), window), State.ARCHIVED, *[FIRST] * 3
        )
        for suffix in (".key.age", ".age"):
            self.vault.layout.temporary(name, suffix).write_bytes(os.urandom(300))
        archive = Archive(
            name, Holding.HELD, "s", "zavu", "zavu", job.spec, job.id, "ref", Seal(1, 300, "ab" * 32, "cd" * 32, "x"),
            Expectation(window, ()), Inspection((), ()), ("age1",), "short", "csv", FIRST, FIRST, RULE,
        )  # fmt: skip
        self.vault.publish_archive(archive)
        with self.vault.catalogue.transaction():
            put_job(self.vault.catalogue, job)
            put_archive(self.vault.catalogue, archive, self.vault.key_sha256(archive))
            facts: dict[str, Fact] = {"manifest_sha256": hashlib.sha256(write_manifest(archive)).hexdigest()}
            add_entry(self.vault.catalogue, Entry("job.proven", FIRST, job.id, name, "s", facts))
        return archive

    def look(self) -> float:
        """Let the task look once, past the pause of its rule."""
        self.seconds += 7 * 3600
        return self.task.run()

    def pass_days(self, days: int) -> None:
        """Let days pass, with a provider that vouches for the time at the end."""
        self.now += timedelta(days=days)
        remember_time(self.vault, self.now)
        confirm(self.vault, self.now, [ClockVote("s", "zavu", "", timedelta(0))])

    def held(self) -> bool:
        return get_archive(self.vault.catalogue, self.archive.id) is not None


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    with closing(made.vault):
        yield made


def test_it_proposes_by_the_rule_and_destroys_what_two_people_approved(stage: Stage) -> None:
    stage.look()
    assert live_proposals(stage.vault.catalogue) == []  # its time is not over
    stage.pass_days(100)
    stage.look()
    stage.look()
    (proposal,) = live_proposals(stage.vault.catalogue)
    assert proposal.by == PROGRAM
    stage.pass_days(10)
    stage.look()
    assert stage.held()  # nobody has approved
    context = context_of(stage.config, stage.vault, stage.dependencies)
    for person in (Person(1000, "alice"), Person(1001, "bob")):
        approve(context, proposal.id, person, find_plan(context, proposal.id).digest)
    stage.look()
    assert stage.held()
    stage.pass_days(7)
    stage.look()
    assert not stage.held()
    buried = get_tombstone(stage.vault.catalogue, stage.archive.id)
    assert buried is not None
    assert buried.certificate_sha256
    assert "strongroom" in stage.vault.layout.certificate(stage.archive.id).read_text().splitlines()[-1]


def test_what_was_approved_and_does_not_come_to_its_end_is_an_alarm(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[Level]:
        return [each.severity for each in destruction_alarms(stage.vault, stage.now)]

    stage.pass_days(100)
    stage.look()
    (proposal,) = live_proposals(stage.vault.catalogue)
    context = context_of(stage.config, stage.vault, stage.dependencies)
    for person in (Person(1000, "alice"), Person(1001, "bob")):
        approve(context, proposal.id, person, find_plan(context, proposal.id).digest)
    stage.pass_days(7)
    assert told() == []  # it may begin only now
    stage.pass_days(2)
    assert told() == [Level.WARNING]

    def fail(_path: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(grave, "shred", fail)
        stage.look()
    assert not stage.held()
    assert told() == []  # it is tried again in a moment
    stage.now += timedelta(hours=2)
    assert told() == [Level.CRITICAL]
    stage.pass_days(1)
    stage.look()
    assert told() == []


def test_a_leap_of_the_clock_destroys_nothing(stage: Stage) -> None:
    stage.pass_days(100)
    stage.look()
    context = context_of(stage.config, stage.vault, stage.dependencies)
    (proposal,) = live_proposals(stage.vault.catalogue)
    for person in (Person(1000, "alice"), Person(1001, "bob")):
        approve(context, proposal.id, person, find_plan(context, proposal.id).digest)
    stage.now += timedelta(days=30)
    stage.look()
    assert stage.held()


def test_what_a_backup_brought_back_is_buried_at_the_start(stage: Stage, tmp_path: Path) -> None:
    shutil.copytree(stage.config.vault.path / "keys", tmp_path / "backup")
    test_it_proposes_by_the_rule_and_destroys_what_two_people_approved(stage)
    shutil.copytree(tmp_path / "backup", stage.config.vault.path / "keys", dirs_exist_ok=True)
    DestructionTask(stage.config, stage.dependencies, lambda: False).run()
    assert not stage.vault.layout.key(stage.archive.id).exists()


@pytest.mark.parametrize(("ends", "batches"), [("", 3), ("clock", 1), ("reload", 1)])
def test_batches_follow_one_another_as_long_as_it_may_act(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, ends: str, batches: int
) -> None:
    kept: list[LastLogState] = []

    def destroy(_context: DestructionContext, _most: int, last: LastLogState) -> ExecutionReport:
        kept.append(last)
        stage.may_act = ends != "clock"
        if ends == "reload":
            stage.task.adopt(load_config(stage.config.file))
        return ExecutionReport(more=len(kept) < 3)

    monkeypatch.setattr(module, "carry_out", destroy)
    assert stage.task.run() == module.LOOK
    assert len(kept) == batches
    assert all(each is kept[0] for each in kept)


def test_while_the_clock_is_not_believed_nothing_is_done(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "carry_out", lambda *_: pytest.fail("it acted"))
    stage.may_act = False
    assert stage.look() == module.LOOK


def test_what_fails_is_logged_once_and_tried_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(module, "report", lambda event, _level=0, **_facts: logged.append(event))
    stage.vault.layout.catalogue.rename(stage.vault.layout.catalogue.with_name("away"))
    assert [stage.look(), stage.look()] == [module.REST, module.REST]
    assert logged == ["destruction-failed"]
    stage.vault.layout.catalogue.with_name("away").rename(stage.vault.layout.catalogue)
    assert stage.look() == module.LOOK
