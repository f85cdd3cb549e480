"""What somebody with sqlite3 and the catalogue's file can do, by one statement each, to every table that decides."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from kit.attacks.scene import NOW, Scene
from strongroom.evidence.line import Entry, format_line

_FORGED = "(-1, '', 'archive.destroyed', '', '<a>', '', x'<line>', '')"
_STONE = (
    "INSERT INTO tombstones SELECT '<a>', stream, window_start, window_end, '2099-01-01T00:00:00.000000Z', '<digest>',"
    " replace(tombstone, '<dead>', '<a>') FROM tombstones"
)

SQL: dict[str, str] = {
    "a hold is deleted": "DELETE FROM holds",
    "a hold is released": "UPDATE holds SET released_at = placed_at",
    "a hold is on another time": "UPDATE holds SET range_start = '2010-01-01T00:00:00.000000Z'",
    "a hold is invented": (
        "INSERT INTO holds SELECT 'x' || substr(id, 2), matter, source, stream, dataset, range_start, range_end, '[]',"
        " placed_at, placed_by, reason, released_at, released_by, release_reason FROM holds"
    ),
    "a period is cut": "UPDATE retained SET until = '2020-01-01T00:00:00.000000Z'",
    "a rule cannot be read": "UPDATE retained SET rule = '{' WHERE archive = '<a>'",
    "a class is made shorter": "UPDATE classes SET rule = replace(rule, '7y', '1d')",
    "what a hold took off a plan is approved again": "UPDATE condemned SET stage = 'approved' WHERE archive = '<due>'",
    "an approval is invented": (
        "INSERT INTO approvals SELECT (SELECT proposal FROM condemned WHERE archive = '<planned>'), at, uid, name,"
        " login, sudo, (SELECT plan_sha256 FROM proposals WHERE id ="
        " (SELECT proposal FROM condemned WHERE archive = '<planned>')), note, signer, mapped"
        " FROM approvals LIMIT 1"
    ),
    "a plan stands as approved": "UPDATE condemned SET stage = 'approved' WHERE archive = '<planned>'",
    "a plan takes one person": "UPDATE proposals SET people = 1",
    "an archive is put on another's plan": (
        "INSERT INTO condemned SELECT '<a>', proposal, 'approved', changed_at, rule, citation, reason FROM condemned"
        " WHERE archive = '<due>'"
    ),
    "a manifest's row is another text": (
        "UPDATE archives SET manifest = replace(manifest, '\"7y\"', '\"1d\"') WHERE id = '<a>'"
    ),
    "a manifest's row cannot be read": "UPDATE archives SET manifest = '{}' WHERE id = '<a>'",
    "a manifest's row is another archive's": (
        "UPDATE archives SET manifest = (SELECT manifest FROM archives WHERE id = '<b>') WHERE id = '<a>'"
    ),
    "an archive is of another stream": "UPDATE archives SET stream = 'another' WHERE id = '<b>'",
    "an archive's key digest is changed": "UPDATE archives SET key_sha256 = 'x' WHERE id = '<a>'",
    "an archive's row is deleted": "DELETE FROM archives WHERE id = '<a>'",
    "a tombstone is invented": _STONE.replace("<digest>", "ff"),
    "a destruction is said to have begun": _STONE.replace("<digest>", ""),
    "a tombstone's row is deleted": "DELETE FROM tombstones",
    "a destruction of before the first entry": f"INSERT INTO entries VALUES {_FORGED}",
    "a destruction after the last entry": f"INSERT INTO entries VALUES {_FORGED.replace('-1', '9000')}",
    "an entry is entered twice": (
        "INSERT INTO entries SELECT (SELECT max(seq) + 1 FROM entries), at, kind, job, archive, stream, line, words"
        " FROM entries WHERE kind = 'archive.destroyed'"
    ),
    "an entry is of another kind": "UPDATE entries SET kind = 'archive.destroyed' WHERE archive = '<a>'",
    "an entry's line is changed": (
        "UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), '<due>', '<a>') AS BLOB) WHERE kind = 'hold.placed'"
    ),
    "an entry's line lacks its fields": "UPDATE entries SET line = CAST('{}' AS BLOB) WHERE kind = 'hold.placed'",
    "an entry is deleted": "DELETE FROM entries WHERE kind = 'hold.placed'",
    "the newest entry is deleted": "DELETE FROM entries WHERE seq = (SELECT max(seq) FROM entries)",
    "all entries are deleted": "DELETE FROM entries",
    "a checkpoint's row is deleted": "DELETE FROM checkpoints",
    "a checkpoint's row is another text": "UPDATE checkpoints SET note = 'x'",
    "a gap is covered": "UPDATE coverage SET cover = 'empty', archive = ''",
    "a total is changed": "UPDATE archive_sums SET records = records + 1",
    "a total is deleted": "DELETE FROM job_sums",
    "what is archived is said to be destroyed": ("UPDATE coverage SET cover = 'destroyed' WHERE archive = '<a>'"),
    "a job is said to be done": "UPDATE jobs SET state = 'cancelled'",
    "a recipient is added": (
        "INSERT INTO recipients SELECT 'age1x', label, since, proven_at, NULL, '' FROM recipients LIMIT 1"
    ),
    "a key is said to be sealed to another": (
        "INSERT INTO resealed VALUES ('<a>', '[\"age1x\"]', '2026-01-01T00:00:00.000000Z')"
    ),
    "the vault's time is 2034": "UPDATE vault SET value = '2034-01-01T00:00:00.000000Z' WHERE name = 'time'",
    "lock mode is taken back": "DELETE FROM vault WHERE name LIKE '%lock%'",
    "a trigger swallows holds": (
        "CREATE TRIGGER gone AFTER INSERT ON holds BEGIN DELETE FROM holds WHERE id = new.id; END"
    ),
    "a trigger hides entries": (
        "CREATE TRIGGER hide AFTER INSERT ON entries BEGIN UPDATE entries SET kind = '' WHERE seq = new.seq; END"
    ),
    "a view is made": "CREATE VIEW hollow AS SELECT * FROM holds WHERE 0",
    "an index lets no hold be placed again": "CREATE UNIQUE INDEX once ON holds (matter)",
}


def sql(scene: Scene, statement: str) -> None:
    """Run one statement, with the names of archives put in."""
    names = scene.names
    line = format_line(Entry("archive.destroyed", NOW, archive=names["a"]), 9_000, "0" * 64).hex()
    for name, value in {**names, "line": line}.items():
        statement = statement.replace(f"<{name}>", value)
    with closing(sqlite3.connect(scene.root / "catalogue.sqlite", isolation_level=None)) as other:
        other.execute(statement)
