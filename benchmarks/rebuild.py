"""How fast the catalogue is made again and a vault is scrubbed, in archives a second, beside the least to be read.

    python benchmarks/rebuild.py [--archives 5000] [--rounds 3] [--folder PATH]

The vault is written by hand: manifests, key files, small payloads, and a log with seven lines for each export. Rebuild
is compared with reading and hashing (SHA-256) the same manifests, the scrub with reading and hashing every sealed file;
both of these past the page cache, as the scrub does. The best of the rounds counts.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec.structs import replace

from strongroom.engine.queries.initialize import README
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.engine.repair.scrub import Scrub
from strongroom.evidence.line import GENESIS, Entry, digest, format_line
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.inspection import Expectation, Inspection, MemberReport
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.retention import RetentionRule
from strongroom.model.scrub import ScrubPace
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import create_vault, open_vault

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAYLOAD = os.urandom(4000)
STEPS = (
    ("intended", "planned", "uncertain"),
    ("accepted", "uncertain", "waiting"),
    ("completed", "waiting", "ready"),
    ("opened", "ready", "fetching"),
    ("durable", "fetching", "sealed"),
)


def fill(root: Path, count: int, rule: RetentionRule | None = None) -> None:
    """Write a vault of so many archives, one an hour, without its catalogue's help."""
    vault = create_vault(root, README)
    prev, lines = GENESIS, []
    for number in range(count):
        archive, key = replace(describe(number), rule=rule), os.urandom(400)
        data = write_manifest(archive)
        places = ((vault.layout.key, key), (vault.layout.archive, PAYLOAD), (vault.layout.manifest, data))
        for place, content in places:
            path = place(archive.id)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        for entry in entries(archive, hashlib.sha256(data).hexdigest(), hashlib.sha256(key).hexdigest()):
            lines.append(format_line(entry, len(lines) + 1, prev))
            prev = digest(lines[-1])
    vault.layout.log.write_bytes(b"\n".join(lines) + b"\n")
    vault.close()
    vault.layout.catalogue.unlink()
    os.sync()


def entries(archive: Archive, manifest: str, key: str) -> Iterable[Entry]:
    window = [format_instant(archive.spec.window.start), format_instant(archive.spec.window.end)]
    planned = {"window": [*window], "datasets": ["messages"], "purpose": "coverage", "source": "zavu"}
    yield Entry("job.planned", AT, archive.job, stream="chats", facts=planned)
    for word, before, after in STEPS:
        name = archive.id if word == "opened" else ""
        yield Entry(f"job.{word}", AT, archive.job, name, "chats", {"from": before, "to": after, "ref": archive.ref})
    facts = {"from": "sealed", "to": "archived", "holding": "held", "records": archive.inspection.records}
    digests = {"manifest_sha256": manifest, "key_sha256": key, "sealed_sha256": archive.seal.sealed_sha256}
    yield Entry("job.proven", AT, archive.job, archive.id, "chats", {**facts, **digests})


def describe(number: int) -> Archive:
    window = Window(AT - timedelta(hours=number + 1), AT - timedelta(hours=number))
    return Archive(
        id=make_id(AT + timedelta(seconds=number), os.urandom),
        holding=Holding.HELD,
        stream="chats",
        source="zavu",
        provider="zavu",
        spec=ExportSpec(("messages",), window),
        job=make_id(AT + timedelta(seconds=number), os.urandom),
        ref=f"exp_{number}",
        seal=Seal(3000, len(PAYLOAD), hashlib.sha256(PAYLOAD).hexdigest(), "cd" * 32, "export.zip"),
        expectation=Expectation(window, (DatasetShape("messages", "messages.json", "id", "createdAt"),)),
        inspection=Inspection((MemberReport("messages.json", "messages", 2900, 7, 7, 0, window.start, window.start),)),
        recipients=("age1one", "age1two"),
        retention="standard",
        container="zip-of-json",
        durable_at=AT,
        verified_at=AT,
    )


def read_all(paths: list[Path]) -> None:
    """Read and hash files from the disk."""
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        hashlib.sha256(os.read(fd, 1 << 20))
        os.close(fd)


def scrub(root: Path) -> None:
    vault = open_vault(root)
    walk = Scrub(vault, lambda: AT, ScrubPace())
    lap = walk.begin()
    while walk.run(1 << 26, begin=False):
        pass
    walk.finish()
    row = vault.catalogue.read("SELECT archives FROM scrubs")[0]
    if not lap.total or vault.catalogue.read("SELECT archive FROM scrub_findings"):
        raise SystemExit("the scrub found something in a sound vault")
    print(f"  (one lap of {row['archives']:,} archives)")
    with vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM scrubs")
    vault.close()


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; by default that for temporary files")
    options = parser.parse_args()
    count = options.archives
    times: dict[str, list[float]] = {"rebuild": [], "manifests": [], "scrub": [], "files": []}
    with tempfile.TemporaryDirectory(dir=options.folder) as base:
        root = Path(base) / "vault"
        fill(root, count)
        manifests = sorted(root.glob("manifests/*/*.json"))
        files = [*manifests, *root.glob("keys/*/*.age"), *root.glob("archives/*/*.age")]
        for number in range(options.rounds):
            to = None if number == 0 else Path(base) / f"{number}.sqlite"
            order = Rebuild(root, lambda: AT, to=to)
            times["rebuild"].append(seconds(lambda order=order: rebuild(order)))
            times["manifests"].append(seconds(lambda: read_all(manifests)))
        for _ in range(options.rounds):
            times["scrub"].append(seconds(lambda: scrub(root)))
            times["files"].append(seconds(lambda: read_all(files)))
    rates = {name: count / min(each) for name, each in times.items()}
    print(f"{count:,} archives, {7 * count:,} log lines, best of {options.rounds} rounds")
    print(f"rebuild                             {rates['rebuild']:>10,.0f} archives/s")
    print(f"reading and hashing the manifests   {rates['manifests']:>10,.0f} archives/s")
    print(f"time of rebuild / that              {rates['manifests'] / rates['rebuild']:>10.1f}")
    print(f"scrub, 4 kB payloads                {rates['scrub']:>10,.0f} archives/s")
    print(f"reading and hashing every file      {rates['files']:>10,.0f} archives/s")
    print(f"time of scrub / that                {rates['files'] / rates['scrub']:>10.1f}")
    print(f"100,000 archives would take         {100_000 / rates['rebuild'] / 60:>10.1f} min to rebuild")
    return 0


if __name__ == "__main__":
    sys.exit(main())
