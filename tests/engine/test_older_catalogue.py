"""A catalogue that is older than its log, as a restored backup is: what reads works, what writes refuses in words.

An entry made there would have the number of a line that the log has already, and the two would part for good.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kit.attacks.scene import Scene, copy_scene, make_scene, run
from kit.destruction import ALICE
from strongroom.age.keys import X25519Identity

SOURCE = """
[[source]]
name = "zavu"
provider = "zavu"
api_key = "file:{key}"
base_url = "http://127.0.0.1:9"
allow_private_addresses = true

[[stream]]
name = "zavu-messages"
source = "zavu"
datasets = ["messages"]
since = 2026-11-01
"""
KEY = str(X25519Identity.generate(lambda count: bytes(count)).recipient)
WRITING = """
run --once
export zavu --from 2026-01-01 --to 2026-01-02 --dataset messages
jobs retry {a}
pause zavu
resume zavu
wake
regenerate {a}
scrub run
audit checkpoint
handover --archives {a} --to {out}
retention extend {a} --class standard --reason mine
hold place --matter other --everything --reason mine
hold release {hold} --reason mine
destroy propose --archive {planned}
destroy approve {plan} --yes --count 1
destroy undo {a} --reason mine
destroy carry-out
erase request --subject x1 --archive {b} --ground law
erase answer {erasure} deferred --ground law
erase propose {erasure}
key add {key} --unproven
key retire {recipient} --reason mine --unproven
key rotate
key drill
"""
READING = ("archives", "hold list", "retention plan", "destroy list", "erase list", "audit log", "key list")


def ask_for_erasure(scene: Scene) -> None:
    """Record two requests, and leave one of them and another plan off any plan."""
    for name in ("c", "a"):  # newest first in the list
        assert (
            run(scene, "erase", "request", "--subject", "x", "--archive", scene.names[name], "--ground", "law").code
            == 0
        )
    for name in ("c", "planned"):
        assert run(scene, "destroy", "undo", scene.names[name], "--reason", "not now").code == 0


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, dict[str, str]]:
    """Put a catalogue of before the last act back, and return what the commands are given."""
    base = tmp_path_factory.mktemp("older")
    made = make_scene(base / "made")
    scene = copy_scene(made, base / "here")
    (base / "api.key").write_text("secret-of-zavu")
    (base / "api.key").chmod(0o600)
    config = scene.base / "strongroom.toml"
    config.write_text(config.read_text() + SOURCE.format(key=base / "api.key"))
    with pytest.MonkeyPatch.context() as patch:  # somebody else than who approves
        patch.setattr("strongroom.engine.core.people.acting_person", lambda: ALICE)
        ask_for_erasure(scene)
    shutil.copy(scene.root / "catalogue.sqlite", base / "aside.sqlite")
    assert run(scene, "hold", "place", "--matter", "lost", "--everything", "--reason", "suit").code == 0
    for path in scene.root.glob("catalogue.sqlite*"):
        path.unlink()
    shutil.copy(base / "aside.sqlite", scene.root / "catalogue.sqlite")
    given = scene.names | {
        "out": str(base / "out"),
        "key": KEY,
        "recipient": scene.config.vault.recipients[0],
        "hold": json.loads(run(scene, "hold", "list", "--json").output)["holds"][0]["id"],
        "erasure": json.loads(run(scene, "erase", "list", "--json").output)["erasures"][-1]["id"],
        "plan": next(
            each["id"]
            for each in json.loads(run(scene, "destroy", "list", "--json").output)["proposals"]
            if scene.names["a"] in json.dumps(each)
        ),
    }
    return scene, given


def state(scene: Scene) -> dict[str, bytes]:
    paths = [path for path in scene.base.rglob("*") if path.is_file() and "older" not in path.parts]
    skipped = ("-wal", "-shm", ".lock", "lock")
    found = {str(path): path.read_bytes() for path in paths if not path.name.endswith(skipped)}
    with scene.opened() as vault:
        rows = vault.catalogue.read("SELECT seq FROM entries")
        asked = vault.catalogue.read("SELECT id FROM requests")
    return {name: text for name, text in found.items() if "catalogue" not in name} | {
        "rows": repr([tuple(row) for row in [*rows, *asked]]).encode()
    }


@pytest.mark.slow
def test_every_command_that_writes_refuses_and_changes_nothing(
    older: tuple[Scene, dict[str, str]],
) -> None:
    scene, given = older
    before, wrong = state(scene), []
    for line in WRITING.strip().splitlines():
        told = run(scene, *line.format(**given).split())
        if told.code != 4 or "strongroom recover" not in told.output or "older copy" not in told.output:
            wrong.append((line, told.code, told.output[-300:]))
        after = state(scene)
        if after != before:
            changed = [name for name in {*before, *after} if before.get(name) != after.get(name)]
            wrong.append((line, "changed", str(changed)))
            before = after
    assert not wrong, "\n".join(map(str, wrong))


def test_what_reads_works_and_recover_says_what_is_next(older: tuple[Scene, dict[str, str]]) -> None:
    scene, _given = older
    assert [run(scene, *line.split()).code for line in READING] == [0] * len(READING)
    assert "the catalogue is an older copy" in run(scene, "recover").output


@pytest.mark.slow
def test_after_recover_the_lost_hold_is_back(older: tuple[Scene, dict[str, str]], tmp_path: Path) -> None:
    scene, given = older
    copy = copy_scene(scene, tmp_path / "here")
    assert run(copy, "recover", "--apply").code == 0
    assert len(json.loads(run(copy, "hold", "list", "--json").output)["holds"]) == 2
    assert run(copy, "hold", "release", given["hold"], "--reason", "over").code == 0
