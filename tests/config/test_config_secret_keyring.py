from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import keyring
import keyring.backend
import keyring.backends.chainer
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import pytest

from strongroom.config.secrets import SecretRef, resolve
from strongroom.model.errors import StrongroomError, UsageError, WorldError

CANARY = "zv_live_c4n4ry+/=~!"
LONG = timedelta(seconds=30)
MOMENT = timedelta(seconds=0.2)


def refusal(
    reference: str, kind: type[StrongroomError] = UsageError, deadline: timedelta = timedelta(seconds=30)
) -> str:
    with pytest.raises(kind) as refused:
        resolve(SecretRef.parse(reference), deadline=deadline)
    told = refused.value.message + refused.value.hint
    assert CANARY not in told + repr(refused.value) + repr(refused.value.__cause__) + repr(refused.value.__context__)
    return refused.value.message


class KindKeyring(keyring.backend.KeyringBackend):
    """Keeps one password, as a desktop's keyring would."""

    priority = 5
    viable = False  # never chosen by itself

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.PasswordSetError

    def get_password(self, service: str, username: str) -> str | None:
        return {("strongroom", "zavu"): CANARY, ("empty", "zavu"): ""}.get((service, username))


class PlainKeyring(KindKeyring):
    """Stands for the backends that write readable files."""


PlainKeyring.__module__ = "keyrings.alt.file"


class LockedKeyring(KindKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked(CANARY)


class BrokenKeyring(KindKeyring):
    def get_password(self, service: str, username: str) -> str | None:
        raise RuntimeError(CANARY)


class HangingKeyring(KindKeyring):
    unlocked = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.unlocked.wait(60)
        return CANARY


FailKeyring: Callable[[], keyring.backend.KeyringBackend] = keyring.backends.fail.Keyring
NullKeyring: Callable[[], keyring.backend.KeyringBackend] = keyring.backends.null.Keyring


def chain(*members: keyring.backend.KeyringBackend) -> keyring.backend.KeyringBackend:
    chained = type("Chain", (keyring.backends.chainer.ChainerBackend,), {"backends": list(members), "viable": False})
    made: keyring.backend.KeyringBackend = chained()
    return made


@pytest.fixture(autouse=True)
def same_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def test_a_keyring() -> None:
    keyring.set_keyring(KindKeyring())
    assert resolve(SecretRef.parse("keyring:strongroom/zavu")).reveal() == CANARY
    assert refusal("keyring:strongroom/other") == "the keyring has nothing under strongroom/other"
    assert "is empty" in refusal("keyring:empty/zavu")


@pytest.mark.parametrize(
    ("backend", "kind", "told"),
    [
        (FailKeyring(), UsageError, "no keyring is available here"),
        (NullKeyring(), UsageError, "no keyring is available here"),
        (PlainKeyring(), UsageError, "readable files"),
        (chain(PlainKeyring()), UsageError, "readable files"),
        (chain(), UsageError, "no keyring is available here"),
        (LockedKeyring(), WorldError, "the keyring is locked"),
        (BrokenKeyring(), WorldError, "the keyring failed (RuntimeError)"),
    ],
)
def test_keyrings_that_do_not_serve(
    backend: keyring.backend.KeyringBackend, kind: type[StrongroomError], told: str
) -> None:
    keyring.set_keyring(backend)
    assert told in refusal("keyring:strongroom/zavu", kind)


def test_a_chain_is_asked_without_its_readable_stores() -> None:
    class EmptyKeyring(KindKeyring):
        def get_password(self, service: str, username: str) -> str | None:
            return None

    keyring.set_keyring(chain(EmptyKeyring(), PlainKeyring()))
    assert "has nothing under" in refusal("keyring:strongroom/zavu")
    keyring.set_keyring(chain(EmptyKeyring(), KindKeyring()))
    assert resolve(SecretRef.parse("keyring:strongroom/zavu")).reveal() == CANARY


def test_a_keyring_that_waits_for_a_person_is_left_alone() -> None:
    keyring.set_keyring(HangingKeyring())
    try:
        assert "did not answer within 0.2 s" in refusal("keyring:strongroom/zavu", WorldError, deadline=MOMENT)
    finally:
        HangingKeyring.unlocked.set()
        for thread in threading.enumerate():
            if thread.name == "keyring":
                thread.join(10)
