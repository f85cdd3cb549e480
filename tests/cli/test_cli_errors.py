"""Whatever goes wrong becomes words and the documented exit code, and never a secret."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from kit.cli_home import Home, Invoke
from strongroom.cli.errors import PIPE_CLOSED, guarded, redact
from strongroom.cli.output import put_document
from strongroom.model import errors
from strongroom.model.errors import ExitCode, StrongroomError

FAMILIES = [
    (errors.UsageError, 2),
    (errors.ProviderError, 3),
    (errors.NotOffered, 3),
    (errors.AuthRefused, 3),
    (errors.RequestRefused, 3),
    (errors.QuotaExceeded, 3),
    (errors.Transient, 3),
    (errors.Unanswered, 3),
    (errors.ExportGone, 3),
    (errors.LinkDead, 3),
    (errors.LinkRefused, 3),
    (errors.CodingRefused, 3),
    (errors.TransferError, 3),
    (errors.ContentRefused, 7),
    (errors.WorldError, 6),
    (errors.VaultError, 4),
    (errors.SealError, 4),
    (errors.CatalogueBusy, 5),
    (errors.VaultLocked, 5),
    (errors.Interrupted, 130),
]


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(("family", "code"), FAMILIES)
def test_each_family_has_its_exit_code(
    family: type[StrongroomError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(family("it did not work", hint="do this"))) == code
    assert capsys.readouterr() == ("", "error: it did not work\nhint: do this\n")


def test_no_family_is_left_out_of_the_table() -> None:
    def below(family: type[StrongroomError]) -> set[type[StrongroomError]]:
        return {family}.union(*(below(each) for each in family.__subclasses__()))

    ours = {each for each in below(StrongroomError) if each.__module__ == errors.__name__}
    told = {family for family, _ in FAMILIES} | {StrongroomError}
    assert {each for each in ours if not each.__name__.startswith("_")} == told


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (click.Abort(), 130, "interrupted"),
        (click.UsageError("no such thing"), 2, "no such thing"),
        (PermissionError(13, "Permission denied", "/etc/shadow"), 6, "Permission denied: /etc/shadow"),
        (sqlite3.DatabaseError("file is not a database"), 4, "file is not a database"),
        (ZeroDivisionError("with zv_live_abcdef in it"), 70, "ZeroDivisionError"),
    ],
)
def test_other_troubles(error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(error)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "Traceback" not in err
    assert "abcdef" not in err


def test_a_traceback_only_when_asked_for_and_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STRONGROOM_DEBUG", "1")
    text = "https://storage.zavu.dev/a.zip?token=verysecret sent with Bearer othersecret"
    assert guarded(raising(ZeroDivisionError(text))) == 70
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "verysecret" not in err
    assert "othersecret" not in err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AGE-SECRET-KEY-1QQQQ rest", "AGE-SECRET-KEY-1(hidden) rest"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer (hidden)"),
        ("get http://h/p?x=1&y=2 now", "get http://h/p?(hidden) now"),
        ("key zv_live_abc123!", "key zv_live_(hidden)!"),
        ("nothing here: https://h/p and age1qqq", "nothing here: https://h/p and age1qqq"),
    ],
)
def test_redaction(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_control_characters_in_a_message_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(raising(errors.ProviderError("the provider said \x1b[2J\x9b31m\u202eevil", hint="\x07look")))
    err = capsys.readouterr().err
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", err)
    assert "evil" in err


def test_a_message_of_several_lines_keeps_them(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(raising(errors.UsageError("first\nsecond")))
    assert capsys.readouterr().err == "error: first\nerror: second\n"


def test_a_work_that_returns_a_code_leaves_with_it() -> None:
    assert guarded(lambda: ExitCode.FINDINGS) == 1
    assert guarded(lambda: None) == 0


def test_the_documented_table_is_the_one_in_force() -> None:
    text = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text()
    told = {int(code): name for code, name in re.findall(r"^\|\s*(\d+) \| (\S+)", text, re.MULTILINE)}
    assert told.pop(PIPE_CLOSED) == "(SIGPIPE)"
    assert told == {code.value: code.name for code in ExitCode}


@pytest.mark.parametrize(("asked", "code"), [("bash_source", 0), ("zsh_source", 0), ("nosuch", 2), ("bash_nosuch", 2)])
def test_completion_is_answered_or_refused(asked: str, code: int, invoke: Invoke) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_STRONGROOM_COMPLETE", asked)
        ended = invoke("status")
    assert ended.exit_code == code
    assert ("_STRONGROOM_COMPLETE is set" in ended.stderr) == (code == 2)


def test_a_closed_pipe_is_quiet(home: Home, environment: dict[str, str]) -> None:
    args = [sys.executable, "-m", "strongroom", "--config", str(home.config), "log", "--limit", "10000"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(args, env=environment, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (PIPE_CLOSED, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_outside_of_a_run_ends_with_130(number: signal.Signals, environment: dict[str, str]) -> None:
    program = (
        "import os, signal, sys, time\n"
        "from strongroom.cli.errors import guarded\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # what started the tests may ignore it
        "def work():\n"
        "    try:\n"
        f"        os.kill(os.getpid(), {number.value}); time.sleep(10)\n"
        "    finally: print('cleaned up')\n"
        "sys.exit(guarded(work))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "cleaned up\n", "error: interrupted\n")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["archives", "show", "zzzz", "--json"], 2),
        (["regenerate", "zzzz", "--json"], 2),
        (["jobs", "--state", "nowhere", "--json"], 2),
        (["verify", "zzzz", "--json"], 2),
        (["no-such-command", "--json"], 2),
    ],
)
def test_with_json_a_failure_is_a_document(home: Home, invoke: Invoke, args: list[str], code: int) -> None:
    result = invoke("--config", home.config, *args)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["exit_code"]) == (code, code)
    assert set(document) == {"error", "hint", "exit_code"}
    assert f"error: {document['error']}" in result.stderr
    without = invoke("--config", home.config, *(each for each in args if each != "--json"))
    assert (without.exit_code, without.stdout) == (code, "")


def test_a_document_of_a_failure_holds_no_secret_and_is_the_only_one(capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.ProviderError("sent with Bearer othersecret\nand \x1b[2J", hint="https://h/p?token=verysecret")
    assert guarded(raising(error), as_json=True) == 3
    out = capsys.readouterr().out
    assert json.loads(out)["exit_code"] == 3
    assert "othersecret" not in out and "verysecret" not in out and "u001b" not in out

    def prints_and_fails() -> None:
        put_document({"done": 3})
        raise errors.Interrupted("stopped before the end")

    assert guarded(prints_and_fails, as_json=True) == 130
    assert json.loads(capsys.readouterr().out) == {"done": 3}


def test_a_name_that_is_neither_archive_nor_job_is_told_so(home: Home, invoke: Invoke) -> None:
    told = invoke("--config", home.config, "regenerate", "zzzz").stderr
    assert "there is no archive 'zzzz'; there is no job 'zzzz'" in told
