"""RSMF files: what the public schema accepts and our verifier takes, and what it refuses though the schema does not."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.rsmf_schema import ABSENT, FILE, faults, load_schema
from strongroom.engine.production.conversations import (
    ConversationKey,
    ConversationSlice,
    MessageVersion,
    ProducedMessage,
)
from strongroom.engine.production.rsmf import write_rsmf
from strongroom.evidence.verifier import Wrong, read_rsmf

AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
DAY = datetime(2026, 3, 1, tzinfo=UTC)
KEY = ConversationKey("C0123456789abcdef0123", "zavu-main", "messages", "whatsapp")
TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)
NAME = TEXT.filter(str.strip)
SCHEMA = load_schema() if FILE.exists() else None
Manifest = dict[str, Any]


def message(place: int, **more: Any) -> ProducedMessage:
    given: dict[str, Any] = {
        "number": f"P{place:07}",
        "sha256": "0" * 64,
        "archive": "a" * 26,
        "dataset": "messages",
        "id": f"m{place}",
        "at": AT + timedelta(minutes=place),
        "sender": "+14155551234",
        "recipients": ("ada@example.org",),
        "channel": "whatsapp",
        "status": "delivered",
        "body": f"hello {place}",
        "direction": "outgoing",
        "deleted": False,
        "links": (("mediaUrl", "https://example.org/a.png"),),
    }
    return ProducedMessage(**given | more)


EDITED = message(
    2,
    body="second",
    versions=(MessageVersion("b" * 26, AT, "first", "sent"), MessageVersion("c" * 26, AT, "first", "read")),
)
PART = ConversationSlice(KEY, DAY, [message(1), EDITED, message(3, sender="ada@example.org", deleted=True)])
WHOLE = write_rsmf(PART)


def manifest_of(data: bytes) -> Manifest:
    (part,) = [each for each in parsed(data).walk() if each.get_content_disposition() == "attachment"]
    with zipfile.ZipFile(io.BytesIO(part.get_content())) as packed:
        document: Manifest = json.loads(packed.read("rsmf_manifest.json"))
        return document


def parsed(data: bytes) -> Any:
    return message_from_bytes(data, _class=EmailMessage, policy=policy.default)


def test_a_file_is_a_message_with_headers_text_and_one_attachment() -> None:
    assert WHOLE.startswith(b"X-RSMF-Version: 2.0.0\r\n")
    told = parsed(WHOLE)
    assert told["X-RSMF-BeginDate"] == "2026-03-01T09:31:00Z"
    assert told["X-RSMF-EndDate"] == "2026-03-01T09:33:00Z"
    assert told["X-RSMF-Participants"] == "+14155551234; ada@example.org"
    assert "2026-03-01T09:31:00Z +14155551234 to ada@example.org: hello 1" in told.get_body().get_content()
    events = read_rsmf(WHOLE, "x")
    assert [event["body"] for event in events] == ["hello 1", "second", "hello 3"]
    assert events[0]["custom"]["Link in mediaUrl"] == "https://example.org/a.png"
    assert events[1]["edits"] == [{"participant": "P1", "previous": "first", "new": "second"}]
    assert events[1]["custom"]["Earlier states"] == "sent (2026-03-01T09:30:00Z), read (2026-03-01T09:30:00Z)"
    assert [event["deleted"] for event in events] == [False, False, True]
    assert write_rsmf(PART) == WHOLE


@pytest.mark.skipif(SCHEMA is None, reason=ABSENT)
def test_the_schema_accepts_it() -> None:
    assert SCHEMA is not None
    assert faults(manifest_of(WHOLE), SCHEMA) == []
    assert faults({**manifest_of(WHOLE), "events": [{"type": "call"}]}, SCHEMA) != []


@given(NAME, st.lists(NAME, max_size=4), TEXT, TEXT, NAME)
def test_whatever_people_write_makes_a_sound_file(
    sender: str, recipients: list[str], body: str, status: str, channel: str
) -> None:
    one = message(1, sender=sender, recipients=tuple(recipients), body=body, status=status, channel=channel)
    part = ConversationSlice(ConversationKey(KEY.id, status or "s", "s", channel), DAY, [one, message(2)])
    data = write_rsmf(part)
    (first, _second) = read_rsmf(data, "x")
    assert first["body"] == body
    assert SCHEMA is None or faults(manifest_of(data), SCHEMA) == []


# --- Mutants. Each changes the manifest, the ZIP or the message; the schema accepts the manifest of every one.


def packed(manifest: Manifest, name: str = "rsmf_manifest.json", **more: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, text in {name: json.dumps(manifest), **more}.items():
            archive.writestr(each, text)
    return buffer.getvalue()


def remade(change: Callable[[Manifest], object]) -> bytes:
    """Return the file with another manifest."""
    manifest = manifest_of(WHOLE)
    change(manifest)
    return with_zip(packed(manifest))


def with_zip(data: bytes) -> bytes:
    head, _, rest = WHOLE.rpartition(b"filename=rsmf.zip\r\n\r\n")
    end = rest[rest.index(b"--=_") :]
    return head + b"filename=rsmf.zip\r\n\r\n" + base64.encodebytes(data) + b"\r\n" + end


def twice_attached() -> bytes:
    start = WHOLE.rindex(b"--=_", 0, WHOLE.index(b"Content-Type: application/zip"))
    end = WHOLE.rindex(b"--=_")
    return WHOLE[:end] + WHOLE[start:end] + WHOLE[end:]


MUTANTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a participant who is not there": (
        lambda: remade(lambda m: m["events"][0].update(participant="P9")),
        "rsmf-participant",
    ),
    "a conversation with a stranger": (
        lambda: remade(lambda m: m["conversations"][0]["participants"].append("P9")),
        "rsmf-participant",
    ),
    "an edit by a stranger": (
        lambda: remade(lambda m: m["events"][1]["edits"][0].update(participant="P9")),
        "rsmf-participant",
    ),
    "an event by somebody outside of the conversation": (
        lambda: remade(lambda m: m["conversations"][0]["participants"].remove("P1")),
        "rsmf-participant",
    ),
    "the id of an event twice": (lambda: remade(lambda m: m["events"][1].update(id="P0000001")), "rsmf-id"),
    "the id of a participant twice": (lambda: remade(lambda m: m["participants"][1].update(id="P1")), "rsmf-id"),
    "an attachment that is missing": (
        lambda: remade(lambda m: m["events"][0].update(attachments=[{"id": "a.png"}])),
        "rsmf-missing",
    ),
    "an avatar that is missing": (
        lambda: remade(lambda m: m["participants"][0].update(avatar="a.png")),
        "rsmf-missing",
    ),
    "a file that nothing refers to": (lambda: with_zip(packed(manifest_of(WHOLE), stray="x")), "rsmf-stray"),
    "an event of no conversation": (
        lambda: remade(lambda m: m["events"][0].update(conversation="C9")),
        "rsmf-conversation",
    ),
    "a parent that is not there": (lambda: remade(lambda m: m["events"][0].update(parent="x")), "rsmf-parent"),
    "another count in the header": (
        lambda: WHOLE.replace(b"X-RSMF-EventCount: 3", b"X-RSMF-EventCount: 4"),
        "rsmf-header",
    ),
    "an event that the header does not count": (lambda: remade(lambda m: m["events"].pop()), "rsmf-header"),
    "another end in the header": (lambda: WHOLE.replace(b"EndDate: 2026-03-01", b"EndDate: 2026-03-02"), "rsmf-header"),
    "other participants in the header": (
        lambda: WHOLE.replace(b"Participants: +1", b"Participants: +2"),
        "rsmf-header",
    ),
    "another version": (lambda: WHOLE.replace(b"Version: 2.0.0", b"Version: 1.0.0"), "rsmf-header"),
    "a manifest that is not at the root": (
        lambda: with_zip(packed(manifest_of(WHOLE), "folder/rsmf_manifest.json")),
        "rsmf-zip",
    ),
    "a time without an offset": (
        lambda: remade(lambda m: m["events"][0].update(timestamp="2026-03-01T09:31:00")),
        "rsmf-time",
    ),
    "an event without a time": (lambda: remade(lambda m: m["events"][0].pop("timestamp")), "rsmf-time"),
    "two attachments": (twice_attached, "rsmf-attachment"),
    "no attachment": (lambda: WHOLE[: WHOLE.rindex(b"\r\n--=_", 0, WHOLE.rindex(b"--=_"))], "rsmf-attachment"),
    "an attachment of another name": (
        lambda: WHOLE.replace(b"filename=rsmf.zip", b"filename=chat.zip"),
        "rsmf-attachment",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_refused(name: str) -> None:
    make, code = MUTANTS[name]
    with pytest.raises(Wrong) as wrong:
        read_rsmf(make(), "x.rsmf")
    assert wrong.value.code == code, wrong.value.args


@pytest.mark.skipif(SCHEMA is None, reason=ABSENT)
def test_the_schema_accepts_the_mutants() -> None:
    accepted = 0
    for make, code in MUTANTS.values():
        if code in ("rsmf-participant", "rsmf-id", "rsmf-missing", "rsmf-conversation", "rsmf-time"):
            assert SCHEMA is not None
            assert faults(manifest_of(make()), SCHEMA) == []
            accepted += 1
    assert accepted >= 8
