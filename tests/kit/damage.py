"""A vault with every kind of file, ways to damage one of them, and the commands that check it."""

from __future__ import annotations

import ctypes
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest

from kit.cli_home import Home, Invoke
from strongroom.config.load import load_config
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionContext, DestructionRules
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.propose import propose
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.engine.proof.manifests import set_aside
from strongroom.engine.retention.rules import Fate
from strongroom.engine.retention.verdicts import Judgement
from strongroom.evidence import verifier
from strongroom.evidence.line import Entry
from strongroom.model.destruction import Person
from strongroom.vault.archives import get_archive
from strongroom.vault.log import LAST_ENTRY_TIME, add_entry
from strongroom.vault.rows import to_instant
from strongroom.vault.vault import Vault, open_vault

_CAPABILITY_VERSION = 0x20080522
DUE = Judgement(Fate.DUE, "standard: 7y from the end of the window", "", "its time is over")


@dataclass(frozen=True, slots=True)
class Stage:
    """The vault that is damaged, one like it of a while before, and how to run a command on it."""

    home: Home
    older: Path
    invoke: Invoke

    def place(self, kind: str) -> Path:
        return self.home.vault / PLACES[kind](self.home.vault)

    def sibling(self, kind: str) -> Path | None:
        """Return another file of the same kind, if there is one."""
        if kind not in ("payload", "key", "manifest", "checkpoint", "tombstone", "quarantined payload"):
            return None
        own = self.place(kind)
        others = sorted(path for path in own.parent.parent.glob(f"*/*{''.join(own.suffixes)}") if path.is_file())
        near = sorted(path for path in own.parent.glob(f"*{own.suffix}") if path.is_file())
        return next((path for path in (*near, *others) if path.name != own.name), None)

    def run(self, words: str) -> tuple[int, str]:
        if words == "strongroom-verify":
            return run_verifier(self.home)
        result = self.invoke("--config", self.home.config, *words.split())
        return result.exit_code, result.output


def held(vault: Path) -> list[str]:
    """Return the archives whose payload is there, oldest first."""
    return sorted(path.stem for path in vault.glob("archives/*/*.age"))


def _of_held(room: str, ending: str) -> Callable[[Path], str]:
    def place(vault: Path) -> str:
        archive = min(path.stem.partition(".")[0] for path in vault.glob("keys/*/*.key.age"))
        return f"{room}/{archive[-2:]}/{archive}{ending}"

    return place


def _first(pattern: str) -> Callable[[Path], str]:
    return lambda vault: str(min(vault.glob(pattern)).relative_to(vault))


def _quarantined(vault: Path) -> str:
    return str(min(vault.glob("quarantine/*.key.age")).relative_to(vault)).replace(".key.age", ".age")


def _tombstone(vault: Path) -> str:
    archive = min(vault.glob("log/certificates/*.note")).stem
    return f"manifests/{archive[-2:]}/{archive}.json"


PLACES: Mapping[str, Callable[[Path], str]] = {
    "payload": _of_held("archives", ".age"),
    "key": _of_held("keys", ".key.age"),
    "manifest": _of_held("manifests", ".json"),
    "log": lambda _vault: "log/log.jsonl",
    "catalogue": lambda _vault: "catalogue.sqlite",
    "wal": lambda _vault: "catalogue.sqlite-wal",
    "checkpoint": _first("log/checkpoints/*.note"),
    "certificate": _first("log/certificates/*.note"),
    "tombstone": _tombstone,
    "quarantined payload": _quarantined,
    "quarantined manifest": _first("quarantine/*.json"),
    "aside": _first("quarantine/*.aside"),
    "readme": lambda _vault: "README.txt",
    "lock": lambda _vault: "lock",
    "leftover": lambda _vault: "tmp/leftover.age",
}


def _flip(path: Path, _stage: Stage, _kind: str) -> bool:
    data = bytearray(path.read_bytes())
    if not data:
        return False
    place = 104 if path.name == "catalogue.sqlite" else len(data) // 2  # how many tables it has: else it may be free
    data[place] ^= 1
    path.write_bytes(data)
    return True


