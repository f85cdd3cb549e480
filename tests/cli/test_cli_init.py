"""`init`: by a person with paper, by a script with files; nothing is made before the confirmation or over anything."""

from __future__ import annotations

import json
import os
import pty
import re
import stat
import subprocess
import sys
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from kit.cli_home import Invoke
from strongroom.cli import terminal
from strongroom.config.load import load_config
from strongroom.config.template import FreshSource
from strongroom.engine.queries import setup_answers
from strongroom_sandbox.options import HookBridgeOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings

SECRET = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{58}")
RECIPIENT = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@pytest.fixture
def place(tmp_path: Path) -> list[str]:
    """The options that put everything into one new folder."""
    return ["init", "--vault", str(tmp_path / "vault"), "--config", str(tmp_path / "c.toml")]


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that input and words are on a terminal."""
    monkeypatch.setattr(terminal, "can_ask", lambda: True)


def secret_on_paper(shown: str) -> str:
    groups = re.findall(r"^\|\s{5}([0-9A-Z ]+?)\s*\|$", shown, re.MULTILINE)
    return "".join(groups).replace(" ", "")


class Paper:
    """Answers the questions of `init`, reading the last one from what was shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answers: list[str]) -> None:
        self.asked: list[str] = []
        self.shown: list[str] = []
        self._answers = answers
        monkeypatch.setattr("strongroom.cli.init_identities.report", lambda line="": self.shown.append(line))
        monkeypatch.setattr("click.prompt", self.prompt)

    def prompt(self, question: str, **_settings: object) -> str:
        self.asked.append(question)
        answer = self._answers.pop(0)
        return secret_on_paper("\n".join(self.shown))[-8:] if answer == "PAPER" else answer


