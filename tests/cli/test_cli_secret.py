"""`strongroom secret` as a person or a program runs it, and the passphrase that a keyring keeps."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backends.fail
import pytest
from keyring.errors import KeyringLocked

from kit.cli_home import Home, Invoke
from kit.keyrings import Keeping
from strongroom.cli import terminal

CANARY = "zv_live_canaryinthering01"


class LockedRing(Keeping):
    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked(CANARY)


class HangingRing(Keeping):
    unlocked = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.unlocked.wait(60)
        return None


@pytest.fixture
def ring() -> Iterator[Keeping]:
    before, ring = keyring.get_keyring(), Keeping()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def test_a_secret_from_a_pipe_is_stored_and_its_reference_printed(ring: Keeping, invoke: Invoke) -> None:
    result = invoke("secret", "set", "zavu", "--file", "-", text=f"{CANARY}\n")
    assert (result.exit_code, result.stdout) == (0, "keyring:strongroom/zavu\n")
    assert ring.kept == {("strongroom", "zavu"): CANARY}
    assert CANARY not in result.output


def test_a_secret_from_a_file_that_is_ours_alone(ring: Keeping, invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(CANARY)
    path.chmod(0o644)
    result = invoke("secret", "set", "zavu", "--service", "work/vault", "--file", path)
    assert (result.exit_code, ring.kept) == (2, {})
    assert "open to others" in result.stderr
    path.chmod(0o600)
    result = invoke("secret", "set", "zavu", "--service", "work/vault", "--file", path)
    assert (result.exit_code, result.stdout) == (0, "keyring:work/vault/zavu\n")
    assert ring.kept == {("work/vault", "zavu"): CANARY}
    assert "found" in invoke("secret", "check", "keyring:work/vault/zavu").stdout


@pytest.mark.parametrize(
    "text", ["", "\n", "   ", f"{CANARY}\nsecond", f"{CANARY}\x07", pytest.param("x" * 70_000, id="long")]
)
def test_what_is_no_secret_is_not_stored(text: str, ring: Keeping, invoke: Invoke) -> None:
    result = invoke("secret", "set", "zavu", "--file", "-", text=text)
    assert (result.exit_code, ring.kept) == (2, {})
    assert CANARY not in result.output


@pytest.mark.parametrize(
    "name", ["", "a/b", "a b", "a\nb", CANARY, "AGE-SECRET-KEY-1QQQQ", "ä", "-" * 3, pytest.param("x" * 101, id="long")]
)
@pytest.mark.parametrize("command", ["set", "remove", "check"])
def test_names_that_could_be_secrets_or_mislead_are_not_repeated(
    command: str, name: str, ring: Keeping, invoke: Invoke
) -> None:
    ring.kept["strongroom", name] = CANARY
    result = invoke("secret", command, "--", name)
    assert result.exit_code == 2
    assert "not shown" in result.stderr
    assert not name or name not in result.output


def test_nobody_to_ask_is_a_mistake_in_words(ring: Keeping, invoke: Invoke) -> None:
    result = invoke("secret", "set", "zavu")
    assert (result.exit_code, ring.kept) == (2, {})
    assert "there is no terminal to prompt" in result.stderr
    assert "--file -" in result.stderr


def test_it_is_asked_for_twice_unseen(tmp_path: Path, environment: dict[str, str]) -> None:
    """On a real terminal, which echoes whatever a program does not keep from being echoed."""
    environment["PYTHONPATH"] += f":{Path(__file__).parents[1]}"
    program = (
        "import keyring; from kit.keyrings import Keeping; ring = Keeping(); keyring.set_keyring(ring)\n"
        "from strongroom.cli.main import cli\n"
        "try: cli.main(['secret', 'set', 'zavu'])\n"
        f"finally: open({str(tmp_path / 'kept')!r}, 'w').write(ring.kept.get(('strongroom', 'zavu'), ''))\n"
    )
    main, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
    )
    os.close(side)
    shown = b""
    for question in (b"Secret: ", b"Repeat it: "):
        shown += _until(main, question)
        os.write(main, f"{CANARY}\n".encode())
    shown += _until(main, b"keyring:strongroom/zavu")
    assert process.wait(30) == 0
    os.close(main)
    assert (tmp_path / "kept").read_text() == CANARY
    assert CANARY.encode() not in shown


def _until(terminal: int, awaited: bytes) -> bytes:
    shown = b""
    while awaited not in shown:
        more = os.read(terminal, 4096)
        assert more, shown
        shown += more
    return shown


def test_without_a_keyring_nobody_is_asked_in_vain(ring: Keeping, invoke: Invoke) -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    result = invoke("secret", "set", "zavu")
    assert result.exit_code == 2
    assert "no keyring is available here" in result.stderr
    assert "credential:NAME" in result.stderr
    assert "mode 0600" in result.stderr


def test_a_keyring_that_hangs_is_given_up(ring: Keeping, invoke: Invoke) -> None:
    keyring.set_keyring(HangingRing())
    try:
        result = invoke("secret", "remove", "zavu", "--patience", "1s")
    finally:
        HangingRing.unlocked.set()
    assert result.exit_code == 6
    assert "did not answer within 1 s" in result.stderr


def test_remove(ring: Keeping, invoke: Invoke) -> None:
    ring.kept["strongroom", "zavu"] = CANARY
    assert invoke("secret", "remove", "zavu").exit_code == 0
    assert ring.kept == {}
    result = invoke("secret", "remove", "zavu")
    assert result.exit_code == 2
    assert "nothing under strongroom/zavu" in result.stderr


def test_every_scheme_can_be_checked(
    ring: Keeping, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring.kept["strongroom", "zavu"] = CANARY
    monkeypatch.setenv("ZAVU_KEY", CANARY)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "zavu").write_text(CANARY)
    (tmp_path / "zavu").chmod(0o600)
    references = {
        "zavu": "keyring:strongroom/zavu",
        "keyring:strongroom/zavu": "keyring:strongroom/zavu",
        "env:ZAVU_KEY": "env:ZAVU_KEY",
        f"file:{tmp_path}/zavu": f"file:{tmp_path}/zavu",
        "credential:zavu": "credential:zavu",
        f"command:printf {CANARY}": "command:printf …",
    }
    for subject, shown in references.items():
        result = invoke("secret", "check", subject)
        assert (result.exit_code, result.stdout) == (0, f"found      {shown}\n")
        document = json.loads(invoke("secret", "check", subject, "--json").stdout)
        assert document["secrets"] == [{"reference": shown, "keys": [], "found": True, "why": "", "hint": ""}]
    monkeypatch.delenv("ZAVU_KEY")
    result = invoke("secret", "check", "env:ZAVU_KEY", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["found"] is False
    assert "ZAVU_KEY is not set" in json.loads(result.stdout)["secrets"][0]["why"]


def test_all_of_the_configuration_is_checked(ring: Keeping, invoke: Invoke, own_home: Home) -> None:
    text = own_home.config.read_text()
    own_home.config.write_text(text.replace("[vault]\n", '[vault]\npassphrase = "keyring:strongroom/identity"\n', 1))
    result = invoke("--config", own_home.config, "secret", "check", "--all", "--json")
    assert result.exit_code == 1
    found = {key: each["found"] for each in json.loads(result.stdout)["secrets"] for key in each["keys"]}
    assert found.pop("vault.passphrase") is False
    assert found["source[0].api_key"] is True
    assert all(found.values())
    ring.kept["strongroom", "identity"] = CANARY
    result = invoke("--config", own_home.config, "secret", "check", "--all")
    assert result.exit_code == 0
    assert "found      keyring:strongroom/identity  (vault.passphrase)" in result.stdout
    assert CANARY not in result.output


@pytest.mark.parametrize("args", [[], ["zavu", "--all"], ["evn:ZAVU"], [f"bearer:{CANARY}"]])
def test_what_cannot_be_checked_is_a_usage_error(args: list[str], ring: Keeping, invoke: Invoke) -> None:
    result = invoke("secret", "check", *args)
    assert result.exit_code == 2
    assert CANARY not in result.output


PASSPHRASE = "correct canary battery staple"


@pytest.fixture
def sealed(tmp_path: Path, invoke: Invoke, ring: Keeping) -> Home:
    """An empty vault whose identity has a passphrase, which the configuration says is in the keyring."""
    home = Home(tmp_path / "sealed")
    home.folder.mkdir()
    phrase = home.folder / "phrase"
    phrase.write_text(PASSPHRASE)
    phrase.chmod(0o600)
    made = invoke(
        *("init", "--config", home.config, "--vault", home.vault, "--identity", home.identity),
        *("--passphrase-file", phrase, "--recovery-file", home.folder / "recovery.txt"),
    )
    assert made.exit_code == 0, made.output
    phrase.unlink()
    text = home.config.read_text()
    home.config.write_text(text.replace("[vault]\n", '[vault]\npassphrase = "keyring:strongroom/identity"\n', 1))
    return home


def test_the_identity_opens_with_the_passphrase_of_the_keyring(sealed: Home, ring: Keeping, invoke: Invoke) -> None:
    ring.kept["strongroom", "identity"] = PASSPHRASE
    result = invoke("--config", sealed.config, "verify", "--content")
    assert result.exit_code == 0, result.output
    assert PASSPHRASE not in result.output
    ring.kept["strongroom", "identity"] = "another one"
    assert invoke("--config", sealed.config, "verify", "--content").exit_code != 0


def test_a_passphrase_that_is_not_found_is_said_and_asked_for(
    sealed: Home, ring: Keeping, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = invoke("--config", sealed.config, "verify", "--content")
    assert result.exit_code == 2
    assert "nothing under strongroom/identity" in result.stderr
    monkeypatch.setattr(terminal, "can_ask", lambda: True)
    keyring.set_keyring(LockedRing())
    result = invoke("--config", sealed.config, "verify", "--content", text=f"{PASSPHRASE}\n")
    assert result.exit_code == 0, result.output
    assert "the keyring is locked" in result.stderr
    assert CANARY not in result.output
    assert PASSPHRASE not in result.output


def test_the_passphrase_of_one_identity_is_not_tried_on_another(sealed: Home, ring: Keeping, invoke: Invoke) -> None:
    ring.kept["strongroom", "identity"] = PASSPHRASE
    other = sealed.folder / "other.age"
    other.write_bytes(sealed.identity.read_bytes())
    other.chmod(0o600)
    result = invoke("--config", sealed.config, "verify", "--content", "--identity", other)
    assert result.exit_code == 2
    assert "no terminal to prompt" in result.stderr
