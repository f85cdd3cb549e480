"""`strongroom key`, from the list to the export, on a vault with real archives."""

from __future__ import annotations

import json
import os
import tomllib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke
from strongroom.age.identity_file import parse_identity_file, write_identity_file
from strongroom.age.keys import X25519Identity
from strongroom.age.writer import open_bytes
from strongroom.cli import terminal
from strongroom.engine.core import sources
from strongroom.engine.core.sources import Dependencies

YOUNG, OLD = datetime(2026, 12, 20, tzinfo=UTC), datetime(2027, 8, 20, tzinfo=UTC)


def fresh(folder: Path) -> tuple[X25519Identity, Path]:
    """Make an identity and its file."""
    who, path = X25519Identity.generate(os.urandom), folder / "fresh.txt"
    path.write_text(write_identity_file(who))
    path.chmod(0o600)
    return who, path


def configured(home: Home) -> list[str]:
    return list(tomllib.loads(home.config.read_text())["vault"]["recipients"])


def kinds(home: Home) -> list[str]:
    lines = (home.vault / "log" / "log.jsonl").read_bytes().splitlines()
    return [json.loads(line)["kind"] for line in lines]


def test_the_list_names_both_keys_and_what_they_open(own_home: Home, invoke: Invoke) -> None:
    told = json.loads(invoke("--config", own_home.config, "key", "list", "--json").stdout)
    assert [each["recipient"] for each in told["recipients"]] == sorted(configured(own_home))
    assert {(each["in_force"], each["opens"], each["last_drill"]) for each in told["recipients"]} == {(True, 4, None)}
    assert (told["to_rotate"], told["unnoticed_change"]) == (0, False)
    result = invoke("--config", own_home.config, "key", "list")
    assert result.stdout.count("never") == 2
    assert configured(own_home)[0][:12] in result.stdout


