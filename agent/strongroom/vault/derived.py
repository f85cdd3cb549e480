"""The tables that anything is decided by, with their keys and the columns that follow from log and manifests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

WITH_MANIFESTS = "SELECT id, manifest FROM archives ORDER BY id"
TOMBSTONE_TEXTS = "SELECT archive, tombstone FROM tombstones ORDER BY archive"
ENTRY_COLUMNS = "SELECT seq, at, kind, job, archive, stream, line FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
COVERAGE = "SELECT stream, window_start, window_end, cover, archive, job, cause FROM coverage"
DROP_COVERAGE = "DELETE FROM coverage"
EDGES = "SELECT name, since, edge FROM streams WHERE since IS NOT NULL AND edge IS NOT NULL ORDER BY name"

# Totals that the catalogue keeps by its triggers, and the same counted from the rows; one that is 0 may be absent.
WRONG_TOTALS = """
SELECT 'archive_sums ' || holding AS total FROM (
    SELECT holding, count, size, sealed_size, records FROM archive_sums WHERE count <> 0 UNION ALL
    SELECT holding, count(*), sum(size), sum(sealed_size), sum(records) FROM archives GROUP BY holding
) GROUP BY holding, count, size, sealed_size, records HAVING count(*) <> 2
UNION SELECT 'coverage_sums ' || stream || ' ' || cover FROM (
    SELECT stream, cover, count FROM coverage_sums WHERE count <> 0 UNION ALL
    SELECT stream, cover, count(*) FROM coverage GROUP BY stream, cover
) GROUP BY stream, cover, count HAVING count(*) <> 2
UNION SELECT 'job_sums ' || state FROM (
    SELECT state, count FROM job_sums WHERE count <> 0 UNION ALL SELECT state, count(*) FROM jobs GROUP BY state
) GROUP BY state, count HAVING count(*) <> 2
ORDER BY total
"""

PLANNED = "SELECT DISTINCT job FROM entries WHERE kind = 'job.planned'"
HAS_ARCHIVE = "SELECT 1 AS found FROM archives WHERE id = ?"
BACKED = """
SELECT 1 AS found FROM archives WHERE id = ?1 AND job = ?2 AND stream = ?3 AND window_start <= ?4 AND window_end >= ?5
    AND ?6 = CASE WHEN records > 0 THEN 'proven' ELSE 'empty' END
UNION ALL
SELECT 1 AS found FROM tombstones WHERE archive = ?1 AND stream = ?3 AND window_start <= ?4 AND window_end >= ?5
    AND ?6 = 'destroyed'
"""

UNBACKED = """
SELECT stream, window_start, window_end FROM coverage AS c WHERE cover IN ('proven', 'empty', 'destroyed')
    AND NOT EXISTS (SELECT 1 FROM archives AS a WHERE a.id = c.archive AND a.holding = 'held'
        AND a.window_start <= c.window_start AND a.window_end >= c.window_end
        AND c.cover = CASE WHEN a.records > 0 THEN 'proven' ELSE 'empty' END)
    AND NOT EXISTS (SELECT 1 FROM tombstones AS t WHERE t.archive = c.archive AND c.cover = 'destroyed'
        AND t.window_start <= c.window_start AND t.window_end >= c.window_end)
ORDER BY stream, window_start
"""

Row = Mapping[str, Any]


class Table(Struct, frozen=True):
    """One table: what names a row, and which columns must be those that log and manifests give."""

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    complete: bool = True  # False: a row may be absent here, such as a plan that is over

    @property
    def query(self) -> str:
        """Select what is compared."""
        return f"SELECT {', '.join((*self.key, *self.columns))} FROM {self.name}"


_JOB = ("stream", "source", "window_start", "window_end", "datasets", "state", "created_at", "purpose", "retention")
_ARCHIVE = ("holding", "stream", "source", "window_start", "window_end", "job", "size", "sealed_size", "records")
_HOLD = ("source", "stream", "dataset", "range_start", "range_end", "archives", "placed_at", "released_at")
TABLES = (
    Table("jobs", ("id",), (*_JOB, "ref", "parent", "generation", "archive"), complete=False),
    Table(
        "archives",
        ("id",),
        (*_ARCHIVE, "findings", "retention", "durable_at", "verified_at", "manifest", "key_sha256"),
    ),
    Table("coverage", ("stream", "window_start", "window_end"), ("cover", "archive", "job", "cause")),
    Table("retained", ("archive",), ("rule", "until", "earliest", "latest")),
    Table("classes", ("name",), ("rule", "since")),
    Table("stream_classes", ("stream", "class"), ()),
    Table("holds", ("id",), _HOLD),
    Table(
        "proposals",
        ("id",),
        ("at", "uid", "login", "sudo", "ground", "people", "cooling_off", "plan_sha256", "erasure", "overrides"),
        complete=False,
    ),
    Table("approvals", ("proposal", "uid", "at"), ("login", "sudo", "plan_sha256", "note", "signer"), complete=False),
    Table("condemned", ("proposal", "archive"), ("rule", "citation"), complete=False),
    Table("tombstones", ("archive",), ("stream", "window_start", "window_end", "destroyed_at", "certificate_sha256")),
    Table(
        "erasures",
        ("id",),
        ("at", "state", "ground", "subject_hash", "archives", "overrides", "answered_at"),
        complete=False,
    ),
    Table("recipients", ("key",), ("since", "proven_at", "retired_at"), complete=False),
    Table("resealed", ("archive",), ("recipients", "at")),
    Table("drills", ("recipient", "at"), ("archive", "passed")),
)
NOT_DERIVED: Mapping[str, str] = {
    "archive_sums": "compared with the rows they count",
    "asks": "the memory of a quota: the provider itself refuses what is too much",
    "checkpoints": "compared with the files and the log's lines about them",
    "copies": "how far each copy has come: the copy itself shows it, and a lower number only copies again",
    "copy_findings": "the next reading of the copy finds again what is wrong",
    "coverage_sums": "as `archive_sums`",
    "deletions": "what is still to be deleted at the provider; an archive's own proof decides whether it may",
    "entries": "each column is compared with its line",
    "job_sums": "as `archive_sums`",
    "key_swaps": "a rotation under way: the digests of the key files decide",
    "notices": "alerts: they decide nothing",
    "progress": "live progress of transfers",
    "requests": "what people asked for: each is checked when it is carried out",
    "scrub_findings": "the next scrub finds again what is wrong",
    "scrubs": "how far a scrub is: the next lap reads everything again",
    "seen_exports": "what a provider's list showed: it is read again",
    "sendings": "how targets stand: what they hold is compared when the next checkpoint is sent",
    "sources": "pauses and caches",
    "streams": "`since` and `edge` are compared with the coverage they summarize",
    "vault": "facts of the program itself",
}
"""Tables that are not compared row by row, and why."""
