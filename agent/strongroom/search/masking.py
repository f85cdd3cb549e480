"""Mask the people in records who are not the one that a copy is for, each under one name, such as "Person 2".

Known are the parties of the records and the people in archived contacts. Wherever one of their identifiers stands, in
whatever field and spelling, it is masked. Every other mail address is masked as well, and every row of digits that can
be a telephone number. Masking too much is the safe side: a date, a UUID and a short number stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from strongroom.search.entry import texts_in
from strongroom.search.person import (
    MAIL,
    NUMBER,
    SAFE_DIGITS,
    Identifier,
    IdentifierKind,
    digits_of,
    mails_in,
    names_one,
    read_value,
    same_number,
)
from strongroom.search.text import fold

_DATE = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)"
_UUID = r"(?<![0-9a-zA-Z])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-zA-Z])"
_TOKEN = re.compile(
    rf"(?P<mail>{MAIL})|(?P<date>(?<![\d\-]){_DATE})|(?P<uuid>{_UUID})|(?P<word>\w*[^\W\d]\w*)|(?P<number>{NUMBER})"
)
_NUMBER = re.compile(NUMBER)
_WORD = re.compile(r"[\w'\u2019.\-]*\w")
_PLAIN = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_SCRIPTS = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]")  # written without blanks between words
_ADDRESSED = re.compile(rf"\s*\"?(?P<name>[^<>\"]*?)\"?\s*<(?P<mail>{MAIL})>")
_HIDDEN = "(masked: another person in escaped text)"
_MOST_WORDS = 5  # of a name
_DEEPEST = 60

_NAME_KEYS = frozenset(
    ("name", "firstname", "lastname", "fullname", "displayname", "profilename", "contactname", "sendername",
     "recipientname", "customername", "pushname", "username", "nickname", "givenname", "familyname", "surname",
     "middlename")
)  # fmt: skip
_PLACE_KEYS = frozenset(("address", "street", "streetaddress", "postaladdress", "addressline1", "addressline2"))


class Person(Struct, frozen=True):
    """What is known of one person: identifiers, names and places, as they were delivered."""

    identifiers: tuple[str, ...]
    names: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


class Masking:
    """Masks texts and records. Equal people are masked equally, in the order in which they are met."""

    def __init__(
        self,
        own: Sequence[Identifier],
        own_names: Iterable[str],
        others: Iterable[Person],
        kept: Iterable[str] = (),
        forms: Callable[[str], Iterable[str]] = lambda _text: (),
    ) -> None:
        """`own` and `own_names` are of the person whom the copy is for; `kept` identifiers are masked nowhere.

        `forms` returns what a reader may make of a text, such as one whose escapes are resolved.
        """
        self._forms = forms
        kept_ones = [each for text in kept if (each := read_value(text)) is not None]
        self._own = [*own, *kept_ones]
        self._own_words = {word for name in own_names for word in _words(name)}
        self._own_words |= {word for each in self._own if each.kind is IdentifierKind.NAME for word in _words(each.key)}
        self._labels: dict[str, str] = {}
        self._numbers: dict[str, str] = {}
        self._people: dict[str, str] = {}  # the first key of the person that a key is of
        self._tails: set[str] = set()
        self._names: dict[str, str] = {}  # the folded words of a name, and whose it is
        self._starts: set[str] = set()  # first words of names, to pass over all others quickly
        self._singles: dict[str, str] = {}  # parts of the names of people who are in the records
        self._unspaced: dict[str, str] = {}  # names in scripts without blanks
        for person in others:
            self._learn(person)

    def mask_record(self, record: Mapping[str, Any], parties: Sequence[str], fixed: Sequence[str]) -> dict[str, Any]:
        """Return a record with everybody else masked.

        Values of the fields `parties` are people as a whole; those of `fixed`, ids and times, have no unknown numbers.
        """
        return {
            self.mask_text(name): self._mask_fixed(value)
            if name in fixed and name not in parties
            else self._mask(value, name, party=name in parties, depth=0)
            for name, value in record.items()
        }

    def mask_text(self, text: str) -> str:
        """Return a text with everybody else masked; as a whole where somebody is found only in another form of it."""
        masked = self._mask_plain(text)
        hidden = any(self._mask_plain(form) != form for form in self._forms(masked))
        return _HIDDEN if hidden else masked

    def _mask_plain(self, text: str) -> str:
        return self._mask_names(_TOKEN.sub(self._replace, text))

    @property
    def count(self) -> int:
        """Return how many people are masked so far."""
        return len(self._labels)

    def finds(self, text: str) -> bool:
        """Say whether a known identifier of somebody else is in a text: what a copy is searched for at its end."""
        numbers = (digits_of(found) for found in _NUMBER.findall(text))
        return any(map(self._known, numbers)) or any(f"mail {each}" in self._people for each in mails_in(text))

    def _learn(self, person: Person) -> None:
        values = [each for text in person.identifiers if (each := read_value(text)) is not None]
        if any(names_one(self._own, each) for each in person.identifiers):
            return
        keys = [_key(each) for each in values] or [f"name {fold(name)}" for name in person.names[:1]]
        if not keys:
            return
        met = next((self._people[key] for key in keys if key in self._people), "")
        first = met or keys[0]
        for each, key in zip(values, keys, strict=False):
            self._people.setdefault(key, first)
            if each.kind is IdentifierKind.NUMBER and len(each.key) >= SAFE_DIGITS - 2:
                self._tails.add(each.key[-SAFE_DIGITS:])
            if each.kind is IdentifierKind.NAME and "://" not in each.key:
                self._keep_name(_words(each.key), first)
        self._people.setdefault(first, first)
        for text in (*person.names, *person.places):
            self._learn_name(text, first, in_records=bool(met) or not values)

    def _learn_name(self, text: str, person: str, *, in_records: bool) -> None:
        words = _words(text)
        if not words or set(words) <= self._own_words:
            return
        self._keep_name(words, person)
        if _SCRIPTS.search(text):
            self._unspaced |= {each: person for each in {"".join(words), *words} if len(each) > 1}
        for word in words if in_records else ():
            if len(word) > 2 and word not in self._own_words:
                self._singles.setdefault(word, person)

    def _mask_fixed(self, value: Any) -> Any:
        text = str(value)
        return self.mask_text(text) if isinstance(value, str | int) and self.finds(text) else value

    def _keep_name(self, words: Sequence[str], person: str) -> None:
        if words:
            self._names.setdefault(" ".join(words), person)
            self._starts.add(words[0])

    def _mask(self, value: Any, name: str, *, party: bool, depth: int) -> Any:
        if depth > _DEEPEST:
            return "(nested too deeply)"
        if isinstance(value, Mapping):
            return {
                self.mask_text(str(key)): self._mask(each, str(key), party=party, depth=depth + 1)
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._mask(each, name, party=party, depth=depth + 1) for each in value]
        if isinstance(value, bool) or value is None:
            return value
        masked = self._mask_value(str(value), name, party=party, depth=depth)
        return value if masked == str(value) else masked

    def _mask_value(self, text: str, name: str, *, party: bool, depth: int) -> str:
        if text[:1] in ("{", "[") and (inner := _inner(text)) is not None:
            return json.dumps(self._mask(inner, name, party=party, depth=depth + 1), ensure_ascii=False)
        if party or _is_name_key(name):
            return self._mask_whole(text, is_name=not party)
        if _PLAIN.fullmatch(text) and not text.startswith("+") and ("." in text or len(text) < SAFE_DIGITS):
            return self._label_of(text) if self._known(digits_of(text)) else text
        return self.mask_text(text)

    def _mask_whole(self, text: str, *, is_name: bool) -> str:
        """Mask a value that is a person: unless it is the one whom the copy is for, or an address on the web."""
        if not text.strip():
            return text
        if names_one(self._own, text):
            return self.mask_text(text)  # others may stand beside the person
        words = _words(text)
        if is_name and words and set(words) <= self._own_words:
            return text
        if text.startswith(("https://", "http://")):
            return self.mask_text(text)
        if is_name and " ".join(words) in self._names:
            return self._label(self._names[" ".join(words)])
        return self._label_of(text)

    def _replace(self, found: re.Match[str]) -> str:
        text = found[0]
        if found["mail"]:
            return text if names_one(self._own, text) else self._label_of(text)
        if found["number"]:
            return self._replace_number(text)
        known = self._known(digits_of(text)) and not found["date"]
        return self._label_of(text) if known else text

    def _replace_number(self, text: str) -> str:
        if self._is_own_number(text):
            return text
        digits = digits_of(text)
        if known := self._known(digits):
            return self._label(self._people[known])
        return self._numbers.setdefault(digits.lstrip("0"), f"Number {len(self._numbers) + 1}")

    def _is_own_number(self, text: str) -> bool:
        """Say whether a row of digits is the person's number and nothing else."""
        digits = digits_of(text).lstrip("0")
        numbers = [each.key for each in self._own if each.kind is IdentifierKind.NUMBER]
        return any(digits == key or (len(digits) <= len(key) + 2 and same_number(digits, key)) for key in numbers)

    def _known(self, digits: str) -> str:
        """Return the key of somebody else's number that is anywhere in a row of digits; empty for none."""
        if digits.lstrip("0") in self._tails:
            return f"number {digits.lstrip('0')}"
        windows = (digits[at : at + SAFE_DIGITS] for at in range(len(digits) - SAFE_DIGITS + 1))
        found = next((each for each in windows if each in self._tails), "")
        return found and f"number {found}"

    def _label_of(self, text: str) -> str:
        """Return what a person is masked with, by an identifier in any spelling."""
        value = read_value(text)
        key = _key(value) if value is not None else f"name {fold(text)}"
        if key not in self._people and (known := self._known(digits_of(text))):
            key = known
        return self._label(self._person(key))

    def _person(self, key: str) -> str:
        return self._people.get(key, key)

    def _label(self, person: str) -> str:
        return self._labels.setdefault(person, f"Person {len(self._labels) + 2}")

    def _mask_names(self, text: str) -> str:
        """Mask the names of people: whole names in any case, parts of them where they begin with a capital."""
        if self._unspaced and _SCRIPTS.search(text):
            text = self._mask_unspaced(text)
        if not self._names:
            return text
        words = list(_WORD.finditer(text))
        keys = [" ".join(_words(found[0])) for found in words]
        out, at, place = [], 0, 0
        while place < len(words):
            count, person = self._named(keys, words, place)
            if person:
                last = words[place + count - 1]
                out += [text[at : words[place].start()], self._label(person)]
                at, place = last.end(), place + count
            else:
                place += 1
        return "".join([*out, text[at:]])

    def _named(self, keys: Sequence[str], words: Sequence[re.Match[str]], place: int) -> tuple[int, str]:
        if not keys[place]:
            return 0, ""
        most = _MOST_WORDS if keys[place].partition(" ")[0] in self._starts else 0
        for count in range(min(most, len(keys) - place), 0, -1):
            person = self._names.get(" ".join(key for key in keys[place : place + count] if key))
            if person:
                return count, person
        if not words[place][0][:1].isupper():
            return 0, ""
        return 1, next((self._singles[part] for part in keys[place].split() if part in self._singles), "")

    def _mask_unspaced(self, text: str) -> str:
        for name in sorted(self._unspaced, key=len, reverse=True):
            if name in text:
                text = text.replace(name, self._label(self._unspaced[name]))
        return text


