from __future__ import annotations

import copy
import logging
import os
import pickle
import socket
import stat
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from strongroom.config.secrets import Scheme, Secret, SecretRef, resolve
from strongroom.model.errors import StrongroomError, UsageError, WorldError

CANARY = "zv_live_c4n4ry+/=~!"
MOMENT = timedelta(seconds=0.2)
not_as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")


def refusal(reference: str, kind: type[StrongroomError] = UsageError, **options: object) -> str:
    with pytest.raises(kind) as refused:
        resolve(SecretRef.parse(reference), **options)  # type: ignore[arg-type]
    told = refused.value.message + refused.value.hint
    assert CANARY not in told + repr(refused.value) + repr(refused.value.__cause__)
    return refused.value.message


def keep(path: Path, content: str | bytes = CANARY, mode: int = 0o600) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return f"file:{path}"


# References


@pytest.mark.parametrize(
    ("text", "scheme", "shown"),
    [
        ("env:ZAVU_API_KEY", Scheme.ENV, "env:ZAVU_API_KEY"),
        ("file:/run/secrets/zavu key", Scheme.FILE, "file:/run/secrets/zavu key"),
        ("keyring:strongroom/zavu-main", Scheme.KEYRING, "keyring:strongroom/zavu-main"),
        ("keyring:https://api.zavu.dev/main", Scheme.KEYRING, "keyring:https://api.zavu.dev/main"),
        ("credential:zavu-api.key", Scheme.CREDENTIAL, "credential:zavu-api.key"),
        ("command:pass", Scheme.COMMAND, "command:pass"),
        (f"command:/usr/bin/curl -H 'X: {CANARY}'", Scheme.COMMAND, "command:curl …"),
    ],
)
def test_references(text: str, scheme: Scheme, shown: str) -> None:
    ref = SecretRef.parse(text)
    assert (ref.scheme, str(ref)) == (scheme, shown)
    assert CANARY not in repr(ref)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CANARY,
        f"bearer:{CANARY}",
        f"ENV:{CANARY}",
        f"env:{CANARY}",
        "env:",
        "env:lower_case",
        "env:A=B",
        "env:1A",
        "file:",
        f"file:{CANARY}",
        "file:relative/path",
        "file:~/key",
        "file:/a\nb",
        "credential:",
        "credential:../x",
        f"credential:{CANARY}",
        "credential:.hidden",
        "keyring:",
        f"keyring:{CANARY.replace('/', '')}",
        "keyring:/name",
        "keyring:service/",
        "command:",
        "command: pass",
        f"command:pass '{CANARY}",
        'command:""',
        "command:a\nb",
    ],
)
def test_what_is_no_reference_is_refused_unrepeated(text: str) -> None:
    with pytest.raises(UsageError, match="expected ") as refused:
        SecretRef.parse(text)
    assert CANARY not in refused.value.message + refused.value.hint


def test_a_secret_does_not_show(caplog: pytest.LogCaptureFixture) -> None:
    secret = Secret(CANARY)
    logging.getLogger("test").warning("%s %r", secret, [secret])
    told = f"{secret} {secret!r} {secret!s:>40} {[secret]} {vars(Secret)}" + caplog.text
    assert CANARY not in told
    assert secret.reveal() == CANARY
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)


# What any place may hold


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        (f"{CANARY}\n", "line break or an unprintable"),
        (f"{CANARY}\rX: y", "line break or an unprintable"),
        (f"{CANARY}\x00", "line break or an unprintable"),
        (f"{CANARY}\x1b", "line break or an unprintable"),
        (f"{CANARY}\u202e", "line break or an unprintable"),
        (f"{CANARY}\udcff", "line break or an unprintable"),
    ],
)
def test_unsound_values_are_refused(value: str, told: str) -> None:
    assert told in refusal("env:KEY", env={"KEY": value})


def test_the_environment() -> None:
    assert resolve(SecretRef.parse("env:KEY"), env={"KEY": CANARY}).reveal() == CANARY
    assert refusal("env:KEY", env={"KEY_": CANARY}) == "the environment variable KEY is not set"


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_TEST_KEY", CANARY)
    assert resolve(SecretRef.parse("env:STRONGROOM_TEST_KEY")).reveal() == CANARY


# Files


