"""What cannot be handed over is refused before anything is done for it: no checkpoint is signed, no folder is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.sealed_vault import AT, House, message
from strongroom.age.keys import X25519Identity
from strongroom.config.load import load_config
from strongroom.engine.core.identities import make_identity
from strongroom.engine.proof.package import PackageRequest, PackageSource, write_package
from strongroom.model.destruction import Person
from strongroom.model.errors import StrongroomError
from strongroom.model.provider import Container
from strongroom.text.events import entry_words, fact_pairs, facts_words
from strongroom.vault.checkpoints import newest_checkpoint

OTHER = make_identity(os.urandom)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.vault.close()


@pytest.mark.parametrize("identities", [[], [X25519Identity.parse(OTHER.secret)]], ids=["none", "another"])
@pytest.mark.parametrize(
    ("recipients", "target"),
    [(("age1nobody",), "new"), ((OTHER.recipient,), "new"), ((), "vault"), ((), "none/new")],
    ids=["no-key", "not-opened", "taken", "no-folder"],
)
def test_a_refusal_signs_nothing_and_makes_nothing(
    house: House, identities: list[X25519Identity], recipients: tuple[str, ...], target: str
) -> None:
    archive = house.seal_records([message(number) for number in range(5)], Container.CSV)
    config = load_config(house.base / "strongroom.toml")
    giver = PackageSource(house.vault, config, lambda: AT, os.urandom, entry_words, identities)
    before = sorted(path.name for path in house.base.iterdir())
    with pytest.raises(StrongroomError):
        write_package(giver, PackageRequest([archive], house.base / target, Person(1000, "ana"), recipients))
    assert newest_checkpoint(house.vault.catalogue) is None
    assert sorted(path.name for path in house.base.iterdir()) == before


def test_facts_are_told_in_words_and_without_what_says_nothing() -> None:
    facts: dict[str, object] = {
        "faults": [],
        "from": "sealed",
        "streams": {"account": ["standard"], "none": []},
        "rules": [{"rule": "30 days", "citation": "", "archives": ["a", "b"]}],
        "enough": False,
        "size": 0,
        "cause": None,
        "plan_sha256": "ab",
    }
    assert fact_pairs(facts) == [
        ("enough", "no"),
        ("from", "sealed"),
        ("plan sha256", "ab"),
        ("rules", "rule: 30 days; archives: a, b"),
        ("size", "0"),
        ("streams", "account: standard"),
    ]
    assert facts_words({"faults": [], "from": "sealed"}) == "from sealed"