def names_in(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of people that the fields of a record have; first and last names also joined."""
    found = [str(value) for key, value in record.items() if _is_name_key(key) and isinstance(value, str) and value]
    plain = {_plain(key): value for key, value in record.items() if isinstance(value, str)}
    first, last = plain.get("firstname") or plain.get("givenname"), plain.get("lastname") or plain.get("familyname")
    return (f"{first} {last}", *found) if first and last else tuple(found)


def places_in(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the postal addresses that the fields of a record have."""
    return tuple(
        value for key, value in record.items() if _plain(key) in _PLACE_KEYS and isinstance(value, str) and value
    )


def _key(value: Identifier) -> str:
    tail = value.key[-SAFE_DIGITS:] if value.kind is IdentifierKind.NUMBER else value.key
    return f"{value.kind} {tail}"


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", fold(text)) if word]


def _is_name_key(key: str) -> bool:
    return _plain(key) in _NAME_KEYS


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def _inner(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def people_in(record: Mapping[str, Any], parties: Iterable[str]) -> Iterator[Person]:
    """Yield the parties of a record as people, each with one identifier."""
    for name in parties:
        for text in texts_in(record.get(name)):
            addressed = list(_ADDRESSED.finditer(text))
            yield from (Person((each["mail"],), (each["name"],)) for each in addressed)
            if text.strip() and not addressed:
                yield Person((text,))
