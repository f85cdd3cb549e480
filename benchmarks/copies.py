"""How fast a vault is copied to a folder and restored from it, beside `cp` with `sha256sum` of both sides.

    python benchmarks/copies.py [--archives 40] [--size 20000000] [--rounds 3] [--folder PATH]

The vault is written by hand, as for benchmarks/rebuild.py. `cp -r` is followed by `sync -f`, because a copy counts only
once it is on the disk, and by `sha256sum` of every file on both sides, past the page cache. Restoring is compared with
the same, plus rebuilding the catalogue of what was copied. The best of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from functools import partial
from pathlib import Path

import rebuild as parts

from strongroom.config.copies import CopySettings
from strongroom.engine.copies.copying import CopyContext, update_copy
from strongroom.engine.copies.targets import open_target, stores_in
from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.vault.vault import open_vault

NOW = parts.AT + timedelta(days=1)


def drop_cached(root: Path) -> None:
    for path in root.rglob("*"):
        if path.is_file():
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)


def copy_by_hand(source: Path, to: Path) -> None:
    drop_cached(source)
    subprocess.run(["cp", "-r", str(source), str(to)], check=True)
    subprocess.run(["sync", "-f", str(to)], check=True)
    drop_cached(source), drop_cached(to)
    for root in (source, to):
        files = "\0".join(str(path) for path in root.rglob("*") if path.is_file())
        subprocess.run(["xargs", "-0", "sha256sum"], input=files.encode(), stdout=subprocess.DEVNULL, check=True)


def copy(root: Path, to: Path) -> None:
    drop_cached(root)
    vault = open_vault(root)
    done = update_copy(CopyContext(vault, lambda: NOW), open_target(CopySettings(to.parent.name, to), vault))
    vault.close()
    if done.problems or not done.complete:
        raise SystemExit("the copy is not whole")


def restore(disk: Path, to: Path) -> None:
    ((_identity, store),) = stores_in(disk)
    drop_cached(disk)
    done = restore_vault(CopyRestore(store, to, lambda: NOW))
    if done.faults:
        raise SystemExit(f"the restored vault is not whole: {done.faults[:3]}")


def restore_by_hand(disk: Path, to: Path, log: Path) -> None:
    (root,) = disk.iterdir()
    copy_by_hand(root, to)
    shutil.rmtree(to / "log")
    (to / "log").mkdir()
    shutil.copy(log, to / "log" / "log.jsonl")
    for key in to.glob("keys/*/*.age"):
        key.rename(key.with_name(f"{key.name.partition('.')[0]}.key.age"))
    rebuild(Rebuild(to, lambda: NOW))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=int, default=40)
    parser.add_argument("--size", type=int, default=20_000_000, help="bytes of each payload")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; by default that for temporary files")
    options = parser.parse_args()
    parts.PAYLOAD = os.urandom(options.size)
    times: dict[str, list[float]] = {name: [] for name in ("copy", "cp", "restore", "cp and rebuild")}
    with tempfile.TemporaryDirectory(dir=options.folder) as base:
        root = Path(base) / "vault"
        parts.fill(root, options.archives)
        rebuild(Rebuild(root, lambda: NOW))
        log = root / "log" / "log.jsonl"
        for number in range(options.rounds):
            place = Path(base) / f"round-{number}"
            (place / "disk").mkdir(parents=True)
            works = {
                "copy": partial(copy, root, place / "disk"),
                "cp": partial(copy_by_hand, root, place / "by-hand"),
                "restore": partial(restore, place / "disk", place / "new"),
                "cp and rebuild": partial(restore_by_hand, place / "disk", place / "new-by-hand", log),
            }
            for name, work in works.items():
                times[name].append(parts.seconds(work))
            shutil.rmtree(place)
    best = {name: min(found) for name, found in times.items()}
    for name, peer in (("copy", "cp"), ("restore", "cp and rebuild")):
        print(f"{name:<8} {best[name]:.2f} s, {peer} {best[peer]:.2f} s: {best[name] / best[peer]:.2f} times")
    return 0


if __name__ == "__main__":
    sys.exit(main())