def test_a_person_types_the_end_of_the_paper_back(
    invoke: Invoke, place: list[str], person: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paper = Paper(monkeypatch, ["", "a good passphrase", "PAPER"])
    result = invoke(*place)
    assert result.exit_code == 0, result.output
    config = load_config(tmp_path / "c.toml")
    sheet = "\n".join(paper.shown)
    assert config.vault.recipients[1] in sheet
    assert len(secret_on_paper(sheet)) == 58
    assert "a good passphrase" not in result.output
    assert not SECRET.search(result.output)
    assert (tmp_path / "identity.age").read_bytes().startswith(b"age-encryption.org/v1\n")
    assert "doctor" in result.stdout


def test_a_slip_of_the_pen_may_be_mended(
    invoke: Invoke, place: list[str], person: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    Paper(monkeypatch, ["XXXXXXXX", "PAPER"])
    assert invoke(*place, "--no-passphrase").exit_code == 0


def test_nothing_is_made_when_the_paper_is_wrong(
    invoke: Invoke, place: list[str], person: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Paper(monkeypatch, ["wrong", "wrong", "wrong"])
    result = invoke(*place, "--no-passphrase")
    assert result.exit_code == 2
    assert "nothing was made" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_real_terminal_sees_the_sheet_on_eighty_columns(place: list[str], environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "strongroom", *place, "--no-passphrase"]
    with subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"from your paper" not in shown:
            shown += os.read(ours, 65536)
        sheet = shown.decode().replace("\r", "")
        os.write(ours, secret_on_paper(sheet)[-8:].lower().encode() + b"\n")
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # the other end was closed
            pass
    os.close(ours)
    assert process.returncode == 0, shown.decode()
    assert all(len(line) <= 80 for line in sheet.splitlines())
    assert "The vault is at" in shown.decode()


def test_a_script_gets_files_and_json(invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("from a file\n")
    recovery = tmp_path / "recovery"
    result = invoke(*place, "--passphrase-file", passphrase, "--recovery-file", recovery, "--json")
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert set(made) == {"vault", "config", "identity", "recovery_file", "recipients"}
    assert not SECRET.search(result.output)
    assert SECRET.search(recovery.read_text())
    for path in (recovery, tmp_path / "identity.age", tmp_path / "c.toml"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "vault").stat().st_mode) == 0o700
    assert load_config(tmp_path / "c.toml").vault.recipients == tuple(made["recipients"].values())


def test_a_recovery_key_that_exists_is_taken(invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    assert invoke(*place, "--no-passphrase", "--recovery-recipient", RECIPIENT).exit_code == 0
    assert load_config(tmp_path / "c.toml").vault.recipients[1] == RECIPIENT


@pytest.mark.parametrize("wrong", ["age1", RECIPIENT[:-1] + "q", "AGE-SECRET-KEY-1" + "Q" * 58])
def test_a_recovery_key_that_is_none_is_refused(wrong: str, invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    result = invoke(*place, "--no-passphrase", "--recovery-recipient", wrong)
    assert result.exit_code == 2
    assert "Q" * 58 not in result.output
    assert not (tmp_path / "vault").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "--passphrase-file"),
        (["--no-passphrase"], "--recovery-file"),
        (["--no-passphrase", "--recovery-file", "x", "--recovery-recipient", RECIPIENT], "exclude each other"),
        (["--no-passphrase", "--recovery-recipient", RECIPIENT, "--source", "zavu"], "--api-key"),
        (["--no-passphrase", "--recovery-recipient", RECIPIENT, "--dataset", "messages"], "--source"),
        (["--source", "Not A Name"], "small letters"),
        (["--source", "zavu", "--api-key", "zv_live_0123456789abcdef"], "a reference"),
        (["--since", "2026-13-01"], "a date"),
        (["--base-url", "http://api.zavu.dev"], "https"),
        (
            [
                *("--no-passphrase", "--recovery-recipient", RECIPIENT),
                *("--source", "zavu", "--api-key", "env:KEY", "--dataset", "message"),
            ],
            "nothing was made",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    args: list[str], words: str, invoke: Invoke, place: list[str], tmp_path: Path
) -> None:
    result = invoke(*place, *args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "0123456789abcdef" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_first_source_is_written_and_loads(invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    source = ["--source", "zavu-main", "--api-key", "env:KEY", "--dataset", "messages", "--dataset", "conversations"]
    result = invoke(*place, "--no-passphrase", "--recovery-recipient", RECIPIENT, *source, "--since", "2026-06-01")
    assert result.exit_code == 0, result.output
    (stream,) = load_config(tmp_path / "c.toml").streams
    assert (stream.datasets, str(stream.since)) == (("messages", "conversations"), "2026-06-01 00:00:00+00:00")


def test_the_configuration_goes_where_the_environment_says(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_CONFIG", str(tmp_path / "named.toml"))
    made = invoke("init", "--vault", tmp_path / "vault", "--no-passphrase", "--recovery-recipient", RECIPIENT)
    assert made.exit_code == 0, made.stderr
    assert load_config(tmp_path / "named.toml").vault.identity == tmp_path / "identity.age"


@pytest.mark.parametrize("existing", ["c.toml", "identity.age", "recovery", "vault/something"])
def test_nothing_that_exists_is_touched(existing: str, invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    path = tmp_path / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text("precious")
    result = invoke(*place, "--no-passphrase", "--recovery-file", tmp_path / "recovery")
    assert result.exit_code == 2
    assert path.read_text() == "precious"
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]


def test_a_configuration_of_comments_alone_is_filled_in(invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    packaged = Path(__file__).parents[2] / "packaging" / "system" / "config.toml"
    config = tmp_path / "c.toml"
    config.write_text(packaged.read_text())
    config.chmod(0o640)
    made = invoke(*place, "--no-passphrase", "--recovery-file", tmp_path / "recovery.txt")
    assert made.exit_code == 0, made.stderr
    assert load_config(config).vault.path == tmp_path / "vault"
    assert stat.S_IMODE(config.stat().st_mode) == 0o640


def test_an_identity_inside_the_vault_is_refused(invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    inside = tmp_path / "vault" / "identity"
    result = invoke(*place, "--identity", inside, "--no-passphrase", "--recovery-recipient", RECIPIENT)
    assert result.exit_code == 2
    assert "inside the vault" in result.stderr


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["--identity", "{0}/x", "--recovery-file", "{0}/x"], "the same path"),
        (["--identity", "{0}/dangling", "--recovery-recipient", RECIPIENT], "already"),
        (
            ["--config", "{0}/vault/c.toml", "--identity", "{0}/i", "--recovery-recipient", RECIPIENT],
            "inside the vault",
        ),
    ],
)
def test_paths_that_cannot_work_together_make_nothing(
    line: list[str], words: str, invoke: Invoke, place: list[str], tmp_path: Path
) -> None:
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    refused = invoke(*place, "--no-passphrase", *(each.format(tmp_path) for each in line))
    assert refused.exit_code == 2 and words in refused.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["dangling"]


def test_a_passphrase_file_that_others_can_read_is_refused(invoke: Invoke, place: list[str], tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("known to all")
    passphrase.chmod(0o644)
    result = invoke(*place, "--passphrase-file", passphrase, "--recovery-recipient", RECIPIENT)
    assert result.exit_code == 2
    assert "chmod 600" in result.stderr
    assert "known to all" not in result.output


@pytest.mark.parametrize(("text", "warned"), [("short", True), ("river lamp copper violin moss", False)])
def test_a_passphrase_that_is_soon_guessed_is_warned_of(
    text: str, warned: bool, invoke: Invoke, place: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_text(text)
    made = invoke(*place, "--passphrase-file", file, "--recovery-recipient", RECIPIENT)
    changed = invoke(
        "--config",
        tmp_path / "c.toml",
        "key",
        "change-passphrase",
        "--passphrase-file",
        file,
        "--new-passphrase-file",
        file,
    )
    for result in (made, changed):
        assert result.exit_code == 0, result.output
        assert ("warning: this passphrase is short" in result.stderr) == warned


def test_the_source_of_an_installed_adapter_can_be_written(
    invoke: Invoke, place: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ["--no-passphrase", "--source", "mine", "--api-key", "env:MINE", "--dataset", "things"]
    rest = ["--recovery-file", str(tmp_path / "recovery.txt"), *source, "--provider", "acmeco"]
    refused = invoke(*place, *rest)
    assert refused.exit_code == 2
    assert "Known are: hookbridge, qlara, zavu" in " ".join(refused.output.split())
    info = tmp_path / "site" / "acmeco_export-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acmeco-export\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[strongroom.providers]\nacmeco = acmeco:build\n")
    monkeypatch.syspath_prepend(str(info.parent))
    assert invoke(*place, *rest).exit_code == 0
    assert load_config(tmp_path / "c.toml").sources[0].provider == "acmeco"


def answers_file(folder: Path, zavu: str, hookbridge: str, **changed: str) -> Path:
    local = "allow_private_addresses = true"
    values = {"key": "env:ZAVU_KEY", "more": "", "retention": "mifid-ii"} | changed
    path = folder / "answers.toml"
    path.write_text(
        f"""
vault = "{folder}/vault"
config = "{folder}/c.toml"
no_passphrase = true
recovery_file = "{folder}/recovery.txt"
retention = "{values["retention"]}"
{values["more"]}

[[source]]
name = "zavu-main"
api_key = "{values["key"]}"
datasets = ["messages", "conversations"]
since = 2026-11-01
base_url = "{zavu}"
{local}

[[source]]
name = "hooks"
provider = "hookbridge"
api_key = "env:HOOK_KEY"
base_url = "{hookbridge}"
{local}
"""
    )
    return path


def test_a_file_of_answers_makes_all_of_it_after_each_key_was_tried(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = Sandbox(SandboxSettings(hookbridge=HookBridgeOptions())).start()
    places = (tmp_path, sandbox.api_url, sandbox.hookbridge_url)
    try:
        monkeypatch.setenv("ZAVU_KEY", sandbox.api_key)
        monkeypatch.setenv("HOOK_KEY", "hb_test_sandbox")
        refused = invoke("init", "--answers", answers_file(*places, key="env:NOT_SET"))
        assert refused.exit_code == 2
        assert "nothing was made: zavu-main: " in refused.stderr and "NOT_SET" in refused.stderr
        assert not (tmp_path / "vault").exists() and not (tmp_path / "c.toml").exists()
        inside = invoke("init", "--answers", answers_file(*places, more=f'copy = "{tmp_path}/vault/copy"'))
        assert inside.exit_code != 0 and "is inside the vault" in inside.stderr
        made = invoke("init", "--answers", answers_file(*places, more=f'copy = "{tmp_path}/disk"'))
    finally:
        sandbox.stop()
    assert made.exit_code == 0, made.stderr
    assert made.stdout.count("accepted") == 2
    assert made.stdout.rstrip().endswith("archive every pending window")
    config = load_config(tmp_path / "c.toml")
    assert [each.name for each in config.sources] == ["zavu-main", "hooks"]
    assert {each.retention for each in config.streams} == {"mifid-ii"}
    (copy,) = config.copies
    assert (copy.name, copy.path) == ("second-disk", tmp_path / "disk")
    first, second = config.streams
    assert first.datasets == ("messages", "conversations")
    assert second.datasets == ("outbound",) and second.settle == timedelta(days=5)


@pytest.mark.parametrize(
    ("changed", "options", "told"),
    [
        ({"more": "pasphrase_file = 1"}, [], "unknown field `pasphrase_file`"),
        ({"retention": "for-ever"}, [], "there is no retention class 'for-ever'"),
        ({"key": "zv_live_12345"}, [], "account 'zavu-main': expected a reference"),
        ({"more": "vault = 3"}, [], "answers.toml cannot be used"),
        ({}, ["--source", "another"], "--answers and --source exclude each other"),
    ],
)
def test_answers_that_cannot_be_used_make_nothing(
    changed: dict[str, str], options: list[str], told: str, invoke: Invoke, tmp_path: Path
) -> None:
    path = answers_file(tmp_path, "http://127.0.0.1:9", "http://127.0.0.1:9", **changed)
    refused = invoke("init", "--answers", path, *options)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["answers.toml"]


def test_a_person_is_asked_for_accounts_and_each_is_tried(
    invoke: Invoke, place: list[str], person: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    zavu = Sandbox(SandboxSettings()).start()
    local = partial(FreshSource, base_url=zavu.api_url, allow_private_addresses=True)
    monkeypatch.setattr(setup_answers, "FreshSource", local)
    monkeypatch.setenv("ZAVU_KEY", zavu.api_key)
    account = ["zavu-main", "zavu", "never a key", "messages", "2026-11-01", "env:ZAVU_KEY"]
    dropped = ["zavu-two", "zavu", "env:NOT_SET", "messages", "oldest"]
    asked: list[str] = []
    monkeypatch.setattr("click.confirm", lambda question, **_settings: bool(asked.append(question)))
    rest = ["", "hipaa", "hipaa-documentation", f"{tmp_path}/disk", "a good passphrase", "PAPER"]
    paper = Paper(monkeypatch, [*account, *dropped, *rest])
    try:
        made = invoke(*place)
    finally:
        zavu.stop()
    assert made.exit_code == 0, made.stderr
    assert "the key is accepted" in made.stdout and "NOT_SET" in made.stdout
    assert asked == ["Use this account anyway?"]
    config = load_config(tmp_path / "c.toml")
    assert [(each.name, str(each.api_key)) for each in config.sources] == [("zavu-main", "env:ZAVU_KEY")]
    assert config.streams[0].retention == "hipaa-documentation"
    assert [each.path for each in config.copies] == [tmp_path / "disk"]
    assert "Passphrase" in paper.asked
