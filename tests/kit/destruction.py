"""A vault with real archives, people, and a desk whose time and verdicts a test holds in the hand."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from strongroom.age.identity_file import ArchiveKey, write_archive_key
from strongroom.age.keys import X25519Identity
from strongroom.age.writer import seal_bytes
from strongroom.engine.destruction.approve import Approved, approve
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.propose import DestructionPlan, propose, read_plan
from strongroom.engine.retention.rules import Fate
from strongroom.engine.retention.verdicts import Judgement
from strongroom.evidence.line import Entry, Fact, read_chain
from strongroom.evidence.note import Signer
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.coverage import Cover, Interval
from strongroom.model.destruction import Person
from strongroom.model.errors import WorldError
from strongroom.model.inspection import Expectation, Finding, Inspection, MemberReport, Severity
from strongroom.model.job import Job, State
from strongroom.model.names import make_id
from strongroom.model.plan import DatasetShape, ExportSpec
from strongroom.model.retention import Period, RetentionRule
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive, put_archive
from strongroom.vault.coverage import put_interval
from strongroom.vault.jobs import put_job
from strongroom.vault.log import add_entry
from strongroom.vault.manifest import write_manifest
from strongroom.vault.vault import Vault, create_vault

ALICE, BOB, CAROL = Person(1000, "alice"), Person(1001, "bob"), Person(1002, "carol")
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
SIGNER = Signer("vault", bytes(range(32)))
DUE = Judgement(Fate.DUE, "standard: 7y from the end of the window", "company policy", "its time is over")
HELD = Judgement(Fate.HELD, DUE.rule, DUE.citation, "held for the matter acme")
KEEP = Judgement(Fate.KEEP, DUE.rule, DUE.citation, "its time is not over")
LOCKED = replace(KEEP, locked=True)


@dataclass
class House:
    """One vault and everything that a test may turn."""

    vault: Vault
    master: X25519Identity
    now: datetime = START + timedelta(days=4000)
    verdicts: dict[str, Judgement] = field(default_factory=dict)  # DUE where nothing else is said
    trusted: bool = True
    marks: list[str] = field(default_factory=list)
    signer: Signer | None = SIGNER
    payload: int = 3000  # bytes of each

    def context(self, **changes: Any) -> DestructionContext:
        """Return a desk on this vault; two people and a week by default."""
        settled = {
            "judge": lambda _vault, archive, _at: self.verdicts.get(archive.id, DUE),
            "require_time": self._require_time,
            "signer": lambda: self.signer,
            "crash_point": self.marks.append,
        }
        return DestructionContext(self.vault, lambda: self.now, os.urandom, **{**settled, **changes})

    def _require_time(self) -> None:
        if not self.trusted:
            raise WorldError("the clock cannot be trusted")

    def add(self, count: int = 1, *, holding: Holding = Holding.HELD, stream: str = "zavu-messages") -> list[Archive]:
        """Publish real sealed archives, entered and logged as an export is."""
        return [self._publish(holding, stream) for _ in range(count)]

    def _publish(self, holding: Holding, stream: str) -> Archive:
        number = len(self.vault.catalogue.read("SELECT id FROM jobs"))
        window = Window(START + number * DAY, START + (number + 1) * DAY)
        archive_id, job_id = make_id(window.end, os.urandom), make_id(window.start, os.urandom)
        sealed = self._seal(archive_id)
        archive = archive_of(archive_id, job_id, holding, stream, window, sealed)
        self.vault.publish_archive(archive)
        enter_archive(self.vault, archive)
        return archive

    def _seal(self, archive_id: str) -> bytes:
        layout, identity = self.vault.layout, X25519Identity.generate(os.urandom)
        text = write_archive_key(ArchiveKey(archive_id, os.urandom(32), identity))
        key = seal_bytes(text, [self.master.recipient], os.urandom)
        payload = seal_bytes(os.urandom(self.payload), [identity.recipient], os.urandom)
        layout.temporary(archive_id, ".key.age").write_bytes(key)
        layout.temporary(archive_id, ".age").write_bytes(payload)
        return payload

    def plan(self, *archives: Archive, by: Person = ALICE) -> DestructionPlan:
        """Propose archives."""
        return propose(self.context(), archives, by, "their time is over")

    def plan_now(self, plan: DestructionPlan) -> DestructionPlan:
        """Return a plan as it now stands."""
        return read_plan(self.context(), plan.proposal.id)

    def agree(self, plan: DestructionPlan, by: Person = BOB, **changes: Any) -> Approved:
        """Approve a plan as it now stands."""
        return approve(self.context(**changes), plan.proposal.id, by, self.plan_now(plan).digest)

    def approve_and_cool(self, *archives: Archive) -> DestructionPlan:
        """Propose, approve and let the week pass."""
        plan = self.plan(*archives)
        self.agree(plan)
        self.now += WEEK
        return plan

    def kinds(self) -> list[str]:
        """Return what the log file tells, in order."""
        return [body["kind"] for body in self.log()]

    def log(self) -> list[dict[str, Any]]:
        """Return the bodies of the log file, whose chain is checked."""
        path = self.vault.layout.log
        return [dict(body) for body in read_chain(path.read_bytes().splitlines())] if path.exists() else []

    def is_whole(self, archive: Archive) -> bool:
        """Say whether an archive is held and its key file is there."""
        held = get_archive(self.vault.catalogue, archive.id) is not None
        return held and self.vault.key_path(archive).exists() and self.vault.payload_path(archive).exists()

    def find(self, *needles: bytes) -> list[str]:
        """Return every file of the vault that holds one of these bytes anywhere."""
        files = [path for path in self.vault.layout.root.rglob("*") if path.is_file()]
        return [path.name for path in files if any(needle in path.read_bytes() for needle in needles)]


def archive_of(archive_id: str, job_id: str, holding: Holding, stream: str, window: Window, sealed: bytes) -> Archive:
    """Return an archive as an inspection would have described it."""
    report = MemberReport("m.json", "messages", 120, 3, 3, 0, window.start, window.start, ("secretfield",), ())
    return Archive(
        id=archive_id,
        holding=holding,
        stream=stream,
        source="zavu",
        provider="zavu",
        spec=ExportSpec(("messages",), window),
        job=job_id,
        ref="exp_1",
        seal=Seal(3000, len(sealed), hashlib.sha256(sealed).hexdigest(), os.urandom(32).hex(), "export-of-mallory.zip"),
        expectation=Expectation(window, (DatasetShape("messages", "m.json", "id", "createdAt"),)),
        inspection=Inspection((report,), (Finding(Severity.NOTE, "field-unknown", "a field: secretfield", "m.json"),)),
        recipients=("age1example",),
        retention="standard",
        container="zip-of-json",
        rule=RetentionRule("standard", Period.parse("7y")),
        durable_at=window.end,
        verified_at=window.end,
    )


def enter_archive(vault: Vault, archive: Archive) -> None:
    """Enter a published archive with its job, its coverage and its line in the log."""
    job = Job(
        archive.job, archive.stream, archive.source, archive.spec, State.ARCHIVED, archive.durable_at,
        archive.durable_at, archive.durable_at, archive=archive.id, detail="a provider's words about mallory",
    )  # fmt: skip
    manifest = hashlib.sha256(write_manifest(archive)).hexdigest()
    facts: dict[str, Fact] = {
        "holding": archive.holding.value,
        "manifest_sha256": manifest,
        "key_sha256": vault.key_sha256(archive),
        "sealed_sha256": archive.seal.sealed_sha256,
        "records": archive.inspection.records,
        "to": "archived",
    }
    entry = Entry(
        "job.proven", archive.verified_at, archive.job, archive.id, archive.stream, facts, words="words about mallory"
    )
    with vault.catalogue.transaction():
        put_job(vault.catalogue, job)
        put_archive(vault.catalogue, archive, vault.key_sha256(archive))
        if archive.holding is Holding.HELD:
            put_interval(
                vault.catalogue, Interval(archive.stream, archive.spec.window, Cover.PROVEN, archive.id, archive.job)
            )
        add_entry(vault.catalogue, entry)
    vault.write_log()


def make_house(folder: Path) -> House:
    """Make an empty vault."""
    return House(create_vault(folder / "vault", "how to open it\n"), X25519Identity.generate(os.urandom))
