"""What is searched of a record: its parties, channel, status, time, name and text, folded for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import Struct

from strongroom.search.text import fold, phone_digits

_DEEPEST = 32  # levels of a nested field; what lies deeper is not searched, and no record of a provider goes there


class SearchFields(Struct, frozen=True):
    """Which fields of a dataset's records are searched as what, by their names at the provider.

    Fields may hold lists and objects: every text and number in them counts. Words are searched in every field, so that
    nothing undocumented is missed.
    """

    senders: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()  # neither sender nor recipient: a contact, an endpoint
    channel: tuple[str, ...] = ()
    status: tuple[str, ...] = ()


OwnFields = Mapping[tuple[str, str], SearchFields]
"""The fields of datasets whose provider a manifest describes, by provider and dataset."""


class SearchEntry(Struct, frozen=True, gc=False):
    """One record, ready to be compared. All texts are folded."""

    dataset: str
    stream: str
    source: str
    id: str
    at: datetime | None
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    parties: tuple[str, ...]  # the others
    channel: str
    status: str
    text: str  # one field a line

    @property
    def everyone(self) -> tuple[str, ...]:
        """Return all parties."""
        return self.senders + self.recipients + self.parties


class Place(Struct, frozen=True):
    """Where records are: the folded names of their dataset, stream and source, and what their fields mean."""

    dataset: str
    stream: str
    source: str
    fields: SearchFields


def searched_text(record: Mapping[str, object]) -> str:
    """Return the folded text that words are searched in: every field, one a line.

    Of a million records most are left after this look, so it avoids a call for each field.
    """
    parts: list[str] = []
    for value in record.values():
        if type(value) is str:
            parts.append(value)
        elif value is not None and value is not True and value is not False:
            parts.extend(texts_in(value))
    return fold("\n".join(parts))


def party_texts(record: Mapping[str, object], fields: SearchFields) -> dict[str, list[str]]:
    """Return the folded texts of the fields that mean something, by name."""
    names = fields.senders + fields.recipients + fields.parties + fields.channel + fields.status
    return {name: [fold(text) for text in texts_in(record.get(name))] for name in names}


Pick = Callable[[tuple[str, ...]], tuple[str, ...]]
"""Returns the texts of the fields with these names, as `unique_texts` does."""


def make_entry(
    texts: Mapping[str, Iterable[str]], place: Place, *, name: str, at: datetime | None, text: str
) -> SearchEntry:
    """Return what is searched of a record: the texts of its fields, its id and its text, all of them folded."""

    def pick(names: tuple[str, ...]) -> tuple[str, ...]:
        return unique_texts(text for name in names for text in texts.get(name, ()))

    return pick_entry(pick, place, name=name, at=at, text=text)


def pick_entry(pick: Pick, place: Place, *, name: str, at: datetime | None, text: str) -> SearchEntry:
    """Return what is searched of a record whose fields `pick` knows."""
    fields = place.fields
    return SearchEntry(
        dataset=place.dataset,
        stream=place.stream,
        source=place.source,
        id=name,
        at=at,
        senders=pick(fields.senders),
        recipients=pick(fields.recipients),
        parties=pick(fields.parties),
        channel=" ".join(pick(fields.channel)),
        status=" ".join(pick(fields.status)),
        text=text,
    )


def texts_in(value: object, depth: int = 0) -> Iterator[str]:
    """Yield every text and number in a value that lies so deep in a field, keys of objects left out."""
    if isinstance(value, str):
        yield value
    elif depth < _DEEPEST and isinstance(value, Mapping):
        for each in value.values():
            yield from texts_in(each, depth + 1)
    elif depth < _DEEPEST and isinstance(value, list | tuple):
        for each in value:
            yield from texts_in(each, depth + 1)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def unique_texts(texts: Iterable[str]) -> tuple[str, ...]:
    """Return each text once, without blanks around it; empty ones are left out."""
    found = dict.fromkeys([text.strip() for text in texts])
    found.pop("", None)
    return tuple(found)


def party_key(party: str) -> str:
    """Return what a party is counted under: a telephone number's digits, or the folded text."""
    return phone_digits(party) or party
