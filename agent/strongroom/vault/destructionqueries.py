"""The named queries of proposals, approvals, destructions and erasures."""

from __future__ import annotations

from strongroom.vault.queries import told_entries

_PROPOSAL = (
    "id, at, uid, name, login, sudo, ground, reason, people, cooling_off, plan_sha256, erasure, overrides, mapped"
)
PUT_PROPOSAL = f"INSERT INTO proposals ({_PROPOSAL}) VALUES ({', '.join('?' * 14)})"
PROPOSAL = f"SELECT {_PROPOSAL} FROM proposals WHERE id = ?"
PROPOSALS_NEWEST = f"SELECT {_PROPOSAL} FROM proposals ORDER BY at DESC, id DESC LIMIT ?"
PROPOSALS_LIVE = f"""
SELECT {_PROPOSAL} FROM proposals
WHERE EXISTS (SELECT 1 FROM condemned WHERE proposal = proposals.id AND stage IN ('proposed', 'approved'))
ORDER BY at, id
"""
PROPOSALS_APPROVED = f"""
SELECT {_PROPOSAL} FROM proposals
WHERE EXISTS (SELECT 1 FROM condemned WHERE proposal = proposals.id AND stage = 'approved') ORDER BY at, id
"""
PROPOSALS_OF_ERASURE = f"SELECT {_PROPOSAL} FROM proposals WHERE erasure = ? AND erasure <> '' ORDER BY at, id"
PROPOSAL_IDS_LIKE = """
SELECT id FROM proposals WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3
"""

_APPROVAL = "proposal, at, uid, name, login, sudo, plan_sha256, note, signer, mapped"
PUT_APPROVAL = f"INSERT INTO approvals ({_APPROVAL}) VALUES ({', '.join('?' * 10)})"
APPROVAL = f"SELECT {_APPROVAL} FROM approvals WHERE proposal = ? AND uid = ? AND at = ?"
APPROVALS = f"SELECT {_APPROVAL} FROM approvals WHERE proposal = ? ORDER BY at, uid"

_CONDEMNED = "archive, proposal, stage, changed_at, rule, citation, reason"
PUT_CONDEMNED = f"""
INSERT INTO condemned ({_CONDEMNED}) VALUES ({", ".join("?" * 7)})
ON CONFLICT (proposal, archive) DO UPDATE SET
    stage = excluded.stage, changed_at = excluded.changed_at, reason = excluded.reason
"""
CONDEMNED_ON = f"SELECT {_CONDEMNED} FROM condemned WHERE proposal = ? AND archive = ?"
CONDEMNED = f"SELECT {_CONDEMNED} FROM condemned WHERE proposal = ? ORDER BY archive"
PLANNED_FOR_RETENTION = f"""
SELECT {", ".join(f"condemned.{name}" for name in _CONDEMNED.split(", "))} FROM condemned
JOIN proposals ON proposals.id = condemned.proposal
WHERE stage IN ('proposed', 'approved', 'destroying') AND +stage <> 'destroying' AND ground = 'retention'
ORDER BY archive
"""
CONDEMNED_LIVE = f"""
SELECT {_CONDEMNED} FROM condemned WHERE archive = ? AND stage IN ('proposed', 'approved', 'destroying')
"""

_TOMBSTONE = "archive, certificate_sha256, tombstone"
PUT_TOMBSTONE = """
INSERT INTO tombstones (archive, stream, window_start, window_end, destroyed_at, certificate_sha256, tombstone)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (archive) DO UPDATE SET certificate_sha256 = excluded.certificate_sha256
"""
TOMBSTONE = f"SELECT {_TOMBSTONE} FROM tombstones WHERE archive = ?"
TOMBSTONES_FROM = f"""
SELECT {_TOMBSTONE} FROM tombstones WHERE ?1 IN ('', stream)
ORDER BY destroyed_at DESC, archive DESC LIMIT ?2 OFFSET ?3
"""
_TOLD = """
EXISTS (SELECT 1 FROM entries WHERE archive = tombstones.archive AND archive <> '' AND kind = 'destruction.begun'
    AND seq > 0 AND instr(CAST(line AS TEXT), '"kind":"destruction.begun"') > 0
    AND instr(CAST(line AS TEXT), '"archive":"' || tombstones.archive || '"') = 2)
"""
UNFINISHED = f"SELECT {_TOMBSTONE} FROM tombstones WHERE certificate_sha256 = '' ORDER BY archive"
BURIED_IDS = """
SELECT archive FROM tombstones WHERE certificate_sha256 <> ''
UNION SELECT archive FROM entries WHERE kind = 'archive.destroyed' AND archive <> '' ORDER BY archive
"""
TOMBSTONE_IDS_LIKE = """
SELECT archive FROM tombstones
WHERE substr(archive, 1, length(?1)) = ?1 OR substr(archive, -length(?1)) = ?1 LIMIT 3
"""
EVERY_TOMBSTONE = f"SELECT {_TOMBSTONE} FROM tombstones ORDER BY archive"
DESTRUCTION_ENTRIES = """
SELECT line FROM entries WHERE kind IN (
    'destruction.proposed', 'destruction.approved', 'destruction.undone', 'destruction.spared', 'destruction.begun',
    'archive.destroyed', 'erasure.requested', 'erasure.answered'
) AND seq > 0 ORDER BY seq
"""
COUNT_TOMBSTONES = f"SELECT count(*) AS count FROM tombstones WHERE {_TOLD}"
UNTOLD_TOMBSTONES = f"SELECT archive FROM tombstones WHERE NOT {_TOLD} ORDER BY archive"
TOMBSTONES_TOUCHING = f"""
SELECT {_TOMBSTONE} FROM tombstones WHERE window_end > ? AND window_start < ? ORDER BY window_start
"""

DROP_ARCHIVE = "DELETE FROM archives WHERE id = ?"
COVER_DESTROYED = """
UPDATE coverage SET cover = 'destroyed', cause = ?2
WHERE archive = ?1 AND archive <> '' AND cover IN ('proven', 'empty')
"""
HUSH_ENTRIES = """
UPDATE entries SET words = '' WHERE (job = ?1 AND job <> '') OR (archive = ?2 AND archive <> '')
"""
HUSH_JOB = "UPDATE jobs SET detail = '' WHERE id = ?"

_ERASURE = "id, at, state, ground, subject, salt, subject_hash, archives, overrides, answered_at, answer"
PUT_ERASURE = f"""
INSERT INTO erasures ({_ERASURE}) VALUES ({", ".join("?" * 11)})
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, subject = excluded.subject, salt = excluded.salt, archives = excluded.archives,
    answered_at = excluded.answered_at, answer = excluded.answer
"""
ERASURE = f"SELECT {_ERASURE} FROM erasures WHERE id = ?"
ERASURES_NEWEST = f"SELECT {_ERASURE} FROM erasures ORDER BY at DESC, id DESC LIMIT ?"
ERASURES_PENDING = f"SELECT {_ERASURE} FROM erasures WHERE state IN ('open', 'deferred') ORDER BY at, id"
ERASURE_IDS_LIKE = """
SELECT id FROM erasures WHERE substr(id, 1, length(?1)) = ?1 OR substr(id, -length(?1)) = ?1 LIMIT 3
"""

# The term is that of the index on exactly these entries.
RULES_ENTRIES = f"{told_entries('')} WHERE kind = 'destruction.rules-changed' ORDER BY seq DESC"
