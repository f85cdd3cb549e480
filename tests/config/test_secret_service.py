"""The keyring's writer, against backends that misbehave, and a real Secret Service where this machine has one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import keyring
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import InitError, KeyringLocked, NoKeyringError, PasswordSetError

from kit.keyrings import CANARY, Keeping, Raising, same_keyring, session
from strongroom.config.keyring_writer import remove_secret, require_keyring, store_secret
from strongroom.config.keys import references_of
from strongroom.config.load import load_config
from strongroom.config.secret_keyring import ask_keyring
from strongroom.config.secrets import Secret, SecretRef
from strongroom.model.bech32 import encode_bech32
from strongroom.model.errors import StrongroomError, UsageError, WorldError

__all__ = ["same_keyring"]

KEY = encode_bech32("age", b"q" * 32)

LONG, MOMENT = timedelta(seconds=30), timedelta(seconds=0.2)
ADVICE = ("credential:NAME", "file:/path with mode 0600")


class Readable(Keeping):
    """Stands for the backends that write readable files."""


Readable.__module__ = "keyrings.alt.file"


class OwnReadable(Readable):
    """One made from such a backend, under another name."""


class ReadOnly(Keeping):
    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


class Forgetful(Keeping):
    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = "an older one"


class Hanging(Keeping):
    def __init__(self) -> None:
        super().__init__()
        self.unlocked = threading.Event()

    def set_password(self, service: str, username: str, password: str) -> None:
        self.unlocked.wait(60)

    def get_password(self, service: str, username: str) -> str | None:
        self.unlocked.wait(60)
        return None


def chain(*members: KeyringBackend) -> KeyringBackend:
    chained = type("Chain", (keyring.backends.chainer.ChainerBackend,), {"backends": list(members), "viable": False})
    made: KeyringBackend = chained()
    return made


def refused(kind: type[StrongroomError], work: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        work()
    error = caught.value
    assert CANARY not in "".join(map(repr, (error, error.hint, error.__cause__, error.__context__)))
    return f"{error.message} ({error.hint})"


def store(deadline: timedelta = LONG) -> None:
    store_secret("strongroom", "zavu", Secret(CANARY), deadline)


def test_a_secret_goes_in_and_out() -> None:
    backend = Keeping()
    keyring.set_keyring(backend)
    require_keyring(LONG)
    backend.kept["strongroom", "zavu"] = "an older one"
    store()
    assert ask_keyring("strongroom", "zavu", LONG) == CANARY
    remove_secret("strongroom", "zavu", LONG)
    assert backend.kept == {}
    told = refused(UsageError, lambda: remove_secret("strongroom", "zavu", LONG))
    assert told == "the keyring has nothing under strongroom/zavu (store it with: strongroom secret set zavu)"
    assert "secret set b --service 'a c'" in refused(UsageError, lambda: remove_secret("a c", "b", LONG))


NO_KEYRING = (keyring.backends.fail.Keyring, keyring.backends.null.Keyring, chain)


@pytest.mark.parametrize("backend", NO_KEYRING)
def test_where_there_is_no_keyring_nothing_is_stored(backend: Callable[[], KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    works: tuple[Callable[[], object], ...] = (
        store,
        lambda: require_keyring(LONG),
        lambda: remove_secret("strongroom", "zavu", LONG),
    )
    for work in works:
        told = refused(UsageError, work)
        assert told.startswith("no keyring is available here")
        assert all(each in told for each in ADVICE)


@pytest.mark.parametrize("make", [Readable, OwnReadable, lambda: chain(Readable())])
def test_readable_files_are_no_place_for_a_secret(make: Callable[[], KeyringBackend]) -> None:
    backend = make()
    keyring.set_keyring(backend)
    assert "readable files" in refused(UsageError, store)
    assert getattr(backend, "kept", {}) == {}


def test_a_chain_stores_in_the_first_that_protects_and_takes_it() -> None:
    readable, read_only, keeping = Readable(), ReadOnly(), Keeping()
    keyring.set_keyring(chain(readable, read_only, keeping))
    store()
    assert (readable.kept, read_only.kept, keeping.kept) == ({}, {}, {("strongroom", "zavu"): CANARY})


def test_a_secret_is_removed_from_every_store_that_has_it() -> None:
    first, second = Keeping(), Keeping()
    first.kept["strongroom", "zavu"] = second.kept["strongroom", "zavu"] = CANARY
    keyring.set_keyring(chain(first, second))
    remove_secret("strongroom", "zavu", LONG)
    assert (first.kept, second.kept) == ({}, {})


def test_what_cannot_be_read_back_was_not_stored() -> None:
    keyring.set_keyring(Forgetful())
    assert "gives another one back" in refused(WorldError, store)
    keyring.set_keyring(ReadOnly())
    assert "only be read" in refused(UsageError, store)
    older = ReadOnly()
    older.kept["strongroom", "zavu"] = "an older one"
    keyring.set_keyring(chain(older, Keeping()))
    assert "gives another one back" in refused(WorldError, store)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (NoKeyringError(CANARY), UsageError, "no keyring is available here"),
        (KeyringLocked(CANARY), WorldError, "the keyring is locked"),
        (InitError(CANARY), WorldError, "the keyring cannot be opened"),
        (PasswordSetError(CANARY), WorldError, "the keyring failed (PasswordSetError)"),
        (OSError(CANARY), WorldError, "the keyring failed (OSError)"),
    ],
)
def test_a_keyring_that_fails_is_told_with_advice(error: Exception, kind: type[StrongroomError], words: str) -> None:
    keyring.set_keyring(Raising(error))
    for work in (store, lambda: ask_keyring("strongroom", "zavu", LONG)):
        told = refused(kind, work)
        assert told.startswith(words)
        assert all(each in told for each in ADVICE)


def test_a_keyring_that_waits_for_a_person_is_left_alone() -> None:
    backend = Hanging()
    keyring.set_keyring(backend)
    try:
        told = refused(WorldError, lambda: store(MOMENT))
        assert told.startswith("the keyring did not answer within 0.2 s (unlock it; ")
        assert all(each in told for each in ADVICE)
    finally:
        backend.unlocked.set()
        for thread in threading.enumerate():
            if thread.name == "keyring":
                thread.join(10)


def test_every_reference_of_a_configuration_is_found_once(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f'[vault]\npath = "v"\nrecipients = ["{KEY}"]\nidentity = "i"\npassphrase = "keyring:strongroom/identity"\n'
        'signing_key = "file:/sign"\n[retention.standard]\nperiod = "7y"\n'
        '[[source]]\nname = "a"\nprovider = "zavu"\napi_key = "file:/key"\n'
        '[[source]]\nname = "b"\nprovider = "zavu"\napi_key = "file:/key"\n'
        '[notify]\nurls = ["file:/mail"]\nping = { url = "file:/ping" }\n'
    )
    assert references_of(load_config(tmp_path / "c.toml")) == {
        SecretRef.parse("keyring:strongroom/identity"): ["vault.passphrase"],
        SecretRef.parse("file:/sign"): ["vault.signing_key"],
        SecretRef.parse("file:/key"): ["source[0].api_key", "source[1].api_key"],
        SecretRef.parse("file:/mail"): ["notify.urls[0]"],
        SecretRef.parse("file:/ping"): ["notify.ping.url"],
    }


def test_a_passphrase_without_an_identity_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f'[vault]\npath = "v"\nrecipients = ["{KEY}"]\npassphrase = "keyring:strongroom/identity"\n'
    )
    with pytest.raises(UsageError, match=r"c\.toml:4: vault\.passphrase: expected an identity that it opens"):
        load_config(tmp_path / "c.toml")


# In a session of its own: a bus, a keyring that nobody used before, and the program.
UNLOCKED = """
printf 'login\\n' | gnome-keyring-daemon --unlock --components=secrets >/dev/null || exit 99
strongroom() { "$PYTHON" -m strongroom "$@"; echo "ended $?"; }
printf %s "$SECRET_TEXT" | strongroom secret set zavu --file -
unset SECRET_TEXT
strongroom secret check zavu
strongroom --config "$HOME/c.toml" secret check --all --json
strongroom secret remove zavu
strongroom secret check zavu
"""

LOCKED = """
gnome-keyring-daemon --start --components=secrets >/dev/null || exit 99
strongroom() { "$PYTHON" -m strongroom "$@"; echo "ended $?"; }
printf %s "$SECRET_TEXT" | strongroom secret set zavu --file - --patience 20s
"""


@pytest.mark.slow
def test_a_real_secret_service_keeps_a_secret(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        f'[vault]\npath = "v"\nrecipients = ["{KEY}"]\n[retention.standard]\nperiod = "7y"\n'
        '[[source]]\nname = "a"\nprovider = "zavu"\napi_key = "keyring:strongroom/zavu"\n'
    )
    done = session(UNLOCKED, tmp_path)
    shown = done.stdout.split("ended ")
    assert shown[0] == "keyring:strongroom/zavu\n", done.stderr
    assert shown[1] == "0\nfound      keyring:strongroom/zavu\n"
    document = json.loads(shown[2].removeprefix("0\n"))
    assert document == {
        "found": True,
        "secrets": [
            {
                "reference": "keyring:strongroom/zavu",
                "keys": ["source[0].api_key"],
                "found": True,
                "why": "",
                "hint": "",
            }
        ],
    }
    assert shown[3] == "0\n"
    assert shown[4].startswith("0\nnot found  keyring:strongroom/zavu\n")
    assert shown[5] == "1\n"
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert CANARY.encode() not in kept


@pytest.mark.slow
def test_a_real_secret_service_that_nobody_can_unlock_is_told_plainly(tmp_path: Path) -> None:
    done = session(LOCKED, tmp_path)
    assert done.stdout == "ended 6\n", done.stderr
    assert "error: the keyring " in done.stderr
    assert all(each in done.stderr for each in ADVICE)
