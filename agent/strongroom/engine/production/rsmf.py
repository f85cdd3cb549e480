"""The Relativity Short Message Format 2.0: a slice of a conversation as a file that review tools show as a chat.

A file is an RFC 5322 message. Its headers sum up the slice, its text is what is searched, and its only attachment,
rsmf.zip, has rsmf_manifest.json at its root. The same slice always makes the same bytes.
"""

from __future__ import annotations

import base64
import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from email.header import Header
from email.utils import format_datetime
from itertools import pairwise

import msgspec

from strongroom.engine.production.conversations import ConversationSlice, ProducedMessage, person_key
from strongroom.model.times import format_instant

VERSION = "2.0.0"
_LINE = 74  # letters of a header and its value that surely fit into one line
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can name
_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def write_rsmf(part: ConversationSlice) -> bytes:
    """Return the file."""
    boundary = f"=_{part.conversation.id}_{part.label.replace('-', '')}"
    headers = [*_headers(part), ("MIME-Version", "1.0"), ("Content-Type", f'multipart/mixed; boundary="{boundary}"')]
    attachment = (
        ("Content-Type", "application/zip; name=rsmf.zip"),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", "attachment; filename=rsmf.zip"),
    )
    text = (("Content-Type", "text/plain; charset=utf-8"), ("Content-Transfer-Encoding", "base64"))
    lines = [
        *(f"{name}: {value}" for name, value in headers),
        *("", f"--{boundary}", *(f"{name}: {value}" for name, value in text), ""),
        _coded("".join(_lines(part)).encode()),
        *(f"--{boundary}", *(f"{name}: {value}" for name, value in attachment), ""),
        _coded(_packed(_manifest(part))),
        *(f"--{boundary}--", ""),
    ]
    return "\r\n".join(lines).encode("ascii")


def _coded(data: bytes) -> str:
    return base64.encodebytes(data).decode().replace("\n", "\r\n")


def _packed(manifest: Mapping[str, object]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        info = zipfile.ZipInfo("rsmf_manifest.json", _EARLIEST)
        info.compress_type = zipfile.ZIP_DEFLATED
        packed.writestr(info, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return buffer.getvalue()


def _headers(part: ConversationSlice) -> Iterator[tuple[str, str]]:
    """Yield the headers; the version comes first, as readers expect it."""
    first, last, key = part.messages[0].at, part.messages[-1].at, part.conversation
    name = f"{key.channel} conversation {key.id}, {part.label}"
    values = {
        "X-RSMF-Version": VERSION,
        "X-RSMF-Generator": "Strongroom",
        "X-RSMF-BeginDate": format_instant(first),
        "X-RSMF-EndDate": format_instant(last),
        "X-RSMF-EventCount": str(len(part.messages)),
        "X-RSMF-AttachmentCount": "0",
        "X-RSMF-EventCollectionID": key.id,
        "X-RSMF-Application": key.channel,
        "X-RSMF-Custodian": key.source,
        "X-RSMF-Participants": "; ".join(_shown(part.name_of(name)) for name in part.people.values()),
        "Date": format_datetime(first),
        "From": "Strongroom <production@strongroom.invalid>",
        "Subject": name,
        "Message-ID": f"<{key.id}.{part.label}@strongroom.invalid>",
    }
    for header, value in values.items():
        yield header, _folded(header, _shown(value))


def _folded(header: str, value: str) -> str:
    """Return the value of a header, coded and on several lines where it must be: most are short and plain."""
    if value.isascii() and len(header) + len(value) <= _LINE:
        return value
    charset = "us-ascii" if value.isascii() else "utf-8"
    return Header(value, charset, header_name=header).encode(linesep="\r\n")


def _shown(text: str) -> str:
    """Return text without what would end a line or steer a terminal."""
    return " ".join(_HIDDEN.sub(" ", text).split())


def _lines(part: ConversationSlice) -> Iterator[str]:
    """Yield the text of the slice, for search."""
    for each in part.messages:
        recipients = ", ".join(map(part.name_of, each.recipients))
        yield f"{format_instant(each.at)} {part.name_of(each.sender)} to {recipients}: {each.body}\n"


def _manifest(part: ConversationSlice) -> dict[str, object]:
    ids = {person: f"P{place}" for place, person in enumerate(part.people, 1)}
    key = part.conversation
    return {
        "version": VERSION,
        "participants": [
            _participant(ids[person], _shown(part.name_of(name)), _shown(name)) for person, name in part.people.items()
        ],
        "conversations": [
            {
                "id": key.id,
                "display": f"{key.channel} {key.id}",
                "platform": key.channel,
                "type": "direct",
                "participants": list(ids.values()),
                "custom": _custom({"Source": key.source, "Stream": key.stream}),
            }
        ],
        "events": [_event(each, key.id, ids) for each in part.messages],
        "eventcollectionid": key.id,
    }


def _participant(name: str, display: str, delivered: str) -> dict[str, object]:
    email = {"email": delivered} if re.fullmatch(r"[^@\s]+@[^@\s]+", delivered) else {}
    return {"id": name, "display": display, **email, "account_id": delivered}


def _event(each: ProducedMessage, conversation: str, ids: Mapping[str, str]) -> dict[str, object]:
    participant = ids[person_key(each.sender)]
    event: dict[str, object] = {
        "id": each.number,
        "type": "message",
        "participant": participant,
        "conversation": conversation,
        "timestamp": format_instant(each.at),
        "body": each.body,
        "deleted": each.deleted,
    }
    if each.direction:
        event["direction"] = each.direction
    if edits := list(_edits(each, participant)):
        event["edits"] = edits
    return {**event, "custom": _custom(_facts(each))}


def _edits(each: ProducedMessage, participant: str) -> Iterator[dict[str, object]]:
    """Yield each change of the text from one archive to the next; when it was made is not known."""
    bodies = [*(version.body for version in each.versions), each.body]
    for previous, new in pairwise(bodies):
        if previous != new:
            yield {"participant": participant, "previous": previous, "new": new}


def _facts(each: ProducedMessage) -> dict[str, str]:
    """Return what a review tool shows beside the message."""
    states = [f"{version.status} ({format_instant(version.archived_at)})" for version in each.versions]
    links = {f"Link in {name}": link for name, link in each.links}
    return {
        "Production number": each.number,
        "Record ID": each.id,
        "Archive ID": each.archive,
        "SHA-256": each.sha256,
        "Dataset": each.dataset,
        "Status": each.status,
        "Earlier states": ", ".join(states),
        "Recipients": "; ".join(each.recipients),
        **links,
    }


def _custom(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items() if value]
