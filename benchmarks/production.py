"""Productions of many records, as shares of the CPU of a script that a person would write, in one run.

    python benchmarks/production.py [ARCHIVES] [RECORDS] [FOLDER] [FORMAT]...

Makes so many archives of so many messages each (20 and 5,000 by default) in a new vault. Each shares 100 records with
the next, and all are produced in each format. The peer decrypts the same archives with `age` and `zstd`, reads lines
with Python, and writes each with its SHA-256 to another file. Prints wall clock, CPU and peak memory of each process;
the folder is removed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from kit.sealed_vault import DAY, House
from search import SHAPE, make_records
from strongroom.config.load import load_config
from strongroom.engine.core.identities import unlock
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.model.provider import Container
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive

OVERLAP = 100  # records that two neighbors share
FORMATS = ("jsonl", "csv", "dat", "rsmf")
PEER = """
import hashlib, json, sys
with open(sys.argv[1], "w") as out:
    for line in sys.stdin.buffer:
        record = json.loads(line)
        out.write(json.dumps({"sha256": hashlib.sha256(line).hexdigest(), "record": record}) + "\\n")
"""


def run(command: list[str]) -> tuple[float, float, float]:
    """Run a command to its end; return wall clock and CPU in seconds, and its peak memory in MB."""
    began = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    _pid, status, used = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{command[0]} ended with status {status}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def fill(house: House, archives: int, count: int) -> list[str]:
    """Seal the archives; return their ids."""
    draw, made, last = random.Random(7), [], []
    words = ["".join(draw.choices("aeioulnrst", k=draw.randint(2, 9))) for _ in range(3_000)]
    for day in range(archives):
        start = DAY.start + timedelta(days=day)
        window = Window(start, start + timedelta(days=1))
        records = [*last, *make_records(draw, window, count, words)]
        last = records[-OVERLAP:]
        data = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records).encode()
        made.append(house.seal(data, (SHAPE,), Container.NDJSON, window, timedelta(days=1), alone=False).id)
    return made


def peer(house: House, folder: Path, ids: list[str]) -> list[str]:
    """Return the command of the peer, for which the keys of the archives are opened beforehand."""
    lines = []
    for name in ids:
        archive = get_archive(house.vault.catalogue, name)
        assert archive is not None
        key = folder / f"{name}.key"
        key.write_text(str(unlock(house.vault, archive, house.identities).identity))
        lines.append(f"age -d -i {key} {house.vault.payload_path(archive)} | zstd -dc")
    (folder / "peer.py").write_text(PEER)
    return ["bash", "-c", f"({'; '.join(lines)}) | {sys.executable} {folder}/peer.py {folder}/peer.jsonl"]


def main() -> None:
    archives, count = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (20, 5_000)
    folder = Path(tempfile.mkdtemp(dir=sys.argv[3] if len(sys.argv) > 3 else None))
    try:
        house = House(folder)
        ids, records = fill(house, archives, count), archives * count
        config = folder / "strongroom.toml"
        sign_log(house.vault, signer_of(load_config(config)), lambda: DAY.end)
        wall, cpu, _peak = run(peer(house, folder, ids))
        print(f"{records:,} records in {archives} archives")
        print(f"peer: {wall:.1f} s, {cpu:.1f} s CPU, {records / wall:,.0f} records/s")
        for kind in sys.argv[4:] or FORMATS:
            words = ["--from", "2000-01-01", "--format", kind, "--width", "9", "--output", str(folder / kind)]
            program = str(Path(sys.executable).with_name("strongroom"))
            ours = run([program, "--config", str(config), "production", *words])
            told = json.loads((folder / kind / "production.json").read_bytes())
            assert told["counts"]["records"] == records, told["counts"]
            shutil.rmtree(folder / kind)
            print(
                f"{kind}: {ours[0]:.1f} s, {ours[1]:.1f} s CPU, {ours[1] / cpu:.1f} times the peer's CPU,"
                f" {records / ours[0]:,.0f} records/s, peak {ours[2]:.0f} MB"
            )
        house.vault.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
