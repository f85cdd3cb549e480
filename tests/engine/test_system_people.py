"""Who acts, by the operating system's word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom.engine.core.people import acting_person
from strongroom.model.destruction import PROGRAM, Person


@pytest.mark.parametrize(
    ("loginuid", "told", "login", "sudo"),
    [
        ("1000", {"SUDO_UID": "1001"}, 1000, 1001),
        ("4294967295", {}, None, None),  # nobody logged in: a service, a container
        (None, {"SUDO_UID": "1001"}, None, 1001),
        ("rubbish", {"SUDO_UID": "-1"}, None, None),
        ("0\n", {"SUDO_UID": "1" * 40}, 0, None),
    ],
)
def test_what_the_kernel_and_sudo_tell(
    tmp_path: Path, loginuid: str | None, told: dict[str, str], login: int | None, sudo: int | None
) -> None:
    path = tmp_path / "loginuid"
    if loginuid is not None:
        path.write_text(loginuid)
    found = acting_person(told, path)
    assert (found.uid, found.login, found.sudo) == (os.getuid(), login, sudo)
    assert Person.of_token(found.token).may_be(found)


def test_a_token_holds_no_name_and_is_read_back() -> None:
    for person in (PROGRAM, Person(1000, "alice"), Person(0, "alice", 1000), Person(0, "alice", 1000, 1000)):
        assert "alice" not in person.token
        back = Person.of_token(person.token)
        assert (back.uid, back.login, back.sudo) == (person.uid, person.login, person.sudo)


@pytest.mark.parametrize(
    ("uid_map", "mapped"),
    [
        ("         0          0 4294967295\n", False),
        ("1001 1000 1\n", True),
        ("0 1000 1\n", True),
        ("", True),
        (None, True),
    ],
)
def test_a_user_namespace_is_no_witness(tmp_path: Path, uid_map: str | None, mapped: bool) -> None:
    path = tmp_path / "uid_map"
    if uid_map is not None:
        path.write_text(uid_map)
    found = acting_person({}, tmp_path / "none", path)
    assert found.mapped is mapped
    assert Person.of_token(found.token).mapped is mapped


def test_who_acts_in_a_user_namespace_may_be_anybody() -> None:
    assert Person(1001, "b", mapped=True).may_be(Person(1000, "a", 1000))
    assert Person(1000, "a", 1000).may_be(Person(1001, "b", 1001, mapped=True))


def test_the_name_is_never_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    assert acting_person(login=tmp_path / "none").name != "mallory"
