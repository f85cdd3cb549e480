"""The life of records as a state machine, to which tests add acts."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from kit.destruction import ALICE, DAY, START, archive_of, enter_archive
from strongroom.engine.core.trusted_clock import keep_time, remember_time, require_trustworthy_time, vault_now
from strongroom.engine.proof.replay import replay_retention
from strongroom.engine.retention.holds import note_caught, place, release
from strongroom.engine.retention.rules import Policy, adopt_policy, extend, is_locked, with_rule
from strongroom.engine.retention.verdicts import verdict
from strongroom.evidence.line import read_chain
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import UsageError, WorldError
from strongroom.model.hold import HoldRule
from strongroom.model.names import make_id
from strongroom.model.retention import Basis, Fate, Period, RetentionRule, end_of
from strongroom.model.window import Window
from strongroom.vault.retention_records import put_retained
from strongroom.vault.vault import Vault, create_vault

STREAMS = ("a", "b")


PERIODS = tuple(Period.parse(text) for text in ("1d", "30d", "1m", "2m", "1y"))


CLASSES = ("short", "long")


JUMPS = (timedelta(days=-400), timedelta(hours=-3), timedelta(days=3), timedelta(days=4000))


@dataclass
class Life:
    """What must be so of one archive."""

    archive: Archive
    until: datetime | None  # the longest end ever promised; None where no rule was known, so for ever


@dataclass
class World:
    """A small model of the vault: what was done, and what follows from it."""

    lives: dict[str, Life] = field(default_factory=dict)
    holds: dict[str, HoldRule] = field(default_factory=dict)  # those that stand
    acts: list[str] = field(default_factory=list)  # kinds that the log must have, in order
    policy: Policy = field(default_factory=lambda: Policy((), ()))
    seen: dict[str, RetentionRule] = field(default_factory=dict)
    named: set[tuple[str, str]] = field(default_factory=set)  # stream and class
    locked: bool = False
    jumped: timedelta = timedelta(0)  # our clock's error

    def is_held(self, archive: Archive) -> bool:
        """Say whether a hold stands that keeps the archive."""
        return any(fits(each, archive) for each in self.holds.values())


def fits(rule: HoldRule, archive: Archive) -> bool:
    window = archive.spec.window
    return (
        (not rule.stream or rule.stream == archive.stream)
        and (not rule.archives or archive.id in rule.archives)
        and (rule.start is None or rule.start <= window.end)
        and (rule.end is None or rule.end > window.start)
    )


class LifeOfRecords(RuleBasedStateMachine):
    """One vault, people, and a clock that may be wrong. Further acts are further rules."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="life-"))
        self.vault: Vault = create_vault(self.folder / "vault", "a vault\n")
        self.world = World()
        self.drawn = 0
        self.true_now = self.sure = START
        remember_time(self.vault, START)

    def random_bytes(self, count: int) -> bytes:
        """Return bytes that are the same in every run, and larger each time: ids sort by when they were made."""
        self.drawn += 1
        return self.drawn.to_bytes(count, "big")

    def teardown(self) -> None:
        self.vault.close()
        shutil.rmtree(self.folder)

    def clock(self) -> datetime:
        """Return what our clock says, right or wrong."""
        return self.true_now + self.world.jumped

    def now(self) -> datetime:
        """Return the vault's own time."""
        return vault_now(self.vault, self.clock)

    @rule(
        short=st.sampled_from(PERIODS),
        long=st.sampled_from(PERIODS),
        basis=st.sampled_from(Basis),
        streams=st.sampled_from(("short", "long", "short+long")),
        lock=st.booleans(),
    )
    def configure(self, short: Period, long: Period, basis: Basis, streams: str, lock: bool) -> None:
        """Start with another configuration."""
        rules = (RetentionRule("short", short, basis), RetentionRule("long", long))
        policy = Policy(rules, tuple((name, streams) for name in STREAMS), lock)
        world, changed = self.world, [each for each in rules if self.world.seen.get(each.name) != each]
        fresh = {(stream, name) for stream in STREAMS for name in streams.split("+")} - world.named
        if (world.locked or lock) and any(self._shortens(each) for each in changed):
            with pytest.raises(UsageError, match="would become shorter"):
                adopt_policy(self.vault, policy, self.now())
            return
        adopt_policy(self.vault, policy, self.now())
        world.acts += ["vault.locked"] if lock and not world.locked else []
        world.acts += ["retention.changed"] if changed or fresh else []
        world.locked, world.policy = world.locked or lock, policy
        world.seen |= {each.name: each for each in changed}
        world.named |= fresh

    def _shortens(self, new: RetentionRule) -> bool:
        """Compare the ends of the two rules for archives that come at once and late, on each day of some years."""
        old = self.world.seen.get(new.name)
        if old is None:
            return False
        days = (Window(START + n * DAY, START + (n + 1) * DAY) for n in range(1500))
        lags = (timedelta(0), timedelta(days=3000))
        return any(end_of(new, day, day.end + lag) < end_of(old, day, day.end + lag) for day in days for lag in lags)

    @rule(stream=st.sampled_from(STREAMS), lag=st.integers(0, 90))
    def ingest(self, stream: str, lag: int) -> None:
        """Take in an archive of a window that ended some days ago; by the running configuration."""
        asked = dict(self.world.policy.streams).get(stream, "short")
        end = self.now() - lag * DAY
        window = Window(end - DAY, end)
        bare = archive_of(
            make_id(self.true_now, self.random_bytes),
            make_id(self.true_now, self.random_bytes),
            Holding.HELD,
            stream,
            window,
            b"x",
        )
        arrived = replace(bare, retention=asked, rule=None, durable_at=self.now(), verified_at=self.now())
        archive = with_rule(self.vault.catalogue, arrived)
        self._publish(archive)
        self.world.lives[archive.id] = Life(archive, self._promised(archive, asked))

    def _promised(self, archive: Archive, asked: str) -> datetime | None:
        names = set(asked.split("+"))
        if self.world.locked:
            names |= {name for stream, name in self.world.named if stream == archive.stream}
        if not names <= self.world.seen.keys():
            return None
        rules = [self.world.seen[name] for name in names]
        return max(end_of(each, archive.spec.window, archive.verified_at) for each in rules)

    def _publish(self, archive: Archive) -> None:
        layout = self.vault.layout
        for suffix in (".key.age", ".age"):
            layout.temporary(archive.id, suffix).write_bytes(b"x")
        self.vault.publish_archive(archive)
        enter_archive(self.vault, archive)
        with self.vault.catalogue.transaction():
            note_caught(self.vault.catalogue, archive, self.now())
        self.vault.write_log()
        self.world.acts += ["job.proven", *(["hold.caught"] if self.world.is_held(archive) else [])]

    @precondition(lambda self: self.world.lives)
    @rule(data=st.data(), name=st.sampled_from(CLASSES))
    def lengthen(self, data: st.DataObject, name: str) -> None:
        """Have another class decide about an archive; only ever longer."""
        life = self._draw(data)
        offered = self.world.seen.get(name)
        until = offered and end_of(offered, life.archive.spec.window, life.archive.verified_at)
        own = life.until is None and name in life.archive.retention.split("+")

        def act() -> None:
            extend(self.vault, [life.archive], name, ALICE, "a letter", self.now())

        if until is None or not (own or (life.until is not None and until > life.until)):
            with pytest.raises(UsageError):
                act()
            return
        act()
        life.until = until
        self.world.acts.append("retention.extended")

    @rule(stream=st.sampled_from(("", *STREAMS)), days=st.integers(-60, 60), bounded=st.booleans())
    def hold(self, stream: str, days: int, bounded: bool) -> None:
        """Place a hold on a stream, or on all, from a day on or before it."""
        edge = self.true_now + days * DAY
        self._hold(HoldRule(stream=stream, **({"start": edge} if bounded else {"end": edge})))

    @precondition(lambda self: self.world.lives)
    @rule(data=st.data())
    def hold_one(self, data: st.DataObject) -> None:
        """Place a hold on one archive."""
        self._hold(HoldRule(archives=(self._draw(data).archive.id,)))

    def _hold(self, held: HoldRule) -> None:
        caught = place(self.vault, "Smith v. Acme", held, ALICE, "a letter", self.now(), self.random_bytes)
        self.world.holds[caught.hold.id] = held
        self.world.acts.append("hold.placed")
        assert caught.archives == sum(fits(held, life.archive) for life in self.world.lives.values())

    @precondition(lambda self: self.world.holds)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """Release a hold; a second time is refused and is no act."""
        name = data.draw(st.sampled_from(sorted(self.world.holds)))
        release(self.vault, name, ALICE, "settled", self.now())
        del self.world.holds[name]
        self.world.acts.append("hold.released")
        with pytest.raises(UsageError, match="already released"):
            release(self.vault, name, ALICE, "settled", self.now())

    @rule(days=st.sampled_from((1, 20, 40, 400)))
    def time_passes(self, days: int) -> None:
        """Let time pass, with a provider that speaks for it."""
        self.true_now += days * DAY
        if not self.world.jumped:
            remember_time(self.vault, self.clock())

    @rule(jump=st.sampled_from(JUMPS))
    def clock_jumps(self, jump: timedelta) -> None:
        """Set our clock wrong; the daemon goes on calling."""
        self.world.jumped = jump
        keep_time(self.vault, self.clock())

    @rule()
    def clock_is_mended(self) -> None:
        """Set our clock right again."""
        self.world.jumped = timedelta(0)

    @rule()
    def catalogue_forgets(self) -> None:
        """Lose what the catalogue knows of retention and holds, and enter it again from manifests and log."""
        catalogue = self.vault.catalogue
        with catalogue.transaction():
            for table in ("retained", "classes", "stream_classes", "holds"):
                catalogue.write(f"DELETE FROM {table}")
            catalogue.write("DELETE FROM vault WHERE name = 'lock'")
            for life in self.world.lives.values():
                reenter(self.vault, life.archive)
            replay_retention(catalogue)

    @invariant()
    def nothing_is_due_early(self) -> None:
        """The verdicts are those of the model, now and around each end."""
        for life in self.world.lives.values():
            ends = [] if life.until is None else [life.until - timedelta(seconds=1), life.until]
            for at in (self.true_now, *ends):
                found = verdict(self.vault, life.archive, at)
                if self.world.is_held(life.archive):
                    assert found.fate is Fate.HELD
                elif life.until is None:
                    assert found.fate is Fate.UNKNOWN
                else:
                    assert found.fate is (Fate.DUE if life.until <= at else Fate.KEEP)

    @invariant()
    def a_clock_that_leapt_destroys_nothing(self) -> None:
        """With a provider to ask, or the mark alone, a clock that is off by more than a day stops everything."""
        if abs(self.world.jumped) <= DAY:
            return
        told: list[dict[str, timedelta | None]] = [{"zavu": -self.world.jumped, "qlara": None}]
        if self.world.jumped > DAY:  # one that is behind can be taken for time that did not pass: nothing is early then
            told += [{}, {"zavu": None}]
        for skews in told:
            with pytest.raises(WorldError, match="nothing is destroyed"):
                require_trustworthy_time(self.vault, self.clock, skews)

    @invariant()
    def time_never_runs_backwards(self) -> None:
        """The vault's time is at least what it ever was sure of, and never ahead of both clock and truth."""
        assert self.sure <= self.now() <= max(self.clock(), self.true_now)
        self.sure = vault_now(self.vault, lambda: self.sure)  # what the vault says whatever a clock says

    @invariant()
    def every_act_is_in_the_log_once(self) -> None:
        """The log file has what was done, in order, and its chain is whole."""
        path = self.vault.layout.log
        lines = path.read_bytes().splitlines() if path.exists() else []
        assert [body["kind"] for body in read_chain(lines)] == self.world.acts
        assert not any(b"Smith" in line or b"letter" in line for line in lines)

    @invariant()
    def the_lock_stays(self) -> None:
        """Once locked, locked."""
        assert is_locked(self.vault) is self.world.locked

    def _draw(self, data: st.DataObject) -> Life:
        return self.world.lives[data.draw(st.sampled_from(sorted(self.world.lives)))]


def reenter(vault: Vault, archive: Archive) -> None:
    """Enter what an archive's manifest says of retention; inside a transaction."""
    found = vault.published_archive(archive.id)
    assert found is not None
    put_retained(vault.catalogue, found)
