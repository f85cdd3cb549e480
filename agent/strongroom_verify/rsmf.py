"""A file in the Relativity Short Message Format 2.0: its form, and that everything it refers to is there."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from typing import Any, cast
from zipfile import ZipFile

from strongroom_verify.files import LARGEST
from strongroom_verify.findings import Wrong

_EVENTS = {"message", "disclaimer", "join", "leave", "history", "unknown"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def read_rsmf(data: bytes, where: str) -> list[dict[str, Any]]:
    """Check a file; return its events, each with its custom values by name."""

    def need(right: object, code: str, words: str) -> None:
        if not right:
            raise Wrong(code, where, words)

    message = message_from_bytes(data)
    need(_header(message, "Version") == "2.0.0", "rsmf-header", "expected X-RSMF-Version: 2.0.0")
    parts = [part for part in message.walk() if part.get_content_disposition() == "attachment"]
    need(len(parts) == 1, "rsmf-attachment", f"expected exactly one attachment, found {len(parts)}")
    coded = str(parts[0]["Content-Transfer-Encoding"]).lower() == "base64"
    need(coded and parts[0].get_filename() == "rsmf.zip", "rsmf-attachment", "expected rsmf.zip, in base64")
    with ZipFile(io.BytesIO(cast("bytes", parts[0].get_payload(decode=True)))) as packed:
        names = packed.namelist()
        need("rsmf_manifest.json" in names, "rsmf-zip", "expected rsmf_manifest.json at the root of rsmf.zip")
        need(len({*names}) == len(names), "rsmf-zip", "rsmf.zip has a file twice")
        need(packed.getinfo("rsmf_manifest.json").file_size <= LARGEST, "rsmf-zip", "its manifest is too large")
        meta = json.loads(packed.read("rsmf_manifest.json"))
    _check_references(meta, {*names} - {"rsmf_manifest.json"}, need)
    events: list[dict[str, Any]] = meta["events"]
    times = sorted(event["timestamp"] for event in events)
    used = sum(len(event.get("attachments", [])) for event in events)
    expected = {
        "EventCount": str(len(events)),
        "AttachmentCount": str(used),
        "BeginDate": times[0],
        "EndDate": times[-1],
        "EventCollectionID": meta["eventcollectionid"],
        "Participants": " ".join("; ".join(each["display"] for each in meta["participants"]).split()),
    }
    for name, value in expected.items():
        found = _header(message, name)
        need(found == value, "rsmf-header", f"X-RSMF-{name} says {found[:80]}, the manifest {value[:80]}")
    return [{**event, "custom": {each["name"]: each["value"] for each in event["custom"]}} for event in events]


def _header(message: Message, name: str) -> str:
    """Return a header, decoded, with single blanks."""
    text = str(message[f"X-RSMF-{name}"])
    return " ".join((str(make_header(decode_header(text))) if "=?" in text else text).split())


def _check_references(meta: dict[str, Any], files: set[str], need: Any) -> None:
    """Check what the schema of the manifest cannot say: that ids are unique, and that what is named is there."""
    people = _unique(meta["participants"], need)
    talks = _unique(meta["conversations"], need)
    events = _unique((event for event in meta["events"] if "id" in event), need)
    need(meta["version"] == "2.0.0" and meta["events"], "rsmf-manifest", "expected version 2.0.0, and an event")
    named = {
        each[kind]
        for each in meta["participants"] + meta["conversations"]
        for kind in ("avatar", "icon")
        if kind in each
    }
    for each in meta["conversations"]:
        here = {*each["participants"], *([each["custodian"]] if "custodian" in each else [])}
        need(here <= {*people}, "rsmf-participant", f"the conversation {each['id']} has somebody who is not listed")
    for event in meta["events"]:
        name = str(event.get("id", "without an id"))
        need(event["type"] in _EVENTS, "rsmf-manifest", f"event {name} is of an unknown type")
        need(_TIME.fullmatch(str(event.get("timestamp"))), "rsmf-time", f"event {name} has no time with an offset")
        talk = talks.get(event.get("conversation"), {})
        need(talk, "rsmf-conversation", f"event {name} is in no conversation that is listed")
        more = [*event.get("edits", []), *event.get("read_receipts", [])]
        who = [event.get("participant"), *(each["participant"] for each in more)]
        who += [person for each in event.get("reactions", []) for person in each.get("participants", [])]
        need({*who} <= {*people}, "rsmf-participant", f"event {name} names somebody who is not listed")
        need(event.get("participant") in talk["participants"], "rsmf-participant", f"event {name} is by an outsider")
        parent = events.get(event["parent"]) if "parent" in event else event
        sibling = parent is not None and parent["conversation"] == event["conversation"]
        need(sibling, "rsmf-parent", f"event {name} has no parent in its conversation")
        named |= {each["id"] for each in event.get("attachments", [])}
    need(named <= files, "rsmf-missing", f"rsmf.zip does not have {', '.join(sorted(map(str, named - files)))[:80]}")
    need(files <= named, "rsmf-stray", f"nothing refers to {', '.join(sorted(files - named))[:80]}")


def _unique(things: Iterable[dict[str, Any]], need: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in things:
        need(isinstance(each["id"], str) and each["id"], "rsmf-id", "expected an id that is a text")
        need(each["id"] not in found, "rsmf-id", f"the id {each['id']} is there twice")
        found[each["id"]] = each
    return found
