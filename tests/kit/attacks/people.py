"""What somebody can do by another name: a user number of a namespace, another spelling, a server of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from kit.attacks.configs import YEARS
from kit.attacks.scene import Scene, run
from strongroom.model.destruction import Person

SOURCE = """
[[source]]
name = "mine"
provider = "zavu"
api_key = "env:NOWHERE"
base_url = "http://127.0.0.1:9"
allow_private_addresses = true
"""


def approve_in_a_namespace(scene: Scene) -> None:
    """Agree as a user number that `unshare -U --map-user` made; whoever proposed may be anybody there."""
    (plan,) = (each for each in _plans(scene) if scene.names["planned"] in json.dumps(each))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("strongroom.engine.core.people.acting_person", lambda: Person(4711, "another", mapped=True))
        told = run(scene, "destroy", "approve", str(plan["id"]), "--yes", "--count", "1")
    assert told.code != 0
    assert "user namespace" in told.output


def _plans(scene: Scene) -> list[dict[str, object]]:
    return list(json.loads(run(scene, "destroy", "list", "--json").output)["proposals"])


def hold_in_another_spelling(scene: Scene) -> None:
    """Place a hold that would catch nothing if names were compared letter by letter."""
    assert run(scene, "hold", "place", "--matter", "m", "--source", "ZAVU", "--reason", "suit").code == 0
    told = json.loads(run(scene, "retention", "plan", "--all", "--json").output)["archives"]
    fates = {each["archive"]: each["fate"] for each in told}
    assert fates[scene.names["a"]] == "held"


def ask_a_server_of_ones_own(scene: Scene) -> timedelta:
    path = scene.base / "strongroom.toml"
    path.write_text(path.read_text() + SOURCE)
    return YEARS


PEOPLE: dict[str, Callable[[Scene], object]] = {
    "a user of a namespace approves": approve_in_a_namespace,
    "a hold in another spelling": hold_in_another_spelling,
    "a provider's address of one's own, and a clock of eight years later": ask_a_server_of_ones_own,
}
