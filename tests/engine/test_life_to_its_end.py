"""The life of records to its end: the machine of periods and holds, with people who propose, approve, undo and destroy.

The verdicts, the holds and the time are the real ones. Whatever the order of acts: nothing is destroyed before the
longest end that anything ever promised it, nothing under a hold, by a wrong clock, or by one person.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from kit.destruction import ALICE, BOB, CAROL, SIGNER
from kit.life_of_records import PERIODS, LifeOfRecords, fits
from strongroom.engine.core.trusted_clock import require_trustworthy_time
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.propose import DestructionPlan, propose, read_plan, undo
from strongroom.evidence.line import read_chain
from strongroom.model.destruction import Person, StepRefused
from strongroom.model.errors import StrongroomError
from strongroom.model.hold import HoldRule
from strongroom.model.retention import Basis
from strongroom.vault.archives import get_archive
from strongroom.vault.destructions import planned_for_retention
from strongroom.vault.shred import copies_of
from strongroom.vault.tombstones import get_tombstone, is_tombstone

WEEK = timedelta(days=7)
_UNTIL = "SELECT until FROM retained WHERE archive = ?"
_SET_UNTIL = "UPDATE retained SET until = ? WHERE archive = ?"
_STAGES = "SELECT archive, stage FROM condemned WHERE proposal = ?"
_APPROVED = "SELECT archive FROM condemned WHERE stage = 'approved' AND proposal != ?"
_SET_STAGE = "UPDATE condemned SET stage = ? WHERE proposal = ? AND archive = ?"


class LifeToItsEnd(LifeOfRecords):
    """The same vault, with people who destroy."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: list[DestructionPlan] = []
        self.agreed: dict[str, datetime] = {}  # by plan, in true time
        self.gone: set[str] = set()
        self.configure(short=PERIODS[0], long=PERIODS[1], basis=Basis.WINDOW_END, streams="short", lock=False)
        self.ingest(stream="a", lag=60)

    def context(self) -> DestructionContext:
        """Return a desk on the vault's own time, with a provider that tells the true one."""
        skews = {"zavu": -self.world.jumped}
        return DestructionContext(
            self.vault,
            self.now,
            self.random_bytes,
            signer=lambda: SIGNER,
            require_time=lambda: require_trustworthy_time(self.vault, self.clock, skews),
        )

    @precondition(lambda self: self.world.lives)
    @rule(data=st.data(), by=st.sampled_from((ALICE, BOB)))
    def propose(self, data: st.DataObject, by: Person) -> None:
        """Propose an archive; refused unless it is due."""
        life = self._draw(data)
        due = life.until is not None and life.until <= self.now() and not self.world.is_held(life.archive)
        try:
            self.plans.append(propose(self.context(), [life.archive], by, "it is over"))
        except StepRefused:
            return
        assert due
        self.world.acts.append("destruction.proposed")

    @precondition(lambda self: self.plans)
    @rule(data=st.data(), by=st.sampled_from((ALICE, BOB, CAROL)))
    def approve(self, data: st.DataObject, by: Person) -> None:
        """Approve a plan; refused to who proposed it."""
        self._approve(data.draw(st.sampled_from(self.plans)), by)

    def _approve(self, plan: DestructionPlan, by: Person) -> None:
        try:
            approve(self.context(), plan.proposal.id, by, read_plan(self.context(), plan.proposal.id).digest)
        except StepRefused:
            return
        assert by != plan.proposal.by
        self.agreed[plan.proposal.id] = self.true_now
        self.world.acts.append("destruction.approved")

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        """Take a plan back, where that can still be done."""
        plan = data.draw(st.sampled_from(self.plans))
        with suppress(StepRefused):
            undo(self.context(), plan.proposal.id, CAROL, "wait")
            self.world.acts.append("destruction.undone")

    def _hold(self, held: HoldRule) -> None:
        """Place a hold: what it catches comes off its plan at once, and stays off when the hold is released."""
        waiting = [each.archive for each in planned_for_retention(self.vault.catalogue)]
        super()._hold(held)
        excluded = [life.archive.id for life in self.world.lives.values() if fits(held, life.archive)]
        self.world.acts += ["destruction.spared" for each in waiting if each in excluded]
        assert not {each.archive for each in planned_for_retention(self.vault.catalogue)} & set(excluded)

    @rule(days=st.sampled_from((0, 8)))
    def carry_out(self, days: int) -> None:
        """Let the daemon work, after the cooling-off or before it."""
        if days:
            self.time_passes(days)
        with suppress(StrongroomError):
            carry_out(self.context())
        told = self._told()
        fresh = told[len(self.world.acts) :]
        assert Counter(fresh)["destruction.begun"] == Counter(fresh)["archive.destroyed"]
        assert set(fresh) <= {"destruction.begun", "archive.destroyed", "destruction.spared", "clock.confirmed"}
        self.world.acts += fresh
        self._bury_what_is_gone()

    @precondition(lambda self: self.world.lives)
    @rule(data=st.data(), days=st.sampled_from((0, 8)))
    def go_through_with_it(self, data: st.DataObject, days: int) -> None:
        """Propose, approve and carry out in one go, as two who know what they want; whatever is refused stays so."""
        before = len(self.plans)
        self.propose(data=data, by=ALICE)
        for plan in self.plans[before:]:
            self._approve(plan, BOB)
        self.carry_out(days=days)

    @precondition(lambda self: self.world.lives)
    @rule(data=st.data(), until=st.sampled_from(("2000-02-29T00:00:00.000000Z", "2024-02-28T23:30:00.000000Z")))
    def forge_a_period(self, data: st.DataObject, until: str) -> None:
        """Let a row say that a period is over: nothing is proposed by it, whatever the log says of that archive."""
        life, catalogue = self._draw(data), self.vault.catalogue
        ((before,),) = (tuple(row) for row in catalogue.read(_UNTIL, life.archive.id))
        if before == until:
            return
        with catalogue.transaction():
            catalogue.write(_SET_UNTIL, until, life.archive.id)
        with pytest.raises(StrongroomError):
            propose(self.context(), [life.archive], ALICE, "the row says so")
        with catalogue.transaction():
            catalogue.write(_SET_UNTIL, before, life.archive.id)
        fresh = self._told()[len(self.world.acts) :]
        assert set(fresh) <= {"destruction.refused"}
        self.world.acts += fresh

    @precondition(lambda self: self.plans)
    @rule(data=st.data())
    def forge_a_stage(self, data: st.DataObject) -> None:
        """Let a row say that all of a plan is approved: nothing is destroyed by it that the log does not tell of."""
        plan, catalogue = data.draw(st.sampled_from(self.plans)).proposal.id, self.vault.catalogue
        before = [tuple(row) for row in catalogue.read(_STAGES, plan)]
        if any(stage not in ("withdrawn", "proposed", "spared") for _, stage in before):
            return
        approved = {archive for (archive,) in catalogue.read(_APPROVED, plan)}  # by other plans: they may go meanwhile
        with catalogue.transaction():
            catalogue.write("UPDATE OR IGNORE condemned SET stage = 'approved' WHERE proposal = ?", plan)
        with suppress(StrongroomError):
            carry_out(self.context())
        kept = {archive for archive, _ in before if archive in self.world.lives} - approved
        assert all(get_archive(catalogue, archive) is not None for archive in kept)
        with catalogue.transaction():
            for archive, stage in before:
                catalogue.write(_SET_STAGE, stage, plan, archive)
        fresh = self._told()[len(self.world.acts) :]
        allowed = {"destruction.begun", "archive.destroyed"} if approved else set()
        assert set(fresh) <= {"destruction.refused", "destruction.spared", "clock.confirmed", *allowed}
        self.world.acts += fresh
        self._bury_what_is_gone()

    def _bury_what_is_gone(self) -> None:
        for name in sorted(self.world.lives):
            if get_archive(self.vault.catalogue, name) is None:
                self._bury(name)

    def _bury(self, name: str) -> None:
        """Check that an archive that is gone was allowed to go."""
        life, buried = self.world.lives.pop(name), get_tombstone(self.vault.catalogue, name)
        assert buried is not None
        assert not self.world.is_held(life.archive)
        assert life.until is not None
        assert abs(self.world.jumped) <= timedelta(days=1)
        assert life.until <= self.true_now
        assert self.true_now >= self.agreed[buried.tombstone.proposal]
        self.gone.add(name)

    def _told(self) -> list[str]:
        path = self.vault.layout.log
        return [str(body["kind"]) for body in read_chain(path.read_bytes().splitlines())] if path.exists() else []

    @invariant()
    def what_is_gone_is_gone(self) -> None:
        """Of what was destroyed there is a tombstone and nothing else; of the rest, everything."""
        for name in self.gone:
            (stone,) = copies_of(self.vault.layout, name)
            assert is_tombstone(stone.read_bytes())
        for life in self.world.lives.values():
            assert self.vault.key_path(life.archive).exists()


LifeToItsEnd.TestCase.settings = settings(
    max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLifeToItsEnd = pytest.mark.slow(LifeToItsEnd.TestCase)
