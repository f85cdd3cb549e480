from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path

import pytest

from kit.vault_objects import end, start
from strongroom.model.errors import ExitCode, VaultLocked, WorldError
from strongroom.vault.lock import describe_holder, hold, is_held

HOLD = """
import sys
from pathlib import Path
from strongroom.vault.lock import hold
with hold(Path(sys.argv[1]), "strongroom run"):
    print("ready", flush=True)
    sys.stdin.read()
"""
TRY = """
import sys
from pathlib import Path
from strongroom.model.errors import VaultLocked
from strongroom.vault.lock import hold
try:
    with hold(Path(sys.argv[1]), "second"):
        print("held")
except VaultLocked as error:
    print(error.message)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_the_second_is_refused_and_told_who_the_first_is(path: Path) -> None:
    holder = start(HOLD, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    with (
        pytest.raises(VaultLocked, match=rf"in use by strongroom run \(process {holder.pid}\)") as told,
        hold(path, "x"),
    ):
        pytest.fail("two hold the lock")
    assert told.value.exit_code is ExitCode.LOCKED
    assert is_held(path)
    assert describe_holder(path) == f"strongroom run (process {holder.pid})"
    end(holder)
    assert not is_held(path)
    with hold(path, "after"):
        assert is_held(path)


def test_a_killed_holder_holds_nothing(path: Path) -> None:
    holder = start(HOLD, path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert not is_held(path)
    with hold(path, "next"):
        assert describe_holder(path) == f"next (process {os.getpid()})"


def test_another_process_is_refused_by_ours(path: Path) -> None:
    with hold(path, "strongroom scrub"):
        (told,) = end(start(TRY, path))
        assert told.strip() == f"this vault is in use by strongroom scrub (process {os.getpid()})"
    assert end(start(TRY, path)) == ["held\n"]


def test_the_lock_is_let_go_after_an_error(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(path, "x"):
        raise ZeroDivisionError
    assert not is_held(path)


def test_looking_makes_no_lock_file(path: Path) -> None:
    assert not is_held(path)
    assert not path.exists()


def test_somebody_who_only_looks_never_stands_in_the_way(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looker = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(looker, fcntl.LOCK_SH)  # as is_held does, for a moment
    monkeypatch.setattr(os, "sched_yield", lambda: fcntl.flock(looker, fcntl.LOCK_UN))
    with hold(path, "x"):
        assert is_held(path)
    fcntl.flock(looker, fcntl.LOCK_SH)
    monkeypatch.undo()
    with pytest.raises(VaultLocked), hold(path, "x"):  # nobody looks for ever
        pytest.fail("the lock was shared")
    os.close(looker)


def test_a_longer_name_before_leaves_no_trace(path: Path) -> None:
    with hold(path, "a very long name of a holder"):
        pass
    with hold(path, "x"):
        assert describe_holder(path) == f"x (process {os.getpid()})"


@pytest.mark.parametrize(
    "told", [b"", b"not json", b"[]", b'{"pid": "x", "holder": "y"}', b'{"pid": 1}', b"\xff", b"null"]
)
def test_a_lock_file_that_says_nothing_names_nobody(path: Path, told: bytes) -> None:
    path.write_bytes(told)
    assert describe_holder(path) == "another process"
    with hold(path, "x"):
        pass


def test_a_link_in_place_of_the_lock_is_refused(path: Path) -> None:
    target = path.with_name("target")
    target.write_bytes(b"kept")
    path.symlink_to(target)
    with pytest.raises(WorldError, match="cannot write lock"), hold(path, "x"):
        pytest.fail("a link was followed")
    assert target.read_bytes() == b"kept"


def test_only_the_owner_can_read_the_lock(path: Path) -> None:
    with hold(path, "x"):
        assert path.stat().st_mode & 0o777 == 0o600
