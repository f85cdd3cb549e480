"""People in a user namespace: a real one made by unshare, and the keys by which people in one are told apart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kit.destruction import House, make_house
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionRules
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.propose import propose, read_plan
from strongroom.evidence.note import Signer
from strongroom.model.destruction import Person, StepRefused

ASK = "from strongroom.engine.core.people import acting_person; print(acting_person().token)"
ALICE, MAPPED = Person(1000, "alice", 1000), Person(1001, "bob", mapped=True)


def test_a_second_user_number_made_by_unshare_is_no_second_person() -> None:
    unshare = shutil.which("unshare")
    command = [str(unshare), "-U", "--map-user=4711", sys.executable, "-c", ASK]
    done = None if unshare is None else subprocess.run(command, capture_output=True, text=True, check=False)
    if done is None or "unshare" in done.stderr:
        pytest.skip(f"unshare -U --map-user is not permitted here: {done.stderr.strip() if done else 'not installed'}")
    assert done.returncode == 0, done.stderr
    other = Person.of_token(done.stdout.strip())
    assert other.uid == 4711
    assert other.mapped
    assert other.may_be(Person(os.getuid(), "we"))
    assert other.may_be(Person(os.getuid(), "we", 1000))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    with closing(made.vault):
        yield made


KEYS = tuple(Signer(name, bytes([number]) * 32) for number, name in enumerate(("one", "two", "three"), 1))


@pytest.mark.parametrize("proposer", [ALICE, MAPPED])
def test_keys_of_approvers_tell_people_apart_where_user_numbers_do_not(house: House, proposer: Person) -> None:
    one, two, foreign = KEYS
    rules = DestructionRules(2, timedelta(0), (str(one.verifier), str(two.verifier)))
    context = house.context(rules=rules)
    (archive,) = house.add()
    plan = propose(context, [archive], proposer, "its time is over")
    seen = read_plan(context, plan.proposal.id).digest
    for key in (None, foreign):
        with pytest.raises(StepRefused, match="user namespace"):
            approve(context, plan.proposal.id, MAPPED, seen, key)
    assert not approve(context, plan.proposal.id, MAPPED, seen, one).enough  # the proposer may hold this very key
    with pytest.raises(StepRefused, match="approved this plan already"):
        approve(context, plan.proposal.id, MAPPED, seen, one)
    assert not carry_out(context).destroyed
    house.now += timedelta(seconds=1)
    assert approve(context, plan.proposal.id, MAPPED, seen, two).enough
    assert [each.archive for each in carry_out(context).destroyed] == [archive.id]
