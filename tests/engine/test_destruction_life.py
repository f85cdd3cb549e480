"""Any interleaving of what people, clocks, backups and crashes do: nothing early, nothing held, nothing comes back."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kit.destruction import ALICE, BOB, CAROL, DUE, HELD, KEEP, WEEK, House, make_house
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.erasure import answer_erasure, request_erasure
from strongroom.engine.destruction.propose import DestructionPlan, undo
from strongroom.engine.destruction.redestroy import redestroy_returned
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.model.archive import Archive
from strongroom.model.destruction import Person
from strongroom.model.erasure import Erasure, ErasureAnswer
from strongroom.model.errors import StrongroomError
from strongroom.vault.archives import get_archive
from strongroom.vault.destructions import get_erasure
from strongroom.vault.shred import copies_of
from strongroom.vault.tombstones import get_tombstone
from strongroom.vault.vault import open_vault

PICK = st.integers(0, 9)
PLACES = ("committed begun", "put tombstone", "shredded key", "removed copy", "certified", "committed destroyed")


class Died(Exception):
    """Stands in for a process that dies."""


class Life(RuleBasedStateMachine):
    """A vault, two kinds of people, and everything that can happen to them."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="strongroom-life-"))
        self.house: House = make_house(self.folder)
        self.known: list[Archive] = []
        self.gone: dict[str, datetime] = {}
        self.acts: Counter[str] = Counter()
        self.lost = 0
        self.plans: list[DestructionPlan] = []
        self.erasures: list[Erasure] = []
        self.approved: dict[str, tuple[datetime, Person]] = {}  # by plan: when it was approved enough, and by whom
        for _ in range(3):
            self.add()
        self.back_up()

    def teardown(self) -> None:
        if hasattr(self, "house"):
            self.house.vault.close()
            shutil.rmtree(self.folder)

    def add(self) -> None:
        (archive,) = self.house.add()
        self.house.verdicts[archive.id] = DUE
        self.known.append(archive)

    @precondition(lambda self: len(self.known) < 5)
    @rule()
    def arrive(self) -> None:
        """Let one more archive come."""
        self.add()

    @rule(which=PICK, verdict=st.sampled_from([DUE, DUE, DUE, HELD, KEEP]))
    def judge(self, which: int, verdict: object) -> None:
        """Let a period end or be lengthened, a hold come or go."""
        archive = self.pick(which)
        self.house.verdicts[archive.id] = verdict  # type: ignore[assignment]

    @rule(trusted=st.sampled_from([True, True, False]))
    def clock(self, trusted: bool) -> None:
        self.house.trusted = trusted

    @rule(days=st.sampled_from([3, 7, 7, 400]))
    def wait(self, days: int) -> None:
        self.house.now += days * WEEK / 7

    def pick(self, which: int) -> Archive:
        return self.known[which % len(self.known)]

    @rule(which=PICK, by=st.sampled_from([ALICE, BOB]))
    def propose(self, which: int, by: Person) -> None:
        archive = self.pick(which)
        try:
            plan = self.house.plan(archive, by=by)
        except StrongroomError:
            return
        assert self.house.verdicts[archive.id] is DUE
        self.acts["destruction.proposed"] += 1
        self.plans.append(plan)

    @precondition(lambda self: self.plans)
    @rule(which=PICK, by=st.sampled_from([ALICE, BOB, CAROL]))
    def approve(self, which: int, by: Person) -> None:
        plan = self.plans[-1 - which % len(self.plans)]
        try:
            told = self.house.agree(plan, by)
        except StrongroomError:
            return
        assert by != plan.proposal.by
        self.acts["destruction.approved"] += 1
        if told.enough:
            self.approved[plan.proposal.id] = (self.house.now, by)

    @precondition(lambda self: self.plans)
    @rule(which=PICK)
    def undo_it(self, which: int) -> None:
        plan = self.plans[-1 - which % len(self.plans)]
        try:
            undo(self.house.context(), plan.proposal.id, CAROL, "look again")
        except StrongroomError:
            return
        self.acts["destruction.undone"] += 1

    @precondition(lambda self: len(self.erasures) < 2)
    @rule(which=PICK)
    def ask(self, which: int) -> None:
        archive = self.pick(which)
        if archive.id in self.gone:
            return
        asked = request_erasure(self.house.context(), "crm-1", [archive], ALICE, "GDPR 17(1)(b)")
        self.acts["erasure.requested"] += 1
        if asked.plan is not None:
            self.acts["destruction.proposed"] += 1
            told = self.house.agree(asked.plan)
            self.acts["destruction.approved"] += 1
            assert told.enough
            self.approved[asked.plan.proposal.id] = (self.house.now, BOB)
        self.erasures.append(asked.erasure)

    @precondition(lambda self: self.erasures)
    @rule(which=PICK)
    def refuse(self, which: int) -> None:
        erasure = self.erasures[which % len(self.erasures)]
        try:
            answer_erasure(self.house.context(), erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", BOB)
        except StrongroomError:
            return
        self.acts["erasure.answered"] += 1

    @rule(die_at=st.sampled_from(["", "", *PLACES]))
    def work(self, die_at: str) -> None:
        """Carry out what can be, perhaps dying in the middle; whatever began must have been allowed to."""

        def crash_point(place: str) -> None:
            if place == die_at:
                raise Died

        before = {archive.id for archive in self.known if self.is_listed(archive)}
        with suppress(Died, StrongroomError):
            carry_out(self.house.context(crash_point=crash_point))
        self.house.vault.write_log()
        for archive in self.known:
            if archive.id in before and not self.is_listed(archive):
                self.check_allowed(archive)
                self.gone[archive.id] = self.house.now

    @rule(die_at=st.sampled_from(["", "", *PLACES]))
    def a_week_later(self, die_at: str) -> None:
        """Let the cooling-off pass, and the daemon work."""
        self.wait(days=7)
        self.work(die_at=die_at)

    @precondition(lambda self: len(self.plans) < 6)
    @rule(which=PICK, by=st.sampled_from([ALICE, BOB]))
    def agree(self, which: int, by: Person) -> None:
        """Propose and approve in one go, as two who know what they want."""
        before = len(self.plans)
        self.propose(which=which, by=by)
        if len(self.plans) > before:
            self.approve(which=0, by=CAROL)

    def check_allowed(self, archive: Archive) -> None:
        assert self.house.trusted
        assert self.house.verdicts[archive.id] is DUE
        buried = get_tombstone(self.house.vault.catalogue, archive.id)
        assert buried is not None
        at, _by = self.approved[buried.tombstone.proposal]
        assert self.house.now >= at + WEEK

    def is_listed(self, archive: Archive) -> bool:
        return get_archive(self.house.vault.catalogue, archive.id) is not None

    @rule()
    def back_up(self) -> None:
        target = self.folder / "backup"
        shutil.rmtree(target, ignore_errors=True)
        for name in ("archives", "keys", "manifests"):
            shutil.copytree(self.house.vault.layout.root / name, target / name)

    @rule()
    def restore_files(self) -> None:
        """Bring old files back over the vault; then the daemon starts."""
        for name in ("archives", "keys", "manifests"):
            shutil.copytree(self.folder / "backup" / name, self.house.vault.layout.root / name, dirs_exist_ok=True)
        self.settle()
        for archive in self.known:
            if archive.id in self.gone:
                assert [path.suffix for path in copies_of(self.house.vault.layout, archive.id)] == [".json"]

    @precondition(lambda self: self.lost < 2)
    @rule()
    def lose_the_catalogue(self) -> None:
        self.lost += 1
        self.settle()
        layout = self.house.vault.layout
        self.house.vault.close()
        for path in layout.root.glob("catalogue*"):
            path.unlink()
        rebuild(Rebuild(layout.root, lambda: self.house.now))
        self.house.vault = open_vault(layout.root)

    def settle(self) -> None:
        """Start as the daemon does."""
        redestroy_returned(self.house.vault, lambda: self.house.now, thorough=False)
        trusted, self.house.trusted = self.house.trusted, False
        with suppress(StrongroomError):
            carry_out(self.house.context())
        self.house.trusted = trusted

    @invariant()
    def whole_or_gone(self) -> None:
        if not hasattr(self, "house"):
            return
        for archive in self.known:
            if archive.id not in self.gone:
                assert self.house.is_whole(archive)
            else:
                assert not self.is_listed(archive)

    @invariant()
    def every_act_once(self) -> None:
        if not hasattr(self, "house"):
            return
        log = self.house.log()
        told = Counter(body["kind"] for body in log)
        for kind in ("destruction.proposed", "destruction.approved", "destruction.undone", "erasure.requested"):
            assert told[kind] == self.acts[kind], kind
        destroyed = Counter(body["archive"] for body in log if body["kind"] == "archive.destroyed")
        assert set(destroyed) <= set(self.gone)
        assert all(count == 1 for count in destroyed.values())
        answered = Counter(body["facts"]["erasure"] for body in log if body["kind"] == "erasure.answered")
        assert all(count == 1 for count in answered.values())
        for name in answered:
            found = get_erasure(self.house.vault.catalogue, name)
            assert found is not None
            assert not found.pending
        assert b"crm-1" not in self.house.vault.layout.log.read_bytes() if log else True


TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(
    max_examples=25,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
