"""`config check`, `config show` and how the file is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.cli_home import API_KEY, Home, Invoke


def test_a_sound_file_is_told_so(home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, "config", "check")
    assert result.exit_code == 0
    assert result.stdout == f"{home.config} is valid: 1 source, 1 stream\n"


def test_every_mistake_is_told_with_its_line(own_home: Home, invoke: Invoke) -> None:
    own_home.config.write_text(own_home.config.read_text().replace("since =", "sins =").replace('"7y"', '"seven"'))
    result = invoke("--config", own_home.config, "config", "check")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.count("error: ") == 2
    assert 'did you mean "since"?' in result.stderr
    found = json.loads(invoke("--config", own_home.config, "config", "check", "--json").stdout)
    assert found["valid"] is False
    assert {problem["key"] for problem in found["problems"]} == {"retention.standard.period", "stream[0].sins"}
    assert all(problem["line"] for problem in found["problems"])


def test_warnings_are_words_and_no_mistake(own_home: Home, invoke: Invoke) -> None:
    text = own_home.config.read_text()
    own_home.config.write_text(text.replace(f'"file:{own_home.folder}/key"', '"env:KEY"'))
    result = invoke("--config", own_home.config, "config", "check")
    assert result.exit_code == 0
    assert "warning: " in result.stderr
    found = json.loads(invoke("--config", own_home.config, "config", "check", "--json").stdout)
    assert found["valid"] is True
    assert found["warnings"][0]["key"] == "source[0].api_key"


def test_show_tells_where_a_secret_is_and_never_what_it_is(home: Home, invoke: Invoke) -> None:
    plain = invoke("--config", home.config, "config", "show")
    document = json.loads(invoke("--config", home.config, "config", "show", "--json").stdout)
    assert f"source[0].api_key = file:{home.folder}/key" in plain.stdout
    assert "network.read_timeout = 1m" in plain.stdout
    assert document["source"][0]["api_key"] == f"file:{home.folder}/key"
    assert API_KEY not in plain.stdout + json.dumps(document)


def test_a_key_in_the_file_is_refused_and_not_repeated(own_home: Home, invoke: Invoke) -> None:
    text = own_home.config.read_text()
    own_home.config.write_text(text.replace(f"file:{own_home.folder}/key", API_KEY))
    for args in (["config", "check"], ["config", "check", "--json"], ["config", "show"], ["status"]):
        result = invoke("--config", own_home.config, *args)
        assert result.exit_code == 2
        assert API_KEY not in result.output


def test_the_environment_names_the_file(home: Home, invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_CONFIG", str(home.config))
    assert invoke("config", "check").exit_code == 0


def test_no_file_at_all_is_a_usage_error_with_a_way_on(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    result = invoke("status")
    assert result.exit_code == 2
    assert "strongroom init" in result.stderr


def test_what_is_sound_and_does_not_archive_is_warned_of(own_home: Home, invoke: Invoke) -> None:
    text = own_home.config.read_text()
    own_home.config.write_text(text.replace("since = 2026-11-01", "since = 8999-01-01"))
    found = json.loads(invoke("--config", own_home.config, "config", "check", "--json").stdout)
    (told,) = found["warnings"]
    line = own_home.config.read_text().splitlines()[told["line"] - 1]
    assert (found["valid"], told["key"], line) == (True, "stream[0].since", "since = 8999-01-01")
    assert "lies in the future" in invoke("--config", own_home.config, "config", "check").stderr
    checks = json.loads(invoke("--config", own_home.config, "doctor", "--offline", "--json").stdout)["checks"]
    assert any("lies in the future" in each["message"] and each["verdict"] == "warn" for each in checks)


def test_a_dataset_that_the_provider_has_not_is_told_with_line_and_key(own_home: Home, invoke: Invoke) -> None:
    text = own_home.config.read_text()
    own_home.config.write_text(text.replace('datasets = ["messages"]', 'datasets = ["mesages"]'))
    found = json.loads(invoke("--config", own_home.config, "config", "check", "--json").stdout)
    (told,) = found["problems"]
    line = own_home.config.read_text().splitlines()[told["line"] - 1]
    assert (found["valid"], told["key"], line) == (False, "stream[0].datasets", 'datasets = ["mesages"]')


@pytest.mark.parametrize(("mode", "verdict"), [(0o666, "fail"), (0o620, "warn"), (0o640, "ok")])
def test_doctor_tells_who_else_may_write_the_configuration(
    own_home: Home, invoke: Invoke, mode: int, verdict: str
) -> None:
    own_home.config.chmod(mode)
    assert told_of_writers(own_home, invoke)[-1] == (verdict, verdict != "ok")


def test_doctor_tells_who_else_may_write_where_keys_lie(own_home: Home, invoke: Invoke) -> None:
    own_home.folder.chmod(0o777)
    assert told_of_writers(own_home, invoke)[-1] == ("fail", True)
    own_home.folder.chmod(0o1777)
    assert told_of_writers(own_home, invoke)[-1] == ("ok", False)


def told_of_writers(home: Home, invoke: Invoke) -> list[tuple[str, bool]]:
    checks = json.loads(invoke("--config", home.config, "doctor", "--offline", "--json").stdout)["checks"]
    told = [(each["verdict"], each["hint"].startswith("chmod go-w ")) for each in checks if "writ" in each["message"]]
    own = [(each["verdict"], False) for each in checks if each["message"].startswith("only its owner can change")]
    return [*[each for each in told if each[1]], *own]
