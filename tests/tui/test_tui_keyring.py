"""The passphrase of the identity from a keyring: unseen where it is there, requested for where it does not help."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked

from kit.keyrings import CANARY as PASSPHRASE
from kit.keyrings import Keeping, Raising, same_keyring, session
from kit.tui_bench import Seat
from kit.tui_vault import CANARY, Place, fill, until
from strongroom.engine.core.identities import identity_file, make_identity

__all__ = ["same_keyring"]

DRIVE = "-m kit.drivers.keyring_restore"
ASKED = "Passphrase of the identity"


@pytest.fixture
def kept(place: Place) -> Place:
    """A vault whose identity has a passphrase, and a configuration that says where it is kept."""
    path = place.base / "identity.age"
    key = next(line for line in path.read_text().splitlines() if line.startswith("AGE-SECRET-KEY"))
    path.write_bytes(identity_file(type(make_identity(os.urandom))("", key), PASSPHRASE, os.urandom))
    file = place.base / "strongroom.toml"
    lines = file.read_text().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if line.startswith("identity"))
    lines.insert(at + 1, 'passphrase = "keyring:strongroom/identity"\n')
    file.write_text("".join(lines))
    return place


def keeping(passphrase: str) -> Keeping:
    backend = Keeping()
    backend.kept["strongroom", "identity"] = passphrase
    return backend


def told(seat: Seat) -> str:
    return " ".join(each.message for each in seat.app._notifications)


async def test_what_the_keyring_keeps_restores_and_browses_without_a_question(kept: Place, tmp_path: Path) -> None:
    keyring.set_keyring(keeping(PASSPHRASE))
    target = tmp_path / "out.zip"
    async with kept.sit() as seat:
        await seat.press("R", "enter")
        await fill(seat, str(target))
        await until(seat, "✓ restored")
        assert hashlib.sha256(target.read_bytes()).hexdigest() in seat.text
        await seat.press("escape", "o")
        await until(seat, f"{CANARY} 0")
        assert PASSPHRASE not in seat.text + told(seat)


REFUSALS: list[tuple[KeyringBackend, str]] = [
    (Keeping(), "the keyring has nothing under strongroom/identity. Store it with: strongroom secret set identity"),
    (Raising(KeyringLocked(PASSPHRASE)), "the keyring is locked. Unlock it"),
    (Raising(InitError(PASSPHRASE)), "the keyring cannot be opened"),
    (Raising(RuntimeError(PASSPHRASE)), "the keyring failed (RuntimeError)"),
    (keeping("an older one"), "passphrase"),
]


async def test_a_keyring_that_does_not_help_is_told_and_a_person_is_asked(kept: Place) -> None:
    async with kept.sit() as seat:
        for backend, words in REFUSALS:
            keyring.set_keyring(backend)
            await seat.press("o")
            await until(seat, ASKED)
            assert words in told(seat)
            assert PASSPHRASE not in told(seat)
            await seat.press("escape")
            seat.app.clear_notifications()
        await seat.press("o")
        await until(seat, ASKED)
        await fill(seat, PASSPHRASE)
        await until(seat, f"{CANARY} 0")


class Waiting(Keeping):
    """Waits for a person to unlock it, as desktops do."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.unlocked = threading.Event(), threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.asked.set()
        assert self.unlocked.wait(60)
        return super().get_password(service, username)


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    backend = Waiting()
    keyring.set_keyring(backend)
    yield backend
    backend.unlocked.set()


async def test_the_screen_answers_while_the_keyring_waits_for_a_person(kept: Place, waiting: Waiting) -> None:
    waiting.kept["strongroom", "identity"] = PASSPHRASE
    async with kept.sit() as seat:
        await seat.pilot.press("o")
        while not waiting.asked.is_set():
            await seat.pilot.pause(0.01)
        await seat.pilot.press("question_mark")
        assert "Press t for a guided tour" in seat.text
        await seat.pilot.press("escape")
        waiting.unlocked.set()
        await until(seat, f"{CANARY} 0")


async def test_leaving_while_the_keyring_waits_is_no_fault(kept: Place, waiting: Waiting) -> None:
    async with kept.sit() as seat:
        await seat.pilot.press("o")
        while not waiting.asked.is_set():
            await seat.pilot.pause(0.01)
        await seat.pilot.press("q")
        waiting.unlocked.set()


REAL = f"""
printf 'login\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null || exit 99
strongroom() {{ "$PYTHON" -m strongroom "$@" >&2 || exit 1; }}
drive() {{ "$PYTHON" {DRIVE} "$HOME/strongroom.toml" "$HOME/$1"; }}
drive first.zip
printf %s "$SECRET_TEXT" | strongroom secret set identity --file -
unset SECRET_TEXT
drive second.zip
strongroom secret remove identity
drive third.zip
"""

LOCKED = f"""
gnome-keyring-daemon --start --components=secrets >/dev/null || exit 99
"$PYTHON" {DRIVE} "$HOME/strongroom.toml" "$HOME/out.zip"
"""


@pytest.mark.slow
def test_a_real_secret_service_opens_an_archive_on_the_screen(kept: Place) -> None:
    done = session(REAL, kept.base)
    before, there, after = (json.loads(line) for line in done.stdout.splitlines()) if done.stdout else ({}, {}, {})
    assert (before["asks"], before["restored"]) == (True, False), done.stderr
    assert "the keyring has nothing under strongroom/identity" in before["told"]
    assert (there["asks"], there["restored"]) == (False, True), done.stderr
    assert (after["asks"], after["restored"]) == (True, False)
    assert [(kept.base / f"{name}.zip").exists() for name in ("first", "second", "third")] == [False, True, False]


@pytest.mark.slow
def test_a_real_secret_service_that_nobody_unlocks_leaves_the_question(kept: Place) -> None:
    done = session(LOCKED, kept.base)
    found = json.loads(done.stdout)
    assert (found["asks"], found["restored"]) == (True, False), done.stderr
    assert "the keyring " in found["told"]
