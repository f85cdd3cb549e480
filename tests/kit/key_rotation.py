"""A vault of small archives, each a real sealed pair, with the identities that open it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.age.identity_file import ArchiveKey, parse_archive_key, write_archive_key
from strongroom.age.keys import X25519Identity, X25519Recipient
from strongroom.age.stanza import NoMatch
from strongroom.age.writer import open_bytes, seal_bytes
from strongroom.engine.access.key_files import Rotated, Rotation, rotate
from strongroom.engine.access.recipients import note_recipients
from strongroom.evidence.line import Entry, read_chain
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.inspection import Expectation, Inspection, MemberReport
from strongroom.model.job import Job, State
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.window import Window
from strongroom.vault.archives import put_archive
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import Vault, create_vault, open_vault

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def identity() -> X25519Identity:
    return X25519Identity.generate(os.urandom)


def keys_of(identities: Sequence[X25519Identity]) -> list[str]:
    return [str(each.recipient) for each in identities]


@dataclass
class Strongbox:
    """A vault and who opens it."""

    vault: Vault
    working: X25519Identity
    paper: X25519Identity
    now: datetime = NOW
    made: list[Archive] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    @property
    def recipients(self) -> list[str]:
        return keys_of([self.working, self.paper])

    def put(self, recipients: Sequence[str] | None = None) -> Archive:
        """Archive a few bytes for the next day."""
        keys = list(recipients or self.recipients)
        archive, key, payload = self._seal(len(self.made), keys)
        layout = self.vault.layout
        for path, data in (
            (layout.temporary(archive.id, ".key.age"), key),
            (layout.temporary(archive.id, ".age"), payload),
        ):
            path.write_bytes(data)
            path.chmod(0o600)
        self.vault.publish_archive(archive)
        facts = {
            "manifest_sha256": hashlib.sha256(write_manifest(archive)).hexdigest(),
            "sealed_sha256": archive.seal.sealed_sha256,
            "key_sha256": hashlib.sha256(key).hexdigest(),
        }
        spec = archive.spec
        with self.vault.catalogue.transaction():
            put_job(self.vault.catalogue, Job(archive.job, "chats", "zavu", spec, State.ARCHIVED, NOW, NOW, NOW))
            put_archive(self.vault.catalogue, archive, hashlib.sha256(key).hexdigest())
            add_entry(self.vault.catalogue, Entry("job.proven", NOW, archive.job, archive.id, "chats", facts=facts))
        self.vault.write_log()
        self.made.append(archive)
        return archive

    def rotate(self, to: Sequence[X25519Identity], by: Sequence[X25519Identity] = (), **changes: object) -> Rotated:
        """Make these the recipients and seal every key file to them."""
        note_recipients(self.vault, keys_of(to), self.now, noticed="test")
        order = Rotation(
            self.vault,
            keys_of(to),
            list(by) or [self.working],
            self.clock,
            os.urandom,
            **changes,  # type: ignore[arg-type]
        )
        return rotate(order)

    def opens(self, archive: Archive, who: X25519Identity) -> bool:
        """Say whether an identity opens an archive's key, and that key the payload."""
        try:
            text = open_bytes(self.vault.key_path(archive).read_bytes(), [who])
        except NoMatch:
            return False
        key = parse_archive_key(text)
        assert key.archive_id == archive.id
        assert open_bytes(self.vault.payload_path(archive).read_bytes(), [key.identity])
        return True

    def kinds(self) -> list[str]:
        """Return the kinds of the log's lines, from its file, after checking the chain."""
        return [str(body["kind"]) for body in read_chain(self.vault.layout.log.read_bytes().splitlines())]

    def bodies(self, kind: str) -> list[dict[str, object]]:
        lines = self.vault.layout.log.read_bytes().splitlines()
        return [body for body in map(json.loads, lines) if body["kind"] == kind]

    def leftovers(self) -> list[Path]:
        """Return what a rotation should not leave behind."""
        return [*(self.vault.layout.root / "keys").glob("*.new"), *self.vault.layout.tmp.iterdir()]

    def _seal(self, number: int, recipients: list[str]) -> tuple[Archive, bytes, bytes]:
        name, inner = make_id(NOW + timedelta(seconds=number), os.urandom), identity()
        text = write_archive_key(ArchiveKey(name, os.urandom(32), inner))
        key = seal_bytes(text, [X25519Recipient.parse(each) for each in recipients], os.urandom)
        payload = seal_bytes(f"records of day {number}".encode(), [inner.recipient], os.urandom)
        window = Window(NOW - (1000 - number) * DAY, NOW - (999 - number) * DAY)
        report = MemberReport("messages.json", "messages", 10, 3, 3, 0, window.start, window.end)
        archive = Archive(
            id=name,
            holding=Holding.HELD,
            stream="chats",
            source="zavu",
            provider="zavu",
            spec=ExportSpec(("messages",), window),
            job=make_id(NOW + timedelta(seconds=number), os.urandom),
            ref="",
            seal=Seal(20, len(payload), hashlib.sha256(payload).hexdigest(), "cd" * 32, "export.zip"),
            expectation=Expectation(window, (DatasetShape("messages", "messages.json", "id", "createdAt"),)),
            inspection=Inspection((report,), ()),
            recipients=tuple(recipients),
            retention="standard",
            container="zip-of-json",
            durable_at=NOW,
            verified_at=NOW,
        )
        return archive, key, payload


@contextmanager
def open_strongbox(base: Path, count: int = 0) -> Iterator[Strongbox]:
    """Make a vault with so many archives."""
    vault = create_vault(base / "vault", "how to open it\n")
    box = Strongbox(vault, identity(), identity())
    with vault.catalogue.transaction():
        add_entry(vault.catalogue, Entry("vault.created", NOW - DAY, facts={"recipients": [*box.recipients]}))
    try:
        for _ in range(count):
            box.put()
        vault.write_log()
        yield box
    finally:
        vault.close()


def reopen(box: Strongbox) -> Strongbox:
    """Return the same vault as another process sees it."""
    return Strongbox(open_vault(box.vault.layout.root), box.working, box.paper, box.now, box.made)