def _cut(path: Path, _stage: Stage, _kind: str) -> bool:
    size = path.stat().st_size
    os.truncate(path, size // 2)
    return size > 1


def _empty(path: Path, _stage: Stage, _kind: str) -> bool:
    os.truncate(path, 0)
    return True


def _remove(path: Path, _stage: Stage, _kind: str) -> bool:
    path.unlink()
    return True


def _older(path: Path, stage: Stage, _kind: str) -> bool:
    before = stage.older / path.relative_to(stage.home.vault)
    if not before.is_file() or before.read_bytes() == path.read_bytes():
        return False
    path.write_bytes(before.read_bytes())
    return True


def _swap(path: Path, stage: Stage, kind: str) -> bool:
    other = stage.sibling(kind)
    if other is None or not path.exists():
        return False
    ours, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(ours)
    return ours != theirs


def _append(path: Path, _stage: Stage, _kind: str) -> bool:
    with path.open("ab") as file:
        file.write(b"garbage\n")
    return True


def _folder(path: Path, _stage: Stage, _kind: str) -> bool:
    path.unlink()
    path.mkdir()
    return True


def _unreadable(path: Path, _stage: Stage, _kind: str) -> bool:
    path.chmod(0)
    return True


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """Let the modes of files hold for root as well, in this thread."""
    libc, header = ctypes.CDLL(None, use_errno=True), (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    before, without = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, before) == 0
    without[:] = before[:]
    without[0] &= ~0b110  # effective: CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    assert libc.capset(header, without) == 0
    try:
        yield
    finally:
        assert libc.capset(header, before) == 0


DAMAGES: Mapping[str, Callable[[Path, Stage, str], bool]] = {
    "flipped": _flip,
    "cut": _cut,
    "emptied": _empty,
    "removed": _remove,
    "older": _older,
    "swapped": _swap,
    "appended": _append,
    "folder": _folder,
    "unreadable": _unreadable,
}

COMMANDS = (
    "verify",
    "doctor --offline",
    "audit verify",
    "recover --deep",
    "coverage",
    "destroy propose --due",
    "strongroom-verify",
    "scrub run",  # the last: it brings the log's file level
)


def run_verifier(home: Home) -> tuple[int, str]:
    """Run the one-file verifier on the vault in this process, with the vault's public key."""
    key = str(signer_of(load_config(home.config)).verifier)
    output, before = StringIO(), sys.argv
    sys.argv = ["strongroom-verify", str(home.vault), "--key", key]
    try:
        with redirect_stdout(output):
            return verifier.main(), output.getvalue()
    finally:
        sys.argv = before


def furnish(home: Home, older: Path) -> None:
    """Give a vault what it lacks: a destroyed archive with its certificate, checkpoints, a file that was set aside."""
    config = load_config(home.config)
    with closing(open_vault(home.vault)) as vault:
        ticks = _ticking(vault)
        sign_log(vault, signer_of(config), ticks)
        vault.catalogue.close()
    shutil.copytree(home.vault, older)
    with closing(open_vault(home.vault)) as vault:
        _destroy(vault, home, ticks)
        _set_aside(vault, ticks)
        sign_log(vault, signer_of(config), ticks)
    (home.vault / "tmp" / "leftover.age").write_bytes(b"half a file")


def with_write_ahead(home: Home, folder: Path) -> Home:
    """Copy a vault whose newest entries are in the write-ahead log alone."""
    with (
        closing(sqlite3.connect(home.vault / "catalogue.sqlite")) as open_beside,
        closing(open_vault(home.vault)) as vault,
    ):
        open_beside.execute("SELECT count(*) FROM vault").fetchone()
        vault.catalogue._connection.execute("PRAGMA wal_autocheckpoint = 0")
        sign_log(vault, signer_of(load_config(home.config)), _ticking(vault))
        return copy_home(home, folder)


def _destroy(vault: Vault, home: Home, ticks: Callable[[], object]) -> None:
    signer = signer_of(load_config(home.config))
    context = DestructionContext(
        vault,
        ticks,
        os.urandom,
        DestructionRules(cooling_off=timedelta(0)),
        lambda: signer,
        lambda _vault, _archive, _at: DUE,  # type: ignore[arg-type]
    )
    archive = get_archive(vault.catalogue, held(home.vault)[-1])
    assert archive is not None
    plan = propose(context, [archive], Person(1000, "alice"), "their time is over")
    approve(context, plan.proposal.id, Person(1001, "bob"), plan.digest)
    assert carry_out(context).destroyed


def _set_aside(vault: Vault, ticks: Callable[[], object]) -> None:
    path = vault.layout.root / "keys" / "zz" / f"{'0' * 24}zz.key.age"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"a key file that belongs to nothing")
    told = set_aside(vault.layout, path)
    facts = {"files": [f"keys/zz/{path.name}"], "aside": [told]}
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry("files.moved", ticks(), archive=path.name[:26], facts=facts))  # type: ignore[arg-type]
    vault.write_log()


def _ticking(vault: Vault) -> Callable[[], object]:
    row = vault.catalogue.read_one(LAST_ENTRY_TIME)
    times = iter(to_instant(row["at"]) + timedelta(seconds=number) for number in range(1, 10_000)) if row else iter(())
    return lambda: next(times)


def damage_file(stage: Stage, kind: str, damage: str) -> Path:
    """Damage a file; return it. Skips the test where there is nothing to be damaged so."""
    path = stage.place(kind)
    if not path.exists() or not DAMAGES[damage](path, stage, kind):
        pytest.skip("there is nothing that could be damaged so")
    return path


def copy_home(template: Home, folder: Path) -> Home:
    copy = Home(folder)
    shutil.copytree(template.folder, copy.folder, symlinks=True)
    copy.config.write_text(template.config.read_text().replace(str(template.folder), str(copy.folder)))
    copy.config.chmod(0o600)
    return copy
