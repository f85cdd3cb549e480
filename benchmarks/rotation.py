"""How fast key files are sealed to other recipients, in archives a second, beside copying as many files with a flush.

    python benchmarks/rotation.py [--archives 2000] [--rounds 3] [--folder PATH]

Every round rotates the vault to another set and copies the same key files, each flushed with its own fsync, in the same
folder; the best of the rounds counts. Opening, sealing, two flushes, reading back, catalogue and log are all in it. The
payloads are not: rotation never reads them, so what is measured is the same for archives of any size.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.age.identity_file import ArchiveKey, write_archive_key
from strongroom.age.keys import X25519Identity
from strongroom.age.writer import seal_bytes
from strongroom.engine.access.key_files import Rotation, rotate
from strongroom.evidence.line import Entry
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.inspection import Expectation, Inspection
from strongroom.model.job import Job, State
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.window import Window
from strongroom.vault.archives import put_archive
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault, create_vault

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
MANY = 100_000
Identities = list[X25519Identity]


def fill(vault: Vault, count: int, identities: Identities) -> None:
    """Enter archives that have key files and no payloads."""
    recipients = [identity.recipient for identity in identities]
    with vault.catalogue.transaction():
        for number in range(count):
            name, inner = make_id(AT + timedelta(seconds=number), os.urandom), X25519Identity.generate(os.urandom)
            sealed = seal_bytes(write_archive_key(ArchiveKey(name, os.urandom(32), inner)), recipients, os.urandom)
            path = vault.layout.key(name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(sealed)
            archive, digest = describe(name, number, tuple(map(str, recipients))), hashlib.sha256(sealed).hexdigest()
            put_job(vault.catalogue, Job(archive.job, "chats", "zavu", archive.spec, State.ARCHIVED, AT, AT, AT))
            put_archive(vault.catalogue, archive, digest)
            facts = {"key_sha256": digest, "sealed_sha256": archive.seal.sealed_sha256}
            add_entry(vault.catalogue, Entry("job.proven", AT, archive.job, name, "chats", facts=facts))
    vault.write_log()
    os.sync()


def describe(name: str, number: int, recipients: tuple[str, ...]) -> Archive:
    window = Window(AT - timedelta(hours=number + 1), AT - timedelta(hours=number))
    return Archive(
        id=name,
        holding=Holding.HELD,
        stream="chats",
        source="zavu",
        provider="zavu",
        spec=ExportSpec(("messages",), window),
        job=make_id(AT + timedelta(seconds=number), os.urandom),
        ref="",
        seal=Seal(20, 220, "ab" * 32, "cd" * 32, "export.zip"),
        expectation=Expectation(window, (DatasetShape("messages", "messages.json", "id", "createdAt"),)),
        inspection=Inspection((), ()),
        recipients=recipients,
        retention="standard",
        container="zip-of-json",
        durable_at=AT,
        verified_at=AT,
    )


def copy_all(vault: Vault, target: Path) -> float:
    """Copy every key file, each with a flush of its own; return the seconds."""
    sources = sorted((vault.layout.root / "keys").rglob("*.key.age"))
    target.mkdir()
    began = time.perf_counter()
    for source in sources:
        fd = os.open(target / source.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, source.read_bytes())
        os.fsync(fd)
        os.close(fd)
    seconds = time.perf_counter() - began
    shutil.rmtree(target)
    return seconds


def turn(vault: Vault, by: Identities, to: Identities, count: int) -> float:
    began = time.perf_counter()
    done = rotate(Rotation(vault, [str(each.recipient) for each in to], by, lambda: AT, os.urandom))
    seconds = time.perf_counter() - began
    if (done.resealed, done.refused) != (count, []):
        raise SystemExit(f"expected {count} archives to be sealed anew, got {done}")
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archives", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; by default that for temporary files")
    options = parser.parse_args()
    working, paper, third = (X25519Identity.generate(os.urandom) for _ in range(3))
    sets = [[working, paper], [working, third]]
    with tempfile.TemporaryDirectory(dir=options.folder) as base:
        vault = create_vault(Path(base) / "vault", "a benchmark\n")
        fill(vault, options.archives, sets[0])
        rotated, copied = [], []
        for number in range(options.rounds):
            rotated.append(turn(vault, [working], sets[(number + 1) % 2], options.archives))
            copied.append(copy_all(vault, Path(base) / "copies"))
        vault.close()
    rates = [options.archives / min(each) for each in (rotated, copied)]
    print(f"{options.archives} archives, 2 recipients, best of {options.rounds} rounds")
    print(f"rotation                         {rates[0]:>10,.0f} archives/s")
    print(f"copying as many, fsync each      {rates[1]:>10,.0f} files/s")
    print(f"rotation / copying               {rates[0] / rates[1]:>10.2f}")
    print(f"{MANY:,} archives would take      {MANY / rates[0] / 60:>8.1f} min")
    return 0


if __name__ == "__main__":
    sys.exit(main())
