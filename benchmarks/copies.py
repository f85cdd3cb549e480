"""How fast a vault is copied and restored: a folder beside `cp` with `sha256sum`, a bucket beside `rclone`.

    python benchmarks/copies.py [--archives 1000] [--payload 4000] [--rounds 3] [--folder PATH] [--rclone PATH]

Both of a pair run right after one another, and the median of the pairs' ratios counts: a busy machine slows down both.
`cp -r` is followed by `sync -f`, because a copy counts only once it is on the disk, and by `sha256sum` of every file on
both sides, past the page cache. Restoring is compared with the same plus a rebuild of the catalogue.

The bucket is at MiniStack on this machine, for both. `rclone copy --checksum` reads nothing back, and Strongroom reads
back every object; so there is a second ratio, to `rclone copy` with `rclone check --download`. Without rclone the
bucket is left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.buckets import ACCESS, SECRET, BucketServer, serving_buckets
from kit.copies import CopiedHouse, make_copied_house
from strongroom.config.copies import CopySettings
from strongroom.engine.copies.copying import CopyContext, update_copy
from strongroom.engine.copies.targets import open_target, stores_of
from strongroom.engine.repair.copy_restore import CopyRestore, restore_vault
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.vault.vault import open_vault

RCLONE = {"RCLONE_CONFIG": os.devnull, "RCLONE_CONFIG_B_TYPE": "s3", "RCLONE_CONFIG_B_PROVIDER": "Other"}
LEFT_OUT = ("--exclude", "catalogue*", "--exclude", "tmp/**", "--exclude", "lock")


@dataclass
class Bench:
    """A vault, and where it is copied to."""

    base: Path
    copied: CopiedHouse
    server: BucketServer | None = None
    rclone: str = ""
    ratios: dict[str, list[float]] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.copied.house.vault.layout.root

    def pair(self, name: str, ours: Callable[[], object], peers: dict[str, Callable[[], object]]) -> None:
        """Measure ours, then the peers, and the ratio to the first of them, to the first two, and so on."""
        mine, theirs = seconds(ours), 0.0
        for peer, work in peers.items():
            theirs += seconds(work)
            print(f"  {name:<22} {mine:6.2f} s, {peer} {theirs:6.2f} s: {mine / theirs:.2f} times", flush=True)
            self.ratios.setdefault(f"{name} / {peer}", []).append(mine / theirs)

    def copy(self, settings: CopySettings) -> None:
        drop_cached(self.root)
        vault = open_vault(self.root)
        done = update_copy(CopyContext(vault, lambda: self.copied.now), open_target(settings, vault))
        vault.close()
        if done.problems or not done.complete:
            raise SystemExit("the copy is not whole")

    def restore(self, settings: CopySettings, to: Path) -> None:
        ((_identity, store),) = stores_of(settings)
        if settings.path:
            drop_cached(settings.path)
        done = restore_vault(CopyRestore(store, to, lambda: self.copied.now))
        if done.faults:
            raise SystemExit(f"the restored vault is not whole: {done.faults[:3]}")

    def rebuild(self, to: Path) -> None:
        for name in ("catalogue.sqlite", "catalogue.sqlite-wal", "catalogue.sqlite-shm"):
            (to / name).unlink(missing_ok=True)
        rebuild(Rebuild(to, lambda: self.copied.now))

    def run_rclone(self, *words: str | Path) -> None:
        assert self.server
        address = f"http://127.0.0.1:{self.server.port}"
        keys = {"RCLONE_CONFIG_B_ACCESS_KEY_ID": "any", "RCLONE_CONFIG_B_SECRET_ACCESS_KEY": "any"}
        env = {**os.environ, **RCLONE, **keys, "RCLONE_CONFIG_B_ENDPOINT": address}
        env.pop("AWS_CA_BUNDLE", None)  # it refuses to start with one
        subprocess.run([self.rclone, *words, *LEFT_OUT], env=env, check=True, capture_output=True)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


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


def in_folder(bench: Bench, place: Path) -> None:
    disk = place / "disk"
    disk.mkdir(parents=True)
    settings, by_hand, back = CopySettings(place.name, disk), place / "by-hand", place / "new-by-hand"
    bench.pair(
        "copy to a folder", partial(bench.copy, settings), {"cp, sha256sum": partial(copy_by_hand, bench.root, by_hand)}
    )

    def restore_by_hand() -> None:
        copy_by_hand(by_hand, back)
        bench.rebuild(back)

    ours = partial(bench.restore, settings, place / "new")
    bench.pair("restore from a folder", ours, {"cp, sha256sum, rebuild": restore_by_hand})


def in_bucket(bench: Bench, place: Path) -> None:
    assert bench.server
    settings, there = bench.server.copy(bench.server.make_bucket(), f"{place.name}-bucket"), bench.server.make_bucket()
    back = place / "rclone"
    peers: dict[str, Callable[[], object]] = {
        "rclone copy": partial(bench.run_rclone, "copy", "--checksum", bench.root, f"B:{there}"),
        "rclone copy, check": partial(bench.run_rclone, "check", "--download", bench.root, f"B:{there}"),
    }
    bench.pair("copy to a bucket", partial(bench.copy, settings), peers)

    def restore_by_hand() -> None:
        bench.run_rclone("copy", "--checksum", f"B:{there}", back)
        bench.rebuild(back)

    ours = partial(bench.restore, settings, place / "from-bucket")
    bench.pair("restore from a bucket", ours, {"rclone copy, rebuild": restore_by_hand})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=int, default=1000)
    parser.add_argument("--payload", type=int, default=4000, help="bytes of each payload")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; by default that for temporary files")
    parser.add_argument("--rclone", default=shutil.which("rclone") or "", help="the program; by default that in PATH")
    options = parser.parse_args()
    os.environ.update({ACCESS: "any", SECRET: "any"})
    with tempfile.TemporaryDirectory(dir=options.folder) as base, ExitStack() as stack:
        bench = Bench(Path(base), make_copied_house(Path(base)), rclone=options.rclone)
        bench.copied.house.payload = options.payload
        bench.copied.house.add(options.archives)
        bench.copied.house.vault.close()
        if bench.rclone:
            bench.server = stack.enter_context(serving_buckets())
        else:
            print("rclone was not found: the bucket is left out")
        for number in range(options.rounds):
            place = Path(base) / f"round-{number}"
            in_folder(bench, place)
            if bench.server:
                in_bucket(bench, place)
            shutil.rmtree(place)
    print(f"{options.archives:,} archives of {options.payload:,} bytes, {options.rounds} pairs")
    for name, found in bench.ratios.items():
        print(f"{name:<48} {statistics.median(found):.2f} times ({min(found):.2f} to {max(found):.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
