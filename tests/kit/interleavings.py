"""Many streams in zones of their own, people who rename, hold, ask for erasure and destroy, and a clock that leaps.

A seed decides what happens. A small model that shares nothing with the program says what may not be: see `Stage.check`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from kit.calendars import first_instant, later_day
from kit.destruction import ALICE, BOB, CAROL, SIGNER, archive_of, enter_archive
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.config.sources import StreamSettings
from strongroom.config.template import FreshSource
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.engine import Engine
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading, plans_of
from strongroom.engine.core.trusted_clock import remember_time, require_trustworthy_time, vault_now
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.erasure import answer_erasure, request_erasure
from strongroom.engine.destruction.log_consistency import Contradiction
from strongroom.engine.destruction.propose import DestructionPlan, propose, read_plan, undo
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.engine.ingest.planning import enter_due, enter_window
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import coverage_of
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.engine.retention.holds import note_caught, place, release
from strongroom.engine.retention.rules import with_rule
from strongroom.evidence.line import Entry, Fact, read_chain
from strongroom.model.archive import Archive, Holding, Tombstone
from strongroom.model.coverage import Cover
from strongroom.model.destruction import Ground
from strongroom.model.destruction import Stage as ExportStatus
from strongroom.model.erasure import ErasureAnswer, ErasureState
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.hold import HoldRule
from strongroom.model.job import Job
from strongroom.model.names import make_id
from strongroom.model.plan import Span, Stream
from strongroom.model.retention import Period, RetentionRule
from strongroom.model.window import Window, subtract
from strongroom.vault.archives import all_archive_ids, get_archive
from strongroom.vault.destructions import get_erasure, live_plan_items
from strongroom.vault.log import add_entry
from strongroom.vault.shred import copies_of
from strongroom.vault.tombstones import get_tombstone, unfinished_tombstones
from strongroom.vault.vault import Vault

WEEK, DAY = timedelta(days=7), timedelta(days=1)
FIRST = date(2024, 2, 26)  # the first day that is wanted: a leap day comes, then clocks go forward, in March
PLACES = ("committed begun", "put tombstone", "shredded key", "removed copy", "certified", "committed destroyed")
LATEST = {Span.DAY: 3 * DAY, Span.WEEK: 9 * DAY, Span.MONTH: 33 * DAY}  # the newest window ended within that
LEAPS = (400 * DAY, 40 * DAY, -40 * DAY)


STEPS = (
    ("intended", "planned", "uncertain"),
    ("accepted", "uncertain", "waiting"),
    ("completed", "waiting", "ready"),
    ("opened", "ready", "fetching"),
    ("durable", "fetching", "sealed"),
)
"""What the log records of an export on its way."""


class Died(Exception):
    """Stands in for a process that dies."""


@dataclass
class Line:
    """What one stream asks for; its name may change, and what it asks for does not."""

    dataset: str
    zone: str
    span: Span
    period: str
    names: list[str]  # that it had, the present one last

    @property
    def since(self) -> datetime:
        """Return the first instant that must be covered."""
        return first_instant(FIRST, self.zone)

    def free_at(self, window: Window) -> datetime:
        """Return when the last record of a window may be destroyed at the earliest."""
        last = (window.end - timedelta(seconds=1)).astimezone(ZoneInfo(self.zone)).date()
        return first_instant(later_day(last, self.period), self.zone)


def lines() -> list[Line]:
    """Return three streams: days of the first zone on earth, weeks of Berlin, months of Chicago."""
    return [
        Line("messages", "Europe/Berlin", Span.WEEK, "1m", ["berlin"]),
        Line("conversations", "Pacific/Kiritimati", Span.DAY, "2w", ["kiritimati"]),
        Line("agentExecutions", "America/Chicago", Span.MONTH, "1m", ["chicago"]),
    ]


@dataclass(frozen=True)
class Request:
    """A request for erasure as the model knows it."""

    id: str
    archives: tuple[str, ...]


class Scene:
    """A vault, its people and its clock, and the model of what happened to them."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Make the vault. The seed decides all that happens."""
        self.folder, self.dice, self.lines = folder, random.Random(seed), lines()
        self.chance = random.Random(seed).randbytes  # ids decide an order: with a seed they are the same each time
        self.true_now = datetime(2024, 3, 5, 9, tzinfo=UTC)
        self.jumped = timedelta(0)
        self.lives: dict[str, tuple[Line, Archive]] = {}
        self.gone: dict[str, tuple[Line, Archive]] = {}
        self.holds: dict[str, Callable[[Line, Archive], bool]] = {}  # those that stand
        self.plans: list[DestructionPlan] = []
        self.agreed: dict[str, datetime] = {}  # by plan: when the last approval was given, in true time
        self.requests: list[Request] = []
        self.refused: set[str] = set()
        self.kept: set[str] = set()  # files that came back under a hold: they stay, with an alert
        self.sources = ["zavu"]
        self.told: list[str] = []
        self.config = self._make()
        self.sync()

    def _make(self) -> Config:
        os.environ["STRONGROOM_TEST_ZAVU_KEY"] = "sk_test"
        source = FreshSource(
            "zavu", "zavu", "env:STRONGROOM_TEST_ZAVU_KEY", ("messages",), f"{FIRST}", "http://127.0.0.1:9", True
        )
        wanted = NewVault(
            self.folder / "vault", self.folder / "strongroom.toml", self.folder / "identity.age", None, source
        )
        initialize(wanted, make_identity(os.urandom), Dependencies(clock=self.clock))
        config = load_config(wanted.config)
        rules = tuple(RetentionRule(each.names[0], Period.parse(each.period)) for each in self.lines)
        kept = replace(config.sources[0], retention_days=4000)
        return replace(config, sources=(kept,), retention=(*config.retention, *rules))

    def clock(self) -> datetime:
        """Return what our clock says, right or wrong."""
        return self.true_now + self.jumped

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Start by the present configuration; renames are recognized by that."""
        source = replace(self.config.sources[0], name=self.sources[-1])
        streams = tuple(
            StreamSettings(
                each.names[-1],
                source.name,
                (each.dataset,),
                since=each.since,
                window=each.span,
                time_zone=each.zone,
                retention=each.names[0],
            )
            for each in self.lines
        )
        self.config = replace(self.config, sources=(source,), streams=streams)
        with open_engine(self.config, "tests", Dependencies(clock=self.clock, random_bytes=self.chance)) as engine:
            if not self.jumped:
                remember_time(engine.vault, self.clock())
            yield engine

    def context(self, vault: Vault, die_at: str = "") -> DestructionContext:
        """Return what acts of destruction need, with a provider that tells the true time."""

        def crash_point(place: str) -> None:
            if place == die_at:
                raise Died

        skews = {"zavu": -self.jumped}
        return DestructionContext(
            vault,
            lambda: vault_now(vault, self.clock),
            self.chance,
            signer=lambda: SIGNER,
            require_time=lambda: require_trustworthy_time(vault, self.clock, skews),
            crash_point=crash_point,
        )

    # What can happen

    def sync(self) -> None:
        """Start, plan what is pending and archive it."""
        if self.jumped:
            return  # a run refuses to begin then
        with self.engine() as engine:
            while jobs := enter_due(engine, plans_of(self.config)):
                for job in jobs:
                    self._archive(engine, job)
        self.check_coverage()

    def _archive(self, engine: Engine, job: Job) -> None:
        line = next(each for each in self.lines if each.names[-1] == job.stream)
        assert job.spec.datasets == (line.dataset,)
        for known, other in (*self.gone.values(), *self.lives.values()):
            same = known is line and other.spec.window.overlaps(job.spec.window)
            assert not same, f"{other.id} of {other.spec.window} is exported again as {job.stream}"
        bare = archive_of(make_id(self.true_now, self.chance), job.id, Holding.HELD, job.stream, job.spec.window, b"x")
        now = engine.clock()
        arrived = replace(
            bare, source=job.source, spec=job.spec, retention=job.retention, rule=None, durable_at=now, verified_at=now
        )
        archive = with_rule(engine.vault.catalogue, arrived, line.zone)
        for suffix in (".key.age", ".age"):
            engine.vault.layout.temporary(archive.id, suffix).write_bytes(b"x")
        engine.vault.publish_archive(archive)
        with engine.vault.catalogue.transaction():
            for word, before, after in STEPS:
                facts: dict[str, Fact] = {"from": before, "to": after, "ref": "exp_1"}
                name = archive.id if word == "opened" else ""
                add_entry(engine.vault.catalogue, Entry(f"job.{word}", now, job.id, name, job.stream, facts))
        enter_archive(engine.vault, archive)
        with engine.vault.catalogue.transaction():
            note_caught(engine.vault.catalogue, archive, now)
        engine.vault.write_log()
        self.lives[archive.id] = (line, archive)

    def time_passes(self) -> None:
        """Let some days go by, and archive what came."""
        self.true_now += self.dice.choice((1, 2, 3, 8)) * DAY + timedelta(hours=self.dice.randrange(24))
        self.sync()

    def rename_stream(self) -> None:
        """Give a stream another name, or one that it had before."""
        line = self.dice.choice(self.lines)
        fresh = f"{line.names[0]}-{len(line.names)}"
        line.names.append(self.dice.choice([fresh, *line.names]))
        self.sync()

    def rename_source(self) -> None:
        """Give the account another name, or one that it had before."""
        self.sources.append(self.dice.choice([f"account-{len(self.sources)}", *self.sources]))
        self.sync()

    def ask_by_hand(self) -> None:
        """Ask for what was destroyed, under a name that no stream ever had."""
        if self.jumped or not self.gone:
            return
        line, archive = self.dice.choice(list(self.gone.values()))
        with self.engine() as engine:
            stream = Stream("by-hand", self.sources[-1], (line.dataset,))
            with pytest.raises(UsageError, match="is not exported again"):
                enter_window(engine, stream, archive.spec.window, line.names[0], again=self.dice.random() < 0.5)

    def hold(self) -> None:
        """Place a hold, on a stream by any name that it had, on the account, on archives, or on a time."""
        line, some = self.dice.choice(self.lines), self._some(2)
        edge = self.true_now - self.dice.randrange(40) * DAY
        names = frozenset(each.id for each in some)
        way = self.dice.randrange(4)
        rules: list[tuple[HoldRule, Callable[[Line, Archive], bool]]] = [
            (HoldRule(stream=self.dice.choice(line.names)), lambda its, _archive: its is line),
            (HoldRule(source=self.dice.choice(self.sources), dataset=line.dataset), lambda its, _archive: its is line),
            (HoldRule(archives=tuple(sorted(names))), lambda _line, archive: archive.id in names),
            (HoldRule(end=edge), lambda _line, archive: archive.spec.window.end <= edge),
        ]
        rule, keeps = rules[way if names or way != 2 else 0]
        with open_reading(self.config) as vault:
            now = vault_now(vault, self.clock)
            caught = place(vault, f"matter {len(self.holds)}", rule, ALICE, "a letter", now, self.chance)
            assert caught.archives >= sum(keeps(*life) for life in self.lives.values())
        self.holds[caught.hold.id] = keeps

    def release(self) -> None:
        """Release every hold of a matter: a rename may have made more of one."""
        with open_reading(self.config) as vault:
            for name in list(self.holds):
                release(vault, name, ALICE, "settled", vault_now(vault, self.clock))
                del self.holds[name]
            for row in vault.catalogue.read("SELECT id FROM holds WHERE released_at IS NULL"):
                release(vault, row["id"], ALICE, "settled", vault_now(vault, self.clock))

    def propose(self) -> None:
        """Propose what is eligible, or what is not; perhaps approve it at once."""
        with open_reading(self.config) as vault:
            context = self.context(vault)
            free = [each for line, each in self.lives.values() if line.free_at(each.spec.window) <= self.true_now - DAY]
            chosen = self.dice.sample(free, min(len(free), 6)) if free else self._some(1)
            with suppress(StrongroomError):
                plan = propose(context, chosen, self.dice.choice((ALICE, BOB)), "it is over")
                self.plans.append(plan)
                if self.dice.random() < 0.8:
                    self._approve(context, plan)

    def approve(self) -> None:
        """Approve some plan, whoever made it."""
        with open_reading(self.config) as vault:
            if self.plans:
                self._approve(self.context(vault), self.dice.choice(self.plans))

    def _approve(self, context: DestructionContext, plan: DestructionPlan) -> None:
        by = self.dice.choice((BOB, CAROL))
        with suppress(StrongroomError):
            approve(context, plan.proposal.id, by, read_plan(context, plan.proposal.id).digest)
            assert by != plan.proposal.by
            self.agreed[plan.proposal.id] = self.true_now

    def undo(self) -> None:
        """Take a plan back."""
        with open_reading(self.config) as vault, suppress(StrongroomError):
            undo(self.context(vault), self.dice.choice(self.plans).proposal.id if self.plans else "", CAROL, "wait")

    def request(self) -> None:
        """Ask for erasure of what may be on a plan already, or named by other requests."""
        named = {archive for each in self.requests[-2:] for archive in each.archives} & self.lives.keys()
        again = [self.lives[each][1] for each in sorted(named)][:2]
        archives = {each.id: each for each in (*(again if self.dice.random() < 0.7 else ()), *self._some(2))}
        if not archives:
            return
        with open_reading(self.config) as vault:
            context, overrides = self.context(vault), self.dice.random() < 0.3
            before = {each: live_plan_items(vault.catalogue, each) for each in archives}
            asked = request_erasure(
                context, f"crm-{len(self.requests)}", [*archives.values()], ALICE, "GDPR 17(1)(b)", overrides=overrides
            )
            for name, was in before.items():
                if was is not None and was.stage is ExportStatus.APPROVED and not overrides:
                    assert live_plan_items(vault.catalogue, name) == was, "a request ended an approved plan"
            self.requests.append(Request(asked.erasure.id, tuple(archives)))
            if asked.plan is not None:
                self.plans.append(asked.plan)
                if self.dice.random() < 0.8:
                    self._approve(context, asked.plan)

    def answer(self) -> None:
        """Refuse or defer a request, or say that it is done when it may not be."""
        if not self.requests:
            return
        request = self.dice.choice(self.requests)
        answer = self.dice.choice(list(ErasureAnswer))
        with open_reading(self.config) as vault, suppress(StrongroomError):
            answer_erasure(self.context(vault), request.id, answer, "GDPR 17(3)(b)", BOB)
            assert answer is not ErasureAnswer.DONE or not set(request.archives) & self.lives.keys()
            if answer is ErasureAnswer.REFUSED:
                self.refused.add(request.id)

    def work(self) -> None:
        """Let the daemon destroy what may be destroyed, perhaps dying in the middle, or by a clock that leapt."""
        self.true_now += self.dice.choice((0, 8)) * DAY
        if self.dice.random() < 0.2:
            self.jumped = self.dice.choice(LEAPS)
        died = False
        with open_reading(self.config) as vault:
            try:
                carry_out(self.context(vault, self.dice.choice(("", "", *PLACES))))
            except Died:
                died = True
            except StrongroomError as error:
                self.told.append(error.message)
                died = True
            vault.write_log()
            self._see_who_is_gone(vault)
            if not died:
                self.check_requests(vault)
        self.jumped = timedelta(0)

    def _see_who_is_gone(self, vault: Vault) -> None:
        present, log = set(all_archive_ids(vault.catalogue)), self.log(vault)
        for name in sorted(self.lives.keys() - present):
            line, archive = self.lives.pop(name)
            stone = get_tombstone(vault.catalogue, name)
            assert stone is not None
            self.check_allowed(line, archive, stone.tombstone, log)
            self.gone[name] = (line, archive)

    def back_up_and_restore(self) -> None:
        """Bring older files back over the vault; then the daemon starts."""
        target = self.folder / "backup"
        with open_reading(self.config) as vault:
            for name in ("archives", "keys", "manifests"):
                if (target / name).exists():
                    shutil.copytree(target / name, vault.layout.root / name, dirs_exist_ok=True)
            redestroy_returned(vault, self.clock, thorough=False, refused=self._keep)
            with suppress(StrongroomError):
                carry_out(self.context(vault))
            self._see_who_is_gone(vault)
            shutil.rmtree(target, ignore_errors=True)
            for name in ("archives", "keys", "manifests"):
                shutil.copytree(vault.layout.root / name, target / name)

    def _keep(self, refusal: Contradiction) -> None:
        assert any(keeps(*self.gone[refusal.archive]) for keeps in self.holds.values()), refusal.message
        self.kept.add(refusal.archive)

    def lose_the_catalogue(self) -> None:
        """Make the catalogue again: it says the same of every window."""
        names = [each.names[-1] for each in self.lines]
        with open_reading(self.config) as vault:
            with suppress(StrongroomError):
                carry_out(self.context(vault))
            self._see_who_is_gone(vault)
            before = [self._covers(vault, name) for name in names]
            layout = vault.layout
        for path in layout.root.glob("catalogue*"):
            path.unlink()
        rebuild(
            Rebuild(
                layout.root, self.clock, {each.plan().stream.name: each.plan().stream for each in self.config.streams}
            )
        )
        with open_reading(self.config) as vault:
            for name, was in zip(names, before, strict=True):
                assert self._covers(vault, name) == was, name
        self.sync()  # names are recognized by what the last run noted of the account, which no log has

    def _covers(self, vault: Vault, name: str) -> list[tuple[Window, Cover, str]]:
        return [(each.window, each.cover, each.archive) for each in coverage_of(vault, name)]

    def _some(self, most: int) -> list[Archive]:
        found = [archive for _line, archive in self.lives.values()]
        return self.dice.sample(found, min(most, len(found)))

    def log(self, vault: Vault) -> list[dict[str, object]]:
        """Return the log, whose chain is checked."""
        return [dict(body) for body in read_chain(vault.layout.log.read_bytes().splitlines())]

    # What must be so

    def check_allowed(self, line: Line, archive: Archive, stone: Tombstone, log: list[dict[str, object]]) -> None:
        """Hold a destruction against the model and against the log, read by itself."""
        assert not self.jumped, f"{archive.id} was destroyed by a clock that leapt"
        assert not any(keeps(line, archive) for keeps in self.holds.values()), f"{archive.id} is on hold"
        facts = [(each, json.loads(json.dumps(each["facts"]))) for each in log]
        own = [
            (each["kind"], each.get("archive", ""), fact)
            for each, fact in facts
            if fact.get("proposal") == stone.proposal
        ]
        (proposed,) = (fact for kind, _archive, fact in own if kind == "destruction.proposed")
        approvers = {fact["by"] for kind, _archive, fact in own if kind == "destruction.approved"}
        assert archive.id in {each for rule in proposed["rules"] for each in rule["archives"]}
        assert approvers - {proposed["by"]}, f"{archive.id} was destroyed without a second person"
        assert self.true_now >= self.agreed[stone.proposal] + WEEK, f"{archive.id} did not cool off"
        ended = {"destruction.undone", "destruction.spared"}
        assert not any(kind in ended and name in ("", archive.id) for kind, name, _fact in own), archive.id
        if stone.ground is Ground.RETENTION or not proposed.get("overrides_retention"):
            assert self.true_now >= line.free_at(archive.spec.window), f"{archive.id} was destroyed too early"

    def check_requests(self, vault: Vault) -> None:
        """A request is done when all that it names is destroyed, and not before."""
        for each in self.requests:
            found = get_erasure(vault.catalogue, each.id)
            assert found is not None
            done = not set(each.archives) & self.lives.keys()
            if each.id not in self.refused:
                assert (found.state is ErasureState.DONE) is done, each

    def check_coverage(self) -> None:
        """No window is twice in the vault, none is believed to be there that is not, and none is passed over."""
        with open_reading(self.config) as vault:
            for line in self.lines:
                ledger = coverage_of(vault, line.names[-1])
                last = max(each.window.end for each in ledger)
                assert subtract(Window(line.since, last), [each.window for each in ledger]) == [], line
                assert last > self.true_now - LATEST[line.span], line
                for each in ledger:
                    wanted = Cover.PROVEN if each.archive in self.lives else Cover.DESTROYED
                    assert each.cover is wanted, (line, each)
                    assert each.archive in self.lives or each.archive in self.gone, (line, each)
                for name in {*line.names} - {line.names[-1]}:
                    assert coverage_of(vault, name) == []

    def check(self) -> None:
        """Of what was destroyed there is a tombstone alone; all else is whole. Some are looked at."""
        with open_reading(self.config) as vault:
            assert set(all_archive_ids(vault.catalogue)) == self.lives.keys()
            for line, archive in self.dice.sample([*self.lives.values()], min(8, len(self.lives))):
                found = get_archive(vault.catalogue, archive.id)
                assert found is not None
                assert vault.key_path(found).exists()
                assert found.rule is not None and found.rule.zone == line.zone
                assert archive.spec.window == found.spec.window
            under_way = {each.tombstone.archive for each in unfinished_tombstones(vault.catalogue)}
            finished = sorted(self.gone.keys() - under_way - self.kept)
            for name in self.dice.sample(finished, min(8, len(finished))):
                assert [path.suffix for path in copies_of(vault.layout, name)] == [".json"], name

    def act(self) -> str:
        """Let one thing happen, and check; return what it was."""
        name = self.dice.choice(ACTS)
        getattr(self, name)()
        self.check()
        return name


ACTS = (
    *("time_passes",) * 4,
    *("work",) * 5,
    *("propose",) * 4,
    *("request",) * 3,
    *("rename_stream",) * 2,
    "rename_source",
    "ask_by_hand",
    "hold",
    "release",
    "approve",
    "undo",
    "answer",
    "back_up_and_restore",
    "lose_the_catalogue",
)
