"""The commands about copies, as a person types them: from a second disk to a vault on a new machine."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kit.sealed_vault import House
from strongroom.cli.main import cli


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    for number in range(3):
        made.seal(f"id,at,text\n{number},2026-03-01T05:00:00Z,hello\n".encode(), alone=False)
    made.vault.write_log()
    (tmp_path / "disk").mkdir()
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(f'\n[[copy]]\nname = "disk"\npath = "{tmp_path}/disk"\n')
    return made


def run(house: House, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main(["--config", str(house.base / "strongroom.toml"), *words])
    return int(ended.value.code or 0), capsys.readouterr().out


def test_a_second_disk_from_nothing_and_a_vault_from_it(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(house, capsys, "copy", "status")
    assert (code, "not begun" in out) == (0, True)
    code, out = run(house, capsys, "copy", "run")
    assert (code, "disk: 3 archives copied" in out) == (0, True)
    code, out = run(house, capsys, "copy", "status", "--json")
    (state,) = json.loads(out)["copies"]
    assert (code, state["name"], state["complete"], state["findings"]) == (0, "disk", True, 0)
    code, out = run(house, capsys, "copy", "rehearse", "disk", "--json")
    (rehearsed,) = json.loads(out)["copies"]
    assert (code, rehearsed["archives"], rehearsed["opened"], rehearsed["faults"]) == (0, 3, None, [])
    code, out = run(house, capsys, "copy", "rehearse", "--json", "--identity", f"{house.base}/identity.age")
    assert (code, json.loads(out)["copies"][0]["opened"]) == (0, 3)
    code, out = run(house, capsys, "copy", "scrub", "--json")
    assert (code, [each["findings"] for each in json.loads(out)["copies"]]) == (0, [0])
    assert "disk: complete" in run(house, capsys, "status")[1]
    house.vault.close()
    shutil.rmtree(house.base / "vault")
    (house.base / "strongroom.toml").rename(house.base / "strongroom.old")
    code, out = run(house, capsys, "copy", "list", f"{house.base}/disk", "--json")
    (found,) = json.loads(out)["copies"]
    to = house.base / "vault"
    code, out = run(
        house, capsys, "copy", "restore", "--from", f"{house.base}/disk", "--to", str(to), "--vault",
        found["vault"][:8], "--json",
    )  # fmt: skip
    assert (code, json.loads(out)["archives"], json.loads(out)["faults"]) == (0, 3, [])
    (house.base / "strongroom.old").rename(house.base / "strongroom.toml")
    identity = ("--identity", f"{house.base}/identity.age")
    assert run(house, capsys, "verify", "--content", *identity)[0] == 0
    code, out = run(house, capsys, "copy", "run")  # the restored vault goes on with the copy that it came from
    assert (code, "complete" in out) == (0, True)


def test_what_cannot_be_is_refused_in_words(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(house, capsys, "copy", "run", "nosuch")[0] == 2
    assert run(house, capsys, "copy", "restore", "--from", "nosuch", "--to", f"{house.base}/x")[0] == 2
    assert run(house, capsys, "copy", "restore", "--from", f"{house.base}/disk", "--to", f"{house.base}/x")[0] == 2
    assert run(house, capsys, "copy", "forget", "disk", "--reason", "lost")[0] == 2
    (house.base / "disk").rmdir()
    assert run(house, capsys, "copy", "run")[0] == 6
    assert run(house, capsys, "copy", "status")[0] == 1