def test_add_rotate_retire_rotate(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    who, path = fresh(tmp_path)
    key = str(who.recipient)
    before = own_home.config.read_text()
    added = invoke("--config", own_home.config, "key", "add", key, "--label", "auditor", "--proof", path, "--json")
    assert json.loads(added.stdout) == {"added": key, "proven": True}
    assert configured(own_home)[-1] == key
    assert {line for line in before.splitlines() if "#" in line} <= set(own_home.config.read_text().splitlines())
    assert "key rotate" in invoke("--config", own_home.config, "key", "list").stderr

    rotated = json.loads(invoke("--config", own_home.config, "key", "rotate", "--json").stdout)
    assert (rotated["resealed"], rotated["complete"], rotated["left"]) == (4, True, [])
    verified = invoke("--config", own_home.config, "verify", "--content", "--identity", path)
    assert verified.exit_code == 0, verified.output

    assert invoke("--config", own_home.config, "key", "retire", "auditor", "--reason", "done").exit_code == 2
    assert invoke("--config", own_home.config, "key", "drill").exit_code == 0  # one that stays is proven now
    assert invoke("--config", own_home.config, "key", "retire", "auditor", "--reason", "done").exit_code == 0
    assert key not in configured(own_home)
    again = invoke("--config", own_home.config, "key", "rotate")
    assert again.exit_code == 0
    assert "Rotation does not undo that" in " ".join(again.stderr.split())
    refused = invoke("--config", own_home.config, "verify", "--content", "--identity", path, "--json")
    assert refused.exit_code == 1
    assert invoke("--config", own_home.config, "verify", "--content").exit_code == 0
    told = kinds(own_home)
    assert (told.count("recipients.changed"), told.count("key.resealed")) == (2, 8)
    notices = json.loads(invoke("--config", own_home.config, "notify", "list", "--json").stdout)
    assert sum(each["key"].startswith("recipients ") for each in notices["notices"]) == 2


@pytest.mark.parametrize("key", ["age1junk", "AGE-SECRET-KEY-1QQQ", "age1" + "q" * 58])
def test_a_malformed_key_is_refused(key: str, own_home: Home, invoke: Invoke) -> None:
    before = own_home.config.read_bytes()
    result = invoke("--config", own_home.config, "key", "add", key, "--unproven")
    assert result.exit_code == 2
    export = invoke("--config", own_home.config, "key", "export", "--archives", "x", "--to", "f", "--recipient", key)
    assert export.exit_code == 2
    assert own_home.config.read_bytes() == before


def test_a_key_is_added_only_with_a_proof_or_knowingly_without(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    who, path = fresh(tmp_path)
    (tmp_path / "other").mkdir()
    other, _ = fresh(tmp_path / "other")
    before = own_home.config.read_bytes()
    assert invoke("--config", own_home.config, "key", "add", who.recipient).exit_code == 2
    assert invoke("--config", own_home.config, "key", "add", other.recipient, "--proof", path).exit_code == 2
    assert invoke("--config", own_home.config, "key", "add", configured(own_home)[0], "--unproven").exit_code == 2
    assert own_home.config.read_bytes() == before
    result = invoke("--config", own_home.config, "key", "add", who.recipient, "--unproven")
    assert result.exit_code == 0
    assert "It is not proven yet" in result.stderr
    assert "unproven" in invoke("--config", own_home.config, "key", "list").stdout


def test_the_last_key_cannot_be_retired(own_home: Home, invoke: Invoke) -> None:
    first, second = configured(own_home)
    unproven = invoke("--config", own_home.config, "key", "retire", first, "--reason", "x")
    assert unproven.exit_code == 2
    assert "drill" in unproven.stderr
    assert invoke("--config", own_home.config, "key", "retire", first, "--reason", "x", "--unproven").exit_code == 0
    last = invoke("--config", own_home.config, "key", "retire", second, "--reason", "x", "--unproven")
    assert (last.exit_code, configured(own_home)) == (2, [second])


def test_a_key_is_named_by_its_label_or_as_much_as_the_list_shows(
    own_home: Home, invoke: Invoke, tmp_path: Path
) -> None:
    who, path = fresh(tmp_path)
    key, before = str(who.recipient), configured(own_home)
    add = ("--config", own_home.config, "key", "add", key, "--proof", path, "--label")
    for label in ("two\nlines", "\x1b[2J", "x" * 61):
        assert invoke(*add, label).exit_code == 2
    assert configured(own_home) == before
    assert invoke(*add, " hq ").exit_code == 0
    retire = ("--config", own_home.config, "key", "retire", "--unproven", "--reason", "x")
    for text in ("", "h", "age1", key[:5], key[:11], f"{key[:6]}…{key[-6:]}", f"{key[:12]}…zzzzzz"):
        assert invoke(*retire, text).exit_code == 2, text
    assert configured(own_home)[-1] == key
    assert invoke(*retire, "hq").exit_code == 0
    assert invoke(*retire, f"{before[1][:12]}…{before[1][-6:]}").exit_code == 0
    assert configured(own_home) == [before[0]]


def test_a_configuration_changed_by_hand_is_not_rotated_to_unasked(
    own_home: Home, invoke: Invoke, tmp_path: Path
) -> None:
    who, _ = fresh(tmp_path)
    text = own_home.config.read_text()
    own_home.config.write_text(text.replace("recipients = [", f'recipients = [\n  "{who.recipient}",', 1))
    assert json.loads(invoke("--config", own_home.config, "key", "list", "--json").stdout)["unnoticed_change"] is True
    refused = invoke("--config", own_home.config, "key", "rotate")
    assert refused.exit_code == 2
    assert "--recipients-from-config" in refused.stderr
    assert "key.resealed" not in kinds(own_home)
    taken = invoke("--config", own_home.config, "key", "rotate", "--recipients-from-config", "--json")
    assert json.loads(taken.stdout)["resealed"] == 4
    assert "recipients.changed" in kinds(own_home)


def test_a_drill_is_told_in_list_status_and_doctor(
    own_home: Home, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = own_home.config
    assert json.loads(invoke("--config", config, "status", "--json").stdout)["last_drill"] is None
    assert "never" in invoke("--config", config, "status").stdout
    for now, verdict in ((YOUNG, "ok"), (OLD, "warn")):  # a key that came lately is not warned about
        with monkeypatch.context() as patch:
            patch.setattr(sources, "Dependencies", partial(Dependencies, clock=lambda now=now: now))
            doctor = json.loads(invoke("--config", config, "doctor", "--offline", "--json").stdout)
        assert [each["verdict"] for each in doctor["checks"] if each["name"] == "keys"] == [verdict]
    for path in (own_home.identity, own_home.folder / "recovery.txt"):
        result = json.loads(invoke("--config", config, "key", "drill", "--identity", path, "--json").stdout)
        assert (result["passed"], result["in_force"], result["faults"]) == (True, True, [])
    told = json.loads(invoke("--config", config, "key", "list", "--json").stdout)["recipients"]
    assert all(each["last_drill"] and each["proven_at"] for each in told)
    assert json.loads(invoke("--config", config, "status", "--json").stdout)["last_drill"]
    doctor = json.loads(invoke("--config", config, "doctor", "--offline", "--json").stdout)
    assert [each["verdict"] for each in doctor["checks"] if each["name"] == "keys"] == ["ok"]


def test_a_drill_with_the_wrong_identity_fails(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    _, path = fresh(tmp_path)
    result = invoke("--config", own_home.config, "key", "drill", "--identity", path)
    assert result.exit_code == 7
    assert result.stdout.startswith("FAILED")
    assert kinds(own_home)[-1] == "drill.failed"


def test_paper_is_typed_unseen(own_home: Home, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    (who,) = parse_identity_file((own_home.folder / "recovery.txt").read_bytes())
    config = own_home.config
    assert invoke("--config", config, "key", "drill", "--paper").exit_code == 2  # nobody is there to type
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    result = invoke("--config", config, "key", "drill", "--paper", text=f"{str(who)[:30]} {str(who)[30:]}\n")
    assert result.exit_code == 0, result.output
    assert "PASSED" in result.stdout
    assert str(who)[20:30] not in result.output


def test_export_for_an_auditor(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    who, _ = fresh(tmp_path)
    given, other = own_home.archives()[:2]
    target, config = tmp_path / "keys.age", own_home.config
    common = ("--config", config, "key", "export", "--archives", given[-8:], "--to", target)
    assert invoke(*common).exit_code == 2
    assert invoke(*common, "--plain", "--recipient", who.recipient).exit_code == 2
    result = json.loads(invoke(*common, "--recipient", who.recipient, "--json").stdout)
    assert result == {"archives": [given], "files": [str(target)], "plain": False}
    keys = parse_identity_file(open_bytes(target.read_bytes(), [who]))
    assert len(keys) == 1
    assert open_bytes((own_home.vault / "archives" / given[-2:] / f"{given}.age").read_bytes(), keys)
    folder = tmp_path / "folder"
    folder.mkdir()
    args = ("--config", config, "key", "export", "--archives", f"{given},{other}", "--to", folder, "--plain")
    plain = invoke(*args)
    assert plain.exit_code == 0
    assert "not encrypted" in plain.stderr
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{each}.key.age" for each in (given, other))
    assert kinds(own_home).count("keys.exported") == 2


@pytest.mark.slow
def test_another_passphrase(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.touch(mode=0o600)
    new.write_text("correct horse")
    common = ("--config", own_home.config, "key", "change-passphrase", "--new-passphrase-file", new)
    assert invoke(*common).exit_code == 0
    assert own_home.identity.read_bytes().startswith(b"age-encryption.org/v1")
    drilled = invoke("--config", own_home.config, "key", "drill", "--passphrase-file", new)
    assert drilled.exit_code == 0, drilled.output
