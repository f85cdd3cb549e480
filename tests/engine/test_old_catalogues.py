"""Older catalogues that a rebuild moved aside do not outlive an erasure or a destruction, unless history would go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.destruction import ALICE, BOB, HELD, House, make_house
from strongroom.engine.core.old_catalogues import asides_of
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.erasure import answer_erasure, request_erasure
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.model.erasure import ErasureAnswer
from strongroom.vault.vault import open_vault

SUBJECT = "jane@example.com"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = make_house(tmp_path)
    yield made
    made.vault.close()


def make_again(house: House) -> Path:
    root = house.vault.layout.root
    house.vault.close()
    aside = rebuild(Rebuild(root, lambda: house.now, lose_history=True)).aside
    house.vault = open_vault(root)
    assert aside is not None
    return aside


def test_the_last_answer_takes_the_person_out_of_older_catalogues(house: House) -> None:
    (first,) = house.add()
    asked = request_erasure(house.context(), SUBJECT, [first], ALICE, "GDPR 17(1)(b)")
    house.verdicts[first.id] = HELD
    aside = make_again(house)
    assert aside.name in house.find(SUBJECT.encode())
    answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.DEFERRED, "GDPR 17(3)(e)", BOB)
    assert aside.exists()
    answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", BOB)
    assert house.find(SUBJECT.encode()) == []
    assert asides_of(house.vault.layout) == []
    assert house.kinds()[-1] == "vault.asides-shredded"


def test_a_destruction_takes_older_catalogues_with_it(house: House) -> None:
    first, _ = house.add(2)
    house.approve_and_cool(first)
    aside = make_again(house)
    assert len(carry_out(house.context()).destroyed) == 1
    assert not aside.exists()
    assert house.kinds().count("vault.asides-shredded") == 1
    carry_out(house.context())
    assert house.kinds().count("vault.asides-shredded") == 1


@pytest.mark.parametrize("why", ["it cannot be read", "it tells what the log does not"])
def test_an_older_catalogue_that_may_be_all_that_is_left_stays(house: House, why: str) -> None:
    (first,) = house.add()
    asked = request_erasure(house.context(), SUBJECT, [first], ALICE, "GDPR 17(1)(b)")
    log = house.vault.layout.log
    if why.startswith("it tells"):
        cut = log.read_bytes().splitlines(keepends=True)[:-1]
        log.write_bytes(b"".join(cut))
    aside = make_again(house)
    if why.startswith("it cannot"):
        aside.write_bytes(b"garbage")
    answer_erasure(house.context(), asked.erasure.id, ErasureAnswer.REFUSED, "GDPR 17(3)(b)", BOB)
    assert asides_of(house.vault.layout) == [aside]
    assert "vault.asides-shredded" not in house.kinds()
