"""Who acts, by the operating system's word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from strongroom.engine.people import acting_person
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
