"""Whatever the environment says and whatever is typed at a prompt: a command ends in words, never with 70."""

from __future__ import annotations

import getpass
import os
import random
import traceback
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kit.cli_home import Home
from kit.hostile_input import NUMBERS, SEED, WORDS, Faults, rounds, run_program
from strongroom.age.keys import ScryptRecipient
from strongroom.cli import destroy, terminal
from strongroom.engine.access import identity_files as passphrase
from strongroom.engine.core import identities
from strongroom.model.errors import StrongroomError

VARIABLES = (
    *("STRONGROOM_CONFIG", "STRONGROOM_DEBUG", "STRONGROOM_PASSPHRASE_FILE", "STRONGROOM_LOG_FORMAT", "STRONGROOM_X"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "HOME", "TMPDIR"),
    *("LANG", "LC_ALL", "LANGUAGE", "TERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "COLORTERM", "TZ", "TZDIR"),
    *("USER", "LOGNAME", "SUDO_UID", "SUDO_USER", "EDITOR", "PAGER", "SHELL", "DBUS_SESSION_BUS_ADDRESS", "PYTHONUTF8"),
    *("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "INVOCATION_ID", "CREDENTIALS_DIRECTORY"),
    *("LISTEN_FDS", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "NETRC", "SSL_CERT_FILE", "_STRONGROOM_COMPLETE"),
)
VALUES = (
    *(each for each in (*WORDS, *NUMBERS) if "\0" not in each),
    *(
        "\x1b]0;x\x07",
        "a\nb\r\nc",
        "\udc80\udcff",
        "x" * 120_000,
        "/" * 5_000,
        "~",
        "~nosuch/x",
        "/dev/full",
        "@\udcff",
    ),
    *("/proc/self/mem", "/dev/null", "C", "C.UTF-8", "xx_YY.nosuch", "de_DE.ISO-8859-1", ":/nosuch", "Europe/Nowhere"),
    *(
        "xterm-256color",
        "dumb",
        "bash_source",
        "bash_complete",
        "-1",
        "0",
        "80",
        "1",
        "99999",
        "EST5EDT,M3.2.0,M11.1.0",
    ),
)
LOOKS: tuple[tuple[str, ...], ...] = (
    *(("status",), ("jobs",), ("archives", "--json"), ("coverage",), ("plan",), ("log",), ("config", "check")),
    *(
        ("config", "show"),
        ("source", "list"),
        ("doctor", "--offline"),
        ("scrub", "status"),
        ("notify", "list"),
        ("tui",),
    ),
    *(("hold", "place", "--matter", "m", "--reason", "r", "--everything"), ("service", "status"), ("secret", "check")),
    *(("init", "--no-passphrase", "--recovery-file", "r.txt"), ("audit", "verify"), ("--help",), ("retention", "plan")),
    *(("run", "--once", "--patience", "0s"), ("destroy", "list"), ("key", "list"), ("wake",)),
)


def strange(value: str) -> str:
    """Return the value as the environment can hold it."""
    return os.fsdecode(value.encode("utf-8", "surrogateescape" if _is_escaped(value) else "replace"))


def _is_escaped(value: str) -> bool:
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in value)


@pytest.mark.slow
def test_whatever_the_environment_says_a_command_ends_in_words(
    own_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    random_bytes, found = random.Random(f"{SEED} environment"), Faults()
    (tmp_path / "aside").mkdir()
    for _ in rounds(1.5):
        command, named = random_bytes.choice(LOOKS), random_bytes.random() < 0.8
        changes = {
            random_bytes.choice(VARIABLES): strange(random_bytes.choice(VALUES))
            for _ in range(random_bytes.randint(1, 4))
        }
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path / "aside")
            for name, value in {"STRONGROOM_DEBUG": "1", "HOME": str(tmp_path / "aside"), **changes}.items():
                patch.setenv(name, value)
            given = ("--config", str(own_home.config)) if named and command[0] != "init" else ()
            ended = run_program(*given, *command)
        if "STRONGROOM_CONFIG" not in changes or ended.code != 70:
            found.add((command, changes), ended)
        elif "Traceback" in ended.stderr:
            found.keep((command, changes), ended.stderr)
    assert not found, found


TYPED = (
    *(
        "",
        "y",
        "n",
        "yes",
        "Y ",
        "\x1b[A",
        "\x1b[200~x\x1b[201~",
        "\x03",
        "\x04",
        "\x1a",
        "\udcff",
        "a\udc80",
        "\ufeff",
    ),
    *(
        "x" * 1_000_000,
        "è" * 90_000,
        "correct horse battery",
        "\u202e",
        "\0",
        "1e9",
        "²",
        "AGE-SECRET-KEY-1",
        "\t",
        "\r",
    ),
    *("AGE-SECRET-KEY-1" + "Q" * 58, "9" * 5_000, "-1", "7", "{}", "%s", "age1\udcff"),
)
ASKING: tuple[tuple[str, ...], ...] = (
    ("init", "--vault", "{new}/vault", "--identity", "{new}/identity.age", "--config", "{new}/s.toml"),
    ("key", "change-passphrase", "--identity", "{home}/identity.age"),
    ("key", "drill", "--paper"),
    ("secret", "set", "file:{new}/secret"),
    ("secret", "set", "keyring:a/b"),
    ("plan", "edit", "zavu-main-records", "--since", "2026-10-01"),
    ("destroy", "accept-time", "--reason", "x"),
    ("restore", "{archive}", "--to", "{new}/out", "--identity", "{sealed}"),
    ("verify", "{archive}", "--content", "--identity", "{sealed}"),
)


@pytest.mark.slow
def test_whatever_is_typed_at_a_prompt_a_command_ends_in_words(
    own_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    random_bytes, found, archive = random.Random(f"{SEED} prompts"), Faults(), own_home.archives()[0]
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda prompt="", stream=None: input(""))
    monkeypatch.setenv("STRONGROOM_DEBUG", "1")
    fast = partial(ScryptRecipient, work_factor=2)
    monkeypatch.setattr(passphrase, "ScryptRecipient", lambda new, _factor: fast(new))
    sealed = own_home.folder / "sealed.age"
    sealed.touch(mode=0o600)
    sealed.write_bytes(own_home.identity.read_bytes())
    typed = b"correct horse battery\n" * 2
    assert (
        run_program("--config", own_home.config, "key", "change-passphrase", "--identity", sealed, text=typed).code == 0
    )
    kept = own_home.identity.read_bytes()
    for number in rounds(1.5):
        lines = [random_bytes.choice(TYPED) for _ in range(random_bytes.randint(0, 4))]
        lines = [*lines, *lines[-1:]] if random_bytes.random() < 0.6 else lines
        text = "\n".join(lines) + random_bytes.choice(("\n", "", "\r\n"))
        places = {"new": tmp_path / f"new{number}", "home": own_home.folder, "archive": archive, "sealed": sealed}
        places["new"].mkdir()
        command = [each.format(**places) for each in random_bytes.choice(ASKING)]
        ended = run_program("--config", own_home.config, *command, text=text.encode("utf-8", "surrogateescape"))
        if ended.code != 130 or "Traceback" in ended.stderr:  # what was typed came to its end
            found.add((command, [each[:80] for each in lines]), ended)
        own_home.identity.write_bytes(kept)
    assert not found, found


def test_a_destruction_is_confirmed_by_its_name_and_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    random_bytes = random.Random(f"{SEED} confirmations")
    plan: Any = SimpleNamespace(waiting=[1] * 7, proposal=SimpleNamespace(id="01" + "a" * 24))
    for _ in rounds(0.2):
        lines = [random_bytes.choice((*TYPED, "a" * 8, "01" + "a" * 24)) for _ in range(5)]
        with ExitStack() as stack:
            stack.enter_context(redirect_stdout(StringIO()))
            stack.enter_context(redirect_stderr(StringIO()))
            monkeypatch.setattr("sys.stdin", StringIO("\n".join(lines)))
            try:
                destroy._confirm(plan, yes=False)
                assert lines[0].strip().lower() in (plan.proposal.id, "aaaaaaaa"), lines
            except (StrongroomError, destroy.click.Abort):
                pass
            except Exception:  # noqa: BLE001 - whatever else comes is what is looked for
                raise AssertionError(f"{lines!a:.900}\n{traceback.format_exc()}") from None


def test_a_recovery_identity_that_is_typed_is_read_or_refused() -> None:
    for text in (*TYPED, *VALUES):
        with pytest.raises(StrongroomError):
            identities.typed_identity(text)
