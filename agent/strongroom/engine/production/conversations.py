"""Messages as conversations: who wrote to whom on which channel, in slices of a day or another length, with what older
versions show.

A record is a message if it has a time and somebody who sent or received it. Everybody in a message and the channel make
the conversation, whatever the direction. A slice is put together as soon as no archive that is still to come reaches
back to it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from strongroom.engine.production.selection import SelectedRecord
from strongroom.providers.search_fields import search_fields
from strongroom.search.entry import party_key, texts_in
from strongroom.search.text import fold

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BODIES = ("text", "body", "message", "content")
_INCOMING, _OUTGOING = ("inbound", "incoming", "received"), ("outbound", "outgoing", "sent", "delivered", "failed")
_DELETED = ("deleted", "deletedAt", "isDeleted", "deleted_at")


class MessageVersion(Struct, frozen=True):
    """What an older archive has of a message."""

    archive: str
    archived_at: datetime
    body: str
    status: str


class ProducedMessage(Struct, frozen=True):
    """One message of a production."""

    number: str
    sha256: str
    archive: str
    dataset: str
    id: str
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    channel: str
    status: str
    body: str
    direction: str  # incoming, outgoing, or empty where it is not known
    deleted: bool  # as the record says
    links: tuple[tuple[str, str], ...]  # fields that hold an address on the web
    versions: tuple[MessageVersion, ...] = ()  # the oldest first


class ConversationKey(Struct, frozen=True):
    """What all messages of a conversation share."""

    id: str  # the same in every production, without a name in it
    source: str
    stream: str
    channel: str


class ConversationSlice(Struct, frozen=True):
    """The messages of one conversation in one stretch of time, a day in UTC by default, in the order of time."""

    conversation: ConversationKey
    start: datetime
    messages: Sequence[ProducedMessage]
    names: Mapping[str, str] = {}  # of archived contacts, by what a person is compared by

    @property
    def label(self) -> str:
        """Return the start for people and paths: a day, with an hour where it does not begin at midnight."""
        return label_of(self.start)

    def name_of(self, delivered: str) -> str:
        """Return a participant as shown: the name in archived contacts, if any, and what was delivered."""
        name = self.names.get(person_key(delivered), "")
        return f"{name} ({delivered})" if name and name != delivered else delivered

    @property
    def people(self) -> dict[str, str]:
        """Return everybody in it: as delivered, by what a person is compared by, in a fixed order."""
        found: dict[str, str] = {}
        for each in self.messages:
            for name in (each.sender, *each.recipients):
                found.setdefault(person_key(name), name)
        return dict(sorted(found.items()))


_VersionKey = tuple[str, str, str, datetime]


class Conversations:
    """Collects messages, and gives the slices that are complete."""

    def __init__(self, length: timedelta = timedelta(days=1), names: Mapping[str, str] | None = None) -> None:
        self._length, self._names = length, names or {}
        self._slices: dict[datetime, dict[ConversationKey, list[tuple[_VersionKey, ProducedMessage]]]] = {}
        self._older: dict[_VersionKey, list[MessageVersion]] = {}

    def put(self, number: str, sha256: str, record: SelectedRecord) -> tuple[ConversationKey, datetime] | None:
        """Take in a record; return its conversation and the start of its slice, or None where it is no message."""
        found = read_message(number, sha256, record)
        if found is None:
            return None
        key, message = found
        start = message.at - (message.at - _EPOCH) % self._length
        self._slices.setdefault(start, {}).setdefault(key, []).append((_version_key(record, message.at), message))
        return key, start

    def put_older(self, record: SelectedRecord) -> None:
        """Take in a version of a record that a newer archive has as well."""
        found = read_message("", "", record) if record.id else None
        if found is not None:
            message = found[1]
            version = MessageVersion(record.archive.id, record.archive.verified_at, message.body, message.status)
            self._older.setdefault(_version_key(record, message.at), []).append(version)

    def settle(self, before: datetime | None) -> Iterator[ConversationSlice]:
        """Yield the slices that end before an instant, all where it is None, and forget them."""
        limit = before.astimezone(UTC) if before else None
        for start in sorted(start for start in self._slices if limit is None or start + self._length <= limit):
            held = self._slices.pop(start)
            names = Counter(key for messages in held.values() for key, _message in messages)
            for conversation in sorted(held, key=lambda each: each.id):
                messages = [self._with_versions(key, each, names) for key, each in held[conversation]]
                messages.sort(key=lambda each: (each.at, each.number))
                yield ConversationSlice(conversation, start, messages, self._names)
        first = min((*self._slices, limit)) if limit else None
        self._older = {key: found for key, found in self._older.items() if first and key[3] >= first}

    def _with_versions(
        self, key: _VersionKey, message: ProducedMessage, names: Mapping[_VersionKey, int]
    ) -> ProducedMessage:
        """Add the older versions; where several messages share id and time, nobody knows whose they are."""
        found = self._older.get(key, []) if names[key] == 1 else []
        return replace(message, versions=tuple(sorted(found, key=lambda each: (each.archived_at, each.archive))))


def label_of(start: datetime) -> str:
    """Return the start of a slice for people and paths."""
    return f"{start:%Y-%m-%d}" if not start.hour else f"{start:%Y-%m-%dT%H}"


def _version_key(record: SelectedRecord, at: datetime) -> _VersionKey:
    return fold(record.archive.source), record.dataset, record.id, at


def read_message(number: str, sha256: str, record: SelectedRecord) -> tuple[ConversationKey, ProducedMessage] | None:
    """Return what a record says as a message, or None where it is none."""
    archive, fields = record.archive, record.delivered.fields
    known = search_fields(archive.provider, record.dataset)
    senders, recipients = (_first(fields, names) for names in (known.senders, known.recipients))
    if record.at is None or not (senders or recipients):
        return None
    channel, status = (" ".join(_texts(fields, names)) for names in (known.channel, known.status))
    sender = senders[0] if senders else f"({archive.source})"
    message = ProducedMessage(
        number=number,
        sha256=sha256,
        archive=archive.id,
        dataset=record.dataset,
        id=sound(record.id),
        at=record.at.astimezone(UTC),
        sender=sender,
        recipients=tuple(recipients),
        channel=channel or archive.provider,
        status=status,
        body=next((sound(value) for name in _BODIES if isinstance(value := fields.get(name), str)), ""),
        direction=_direction(fields, status),
        deleted=any(fields.get(name) not in (None, False, "", "false") for name in _DELETED) or status == "deleted",
        links=tuple(_links(fields)),
    )
    names = sorted({person_key(name) for name in (sender, *recipients)})
    key = "\0".join((fold(archive.source), fold(message.channel), *names))
    name = f"C{hashlib.sha256(key.encode(errors='replace')).hexdigest()[:20]}"
    return ConversationKey(name, archive.source, archive.stream, message.channel), message


@lru_cache(maxsize=1 << 14)
def person_key(name: str) -> str:
    """Return what a person is compared by: a telephone number's digits, or the folded name."""
    return party_key(fold(name))


def _first(fields: Mapping[str, object], names: Sequence[str]) -> list[str]:
    """Return the texts of the first field that has any: others are further names of the same party."""
    return next((found for name in names if (found := _texts(fields, (name,)))), [])


def _texts(fields: Mapping[str, object], names: Sequence[str]) -> list[str]:
    return [sound(text) for name in names for text in texts_in(fields.get(name)) if text.strip()]


def _direction(fields: Mapping[str, object], status: str) -> str:
    for word in (str(fields.get("direction", "")).lower(), status.lower()):
        if word in _INCOMING:
            return "incoming"
        if word in _OUTGOING:
            return "outgoing"
    return ""


def _links(fields: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name not in _BODIES:
            yield from ((name, sound(text)) for text in texts_in(value) if text.startswith(("https://", "http://")))


def sound(text: str) -> str:
    """Return text that can be written as UTF-8: half a surrogate pair becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
