"""What the vault remembers of exports beside its jobs: since when each was on the list, which are to be deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from kit.vault_objects import NOW, make_job
from strongroom.evidence.line import Entry
from strongroom.model.job import Job, State
from strongroom.model.provider import ExportStatus, Listed, Observation
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.jobs import (
    Deletion,
    is_in_use,
    owe_deletion,
    owed_deletions,
    put_job,
    settle_deletion,
    waiting_refs,
)
from strongroom.vault.log import add_entry
from strongroom.vault.sources import is_other_uncertain, remember_list, seen_before


def on_list(ref: str) -> Listed:
    return Listed(None, Observation(ref, ExportStatus.RUNNING, "running"))


def look(catalogue: Catalogue, *entries: Listed, at: datetime = NOW) -> None:
    with catalogue.transaction():
        remember_list(catalogue, "zavu", entries, at)


def test_what_was_on_the_list_before_an_intent_is_told_from_what_came_after(catalogue: Catalogue) -> None:
    """By the log's order: the clock stands still, and a list that leaves one out for a while forgets nothing."""
    first, second = make_job(1, state=State.UNCERTAIN), make_job(2, state=State.UNCERTAIN)
    assert seen_before(catalogue, first) == frozenset()
    look(catalogue, on_list("stranger"), on_list("hidden"))
    intend(catalogue, first)
    look(catalogue, on_list("stranger"), on_list("ours"))
    look(catalogue, on_list("stranger"), on_list("hidden"), on_list("ours"), at=NOW - timedelta(hours=1))
    assert seen_before(catalogue, first) == {"stranger", "hidden"}
    intend(catalogue, second)
    assert seen_before(catalogue, second) == {"stranger", "hidden", "ours"}
    assert seen_before(catalogue, first) == {"stranger", "hidden"}
    assert seen_before(catalogue, make_job(3)) == frozenset()


def intend(catalogue: Catalogue, job: Job) -> None:
    with catalogue.transaction():
        put_job(catalogue, job)
        add_entry(catalogue, Entry("job.intended", NOW, job=job.id, stream=job.stream))


@pytest.mark.parametrize(
    ("state", "ref", "minutes", "uncertain"),
    [
        (State.UNCERTAIN, "", 0, True),
        (State.UNCERTAIN, "", -600, True),
        (State.CANCELLED, "", 0, True),
        (State.CANCELLED, "", -5, False),
        (State.CANCELLED, "exp_1", 0, False),
        (State.WAITING, "exp_1", 0, False),
        (State.PLANNED, "", 0, False),
    ],
)
def test_another_job_may_have_an_export_without_a_name(
    catalogue: Catalogue, state: State, ref: str, minutes: int, uncertain: bool
) -> None:
    other = make_job(1, state=state, ref=ref, asked_at=NOW + timedelta(minutes=minutes))
    with catalogue.transaction():
        put_job(catalogue, other)
    since = NOW - timedelta(minutes=2)
    assert is_other_uncertain(catalogue, make_job(2), since) is uncertain
    assert not is_other_uncertain(catalogue, other, since)
    assert not is_other_uncertain(catalogue, make_job(3, source="another"), since)


def test_a_deletion_is_owed_until_it_is_settled(catalogue: Catalogue) -> None:
    owed = Deletion("hook", "exp_1", "job", "archive", NOW)
    later = Deletion("hook", "exp_1", "job", "archive", NOW + timedelta(hours=1), 3)
    with catalogue.transaction():
        owe_deletion(catalogue, owed)
        owe_deletion(catalogue, Deletion("hook", "exp_2", "job", "archive", NOW + timedelta(minutes=1)))
    assert owed_deletions(catalogue)[0] == owed
    with catalogue.transaction():
        owe_deletion(catalogue, later)
    assert [each.ref for each in owed_deletions(catalogue)] == ["exp_2", "exp_1"]
    assert owed_deletions(catalogue)[1] == later
    with catalogue.transaction():
        settle_deletion(catalogue, later)
    assert [each.ref for each in owed_deletions(catalogue)] == ["exp_2"]


def test_an_export_is_in_use_by_unfinished_jobs_alone(catalogue: Catalogue) -> None:
    job = make_job(1, state=State.WAITING, ref="exp_1")
    with catalogue.transaction():
        put_job(catalogue, job)
    assert is_in_use(catalogue, job.source, "exp_1")
    assert waiting_refs(catalogue, job.source) == ["exp_1"]
    with catalogue.transaction():
        put_job(catalogue, replace(job, state=State.ARCHIVED))
    assert not is_in_use(catalogue, job.source, "exp_1")
    assert not is_in_use(catalogue, job.source, "")
    assert waiting_refs(catalogue, job.source) == []
