"""Somebody who works in a vault while it is copied, and a copying tool for machines that lack the documented one."""

from __future__ import annotations

import shutil
from datetime import timedelta
from fnmatch import fnmatch
from pathlib import Path

from kit.sealed_vault import DAY, House, as_csv, message
from strongroom.model.window import Window
from strongroom.vault.vault import open_vault


def work(root: Path) -> None:
    """Publish one more archive and enter it, as a daemon does beside the copying."""
    house = object.__new__(House)  # without making a vault: there is one
    house.base, house.vault = root.parent, open_vault(root)
    house._later = iter((timedelta(0),))  # it seals one archive
    try:
        days = timedelta(days=len(list(root.glob("manifests/*/*.json"))))
        window = Window(DAY.start + days, DAY.end + days)
        house.seal(as_csv([message(1, at=f"{window.start:%Y-%m-%d}T10:00:00Z")]), window=window)
        house.vault.write_log()
    finally:
        house.vault.close()


def rsync(words: list[str]) -> None:
    """Do what `rsync -a` does with anchored excludes, for the one form that the guide uses."""
    patterns = [word.removeprefix("--exclude=") for word in words if word.startswith("--exclude=")]
    flags = [word for word in words if word.startswith("-") and not word.startswith("--exclude=")]
    source, target = (word for word in words if not word.startswith("-"))
    assert flags == ["-a"]
    assert source.endswith("/") and target.endswith("/")
    assert all(pattern.startswith("/") for pattern in patterns)
    _copy(Path(source), Path(target), [pattern[1:] for pattern in patterns])


def _copy(source: Path, target: Path, patterns: list[str]) -> None:
    """Copy a folder's content into another; the patterns hold for its first level alone, as anchored ones do."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        name = f"{path.name}/" if path.is_dir() else path.name
        if any(fnmatch(name, pattern) or fnmatch(path.name, pattern) for pattern in patterns):
            continue
        if path.is_dir():
            _copy(path, target / path.name, [])
        else:
            shutil.copy2(path, target / path.name)