@pytest.mark.parametrize("content", [CANARY, f"{CANARY}\n", f"{CANARY}\r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file(tmp_path: Path, content: str, mode: int) -> None:
    assert resolve(SecretRef.parse(keep(tmp_path / "key", content, mode))).reveal() == CANARY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    reference = keep(tmp_path / "key", mode=mode)
    with pytest.raises(UsageError, match=f"mode {mode:04o}, expected 0600") as refused:
        resolve(SecretRef.parse(reference))
    assert refused.value.hint == f"chmod 600 {tmp_path}/key"


@not_as_root
def test_somebody_elses_file_is_refused(tmp_path: Path) -> None:
    reference = keep(tmp_path / "key")
    os.chown(tmp_path / "key", 65_534, 65_534)
    assert "belongs to user 65534, expected user 0 or root" in refusal(reference)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{CANARY}\n{CANARY}\n", "line break"),
        (f"{CANARY}\n\n", "line break"),
        ("\n", "is empty"),
        (CANARY.encode() + b"\xff", "not UTF-8"),
        (CANARY * 5_000, "longer than 65536 bytes"),
    ],
)
def test_a_file_that_is_no_secret_is_refused(tmp_path: Path, content: str | bytes, told: str) -> None:
    assert told in refusal(keep(tmp_path / "key", content))


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _nothing(path: Path) -> None:
    assert not path.exists()


def _loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [_folder, _pipe, _socket, _nothing, _loop])
def test_what_is_no_regular_file_is_refused_without_waiting(
    tmp_path: Path, make: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("key"))
    assert refusal(f"file:{tmp_path}/key")


def test_a_missing_folder(tmp_path: Path) -> None:
    assert "cannot be reached" in refusal(f"file:{tmp_path}/none/key")


def test_a_link_within_closed_folders_is_followed(tmp_path: Path) -> None:
    keep(tmp_path / "key")
    (tmp_path / "first").symlink_to("second")
    (tmp_path / "second").symlink_to(tmp_path / "key")
    assert resolve(SecretRef.parse(f"file:{tmp_path}/first")).reveal() == CANARY


@pytest.mark.parametrize("open_folder", ["links", "between", "target"])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_link_through_a_folder_that_others_write_is_refused(tmp_path: Path, open_folder: str, mode: int) -> None:
    for name in ("links", "between", "target"):
        (tmp_path / name).mkdir()
    keep(tmp_path / "target" / "key")
    (tmp_path / "between" / "key").symlink_to("../target/key")
    (tmp_path / "links" / "key").symlink_to("../between/key")
    assert resolve(SecretRef.parse(f"file:{tmp_path}/links/key")).reveal() == CANARY
    (tmp_path / open_folder).chmod(mode)
    assert f"a link through {tmp_path}/{open_folder}, which others can change" in refusal(f"file:{tmp_path}/links/key")
    (tmp_path / open_folder).chmod(mode | stat.S_ISVTX)  # as /tmp: others add files there but replace none
    assert resolve(SecretRef.parse(f"file:{tmp_path}/links/key")).reveal() == CANARY


# Credentials


def test_credentials(tmp_path: Path) -> None:
    keep(tmp_path / "zavu", mode=0o440)  # the service manager grants by access list, which shows as group bits
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert resolve(SecretRef.parse("credential:zavu"), env=env).reveal() == CANARY
    assert "cannot be opened" in refusal("credential:other", env=env)
    assert "CREDENTIALS_DIRECTORY is not set" in refusal("credential:zavu", env={})
    (tmp_path / "link").symlink_to(tmp_path / "zavu")
    assert "cannot be opened" in refusal("credential:link", env=env)
    (tmp_path / "folder").mkdir()
    assert "not a regular file" in refusal("credential:folder", env=env)


# Commands


def command(tmp_path: Path, code: str) -> str:
    script = tmp_path / "secret program.py"
    script.write_text(code)
    return f"command:{sys.executable} '{script}' 'an argument' $HOME"


def test_a_command_gives_its_first_line(tmp_path: Path) -> None:
    code = f"import sys; assert sys.argv[1:] == ['an argument', '$HOME']; print({CANARY!r}); print('more')"
    assert resolve(SecretRef.parse(command(tmp_path, code))).reveal() == CANARY


def test_a_command_gets_the_environment_and_no_input(tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['KEY'] + sys.stdin.read())"
    assert resolve(SecretRef.parse(command(tmp_path, code)), env={"KEY": CANARY}).reveal() == CANARY


def test_a_command_that_fails_keeps_its_words_to_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = f"import sys; print({CANARY!r}); sys.exit({CANARY!r})"
    assert "ended with status 1" in refusal(command(tmp_path, code), WorldError)
    assert CANARY not in "".join(capfd.readouterr())


def test_a_command_that_says_nothing(tmp_path: Path) -> None:
    assert "is empty" in refusal(command(tmp_path, "pass"))


def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    code = f"import signal\nprint({CANARY!r}, flush=True)\nsignal.pause()"
    assert "took longer than 0.2 s" in refusal(command(tmp_path, code), WorldError, deadline=MOMENT)


def test_a_command_that_is_not_there() -> None:
    assert "cannot be run: No such file" in refusal(f"command:/no/such/program {CANARY}")
