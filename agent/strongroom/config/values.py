"""Turns single TOML values into ours: each function takes what the parser gave, or raises Unfit."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from strongroom.config.problem import Unfit, describe, quote, suggest
from strongroom.config.secrets import REFERENCE, SecretRef
from strongroom.model.bech32 import NotBech32, decode_bech32
from strongroom.model.plan import Span, boundary
from strongroom.model.retention import NAMED_BY, Period
from strongroom.model.text import format_size, parse_size
from strongroom.model.times import parse_duration

E = TypeVar("E", bound=StrEnum)

_TITLE = 200  # characters
NAME = "a name of small letters, digits and hyphens"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}", re.ASCII)
_DATASET = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", re.ASCII)
_RECIPIENT = re.compile(r"age1[qpzry9x8gf2tvdw0s3jn54khce6mua7l]{58}", re.ASCII)
_VERIFIER = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", re.ASCII)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
_COPY = "copy the whole key again"
_SINCE = 'a date, a date-time with a zone, or "oldest"'

NEVER = "never"  # instead of a duration


def parse_text(value: object) -> str:
    """Take one line of printable text, which may be empty."""
    if not isinstance(value, str) or not value.isprintable():
        raise Unfit("a line of text", describe(value))
    return value


def parse_title(value: object) -> str:
    """Take the name of an organization or the like: one line of 1 to 200 printable characters."""
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value.strip()) <= _TITLE:
        raise Unfit(f"a name on one line, of at most {_TITLE} characters", describe(value))
    return value.strip()


def parse_flag(value: object) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise Unfit("true or false", describe(value), "write it without quotes" if isinstance(value, str) else "")
    return value


def whole_number(lowest: int, highest: int) -> Callable[[object], int]:
    """Return a parser of whole numbers within bounds, both included."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise Unfit(f"a whole number from {lowest} to {highest}", describe(value))
        return value

    return parse


def choice(words: type[E]) -> Callable[[object], E]:
    """Return a parser of one word out of an enumeration."""

    def parse(value: object) -> E:
        if not isinstance(value, str) or value not in set(words):
            near = suggest(value, list(words)) if isinstance(value, str) else ""
            raise Unfit("one of " + ", ".join(words), describe(value), near)
        return words(value)

    return parse


def parse_name(value: object) -> str:
    """Take a name: at most 64 small letters, digits and hyphens, not beginning with a hyphen."""
    if not isinstance(value, str) or not is_name(value):
        raise Unfit(NAME, describe(value))
    return value


def is_name(text: str) -> bool:
    """Say whether text is a name as parse_name takes it."""
    return _NAME.fullmatch(text) is not None


def known_name(noun: str, known: Collection[str]) -> Callable[[object], str]:
    """Return a parser of a name that must be among the known ones.

    Only sound names are listed in a message: an invalid one was refused at its own place and may be a misplaced secret.
    """

    def parse(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            sound = sorted(name for name in known if is_name(name))
            near = suggest(value, sound) if isinstance(value, str) else ""
            listed = ", ".join(sound) or "none is there"
            raise Unfit(f"the name of a {noun} ({listed})", describe(value), near)
        return value

    return parse


def class_list(known: Collection[str]) -> Callable[[object], str]:
    """Return a parser of one known retention class, or a list of them; what it returns has a + between them."""
    one = known_name("retention class", known)

    def parse(value: object) -> str:
        if not isinstance(value, list):
            return one(value)
        if not value:
            raise Unfit("the name of a retention class, or a list of some", "an empty list")
        return NAMED_BY.join(dict.fromkeys(one(each) for each in value))

    return parse


def parse_dataset(value: object) -> str:
    """Take a provider's name of a dataset; whether the provider has it, only the provider knows."""
    if not isinstance(value, str) or not _DATASET.fullmatch(value):
        raise Unfit("the name of a dataset", describe(value))
    return value


def parse_option(value: object) -> str | int | bool:
    """Take text, a whole number or a flag."""
    if not isinstance(value, str | int):
        raise Unfit("text, a whole number, true or false", describe(value))
    return value


def parse_secret_ref(value: object) -> SecretRef:
    """Take a reference to a secret, never a secret."""
    if not isinstance(value, str):
        raise Unfit(REFERENCE, describe(value))
    return SecretRef.parse(value)


def parse_verifier(value: object) -> str:
    """Take a public note key, by its form; whether it fits its own hash is seen when it is used."""
    if not isinstance(value, str) or not _VERIFIER.fullmatch(value):
        got = "a private one" if isinstance(value, str) and value.startswith("PRIVATE+KEY+") else describe(value)
        raise Unfit("a public note key, name+hash+key", got)
    return value


def parse_recipient(value: object) -> str:
    """Take an age X25519 public key, with its checksum: a wrong character must not wait for the first file to seal."""
    if not isinstance(value, str) or not _RECIPIENT.fullmatch(value):
        got = describe(value)
        if isinstance(value, str) and value.lower().startswith("age1"):
            got = f"age1 and {len(value) - 4} characters that do not make one"
        raise Unfit("an age public key (age1 and 58 small letters and digits)", got)
    try:
        decode_bech32(value)
    except NotBech32:
        raise Unfit("an age public key", "one whose checksum does not match: a character is wrong", _COPY) from None
    return value


def path_from(base: Path) -> Callable[[object], Path]:
    """Return a parser of paths; a relative one begins at `base`, and ~ is a home folder."""

    def parse(value: object) -> Path:
        if not isinstance(value, str) or not value or not value.isprintable() or "age-secret-key" in value.lower():
            raise Unfit("a path", describe(value))
        try:
            return base / Path(value).expanduser()
        except RuntimeError:
            raise Unfit("a path", f"{quote(value)}, whose home folder is not known", "write the whole path") from None

    return parse


def duration(lowest: str, highest: str) -> Callable[[object], timedelta]:
    """Return a parser of durations within bounds, both included."""
    low, high = parse_duration(lowest), parse_duration(highest)

    def parse(value: object) -> timedelta:
        try:
            found = parse_duration(value) if isinstance(value, str) else None
        except ValueError:
            found = None
        if found is None or not low <= found <= high:
            raise Unfit(f'a duration such as "90s", "30m", "6h" or "2d", from {lowest} to {highest}', describe(value))
        return found

    return parse


def duration_or_never(lowest: str, highest: str) -> Callable[[object], timedelta | None]:
    """Return a parser of durations within bounds, both included; "never" is None."""
    bounded = duration(lowest, highest)

    def parse(value: object) -> timedelta | None:
        try:
            return None if value == NEVER else bounded(value)
        except Unfit as unfit:
            raise Unfit(f'{unfit.expected}, or "{NEVER}"', unfit.got) from None

    return parse


def size(lowest: int) -> Callable[[object], int]:
    """Return a parser of sizes in bytes from a lowest one up."""

    def parse(value: object) -> int:
        try:
            found = parse_size(value) if isinstance(value, str) else -1
        except ValueError:
            found = -1
        if found < lowest:
            raise Unfit(f'a size such as "2 GB" or "512 MiB", at least {format_size(lowest)}', describe(value))
        return found

    return parse


def parse_period(value: object) -> Period:
    """Take a retention period."""
    try:
        if isinstance(value, str):
            return Period.parse(value)
    except ValueError:
        pass
    raise Unfit('a period such as "90d", "18m" (months) or "7y", at most 1000 years', describe(value))


def parse_zone(value: object) -> str:
    """Take the IANA name of a time zone that this machine knows."""
    try:
        if isinstance(value, str):
            return ZoneInfo(value).key
    except (KeyError, ValueError, OSError):  # unknown; malformed; a folder of zones such as "Europe"
        pass
    near = ""
    if isinstance(value, str):
        from zoneinfo import available_timezones  # slow: it walks every zone there is

        near = suggest_zone(value, available_timezones())
    raise Unfit('a time zone such as "Europe/Berlin" or "UTC"', describe(value), near)


def suggest_zone(value: str, zones: Collection[str]) -> str:
    """Return a did-you-mean sentence for a zone, also when only its last part or its case was given."""
    near = [zone for zone in sorted(zones) if value.lower() in (zone.lower(), zone.lower().rpartition("/")[2])]
    return f"did you mean {quote(near[0])}?" if near else suggest(value, zones)


def since_in(zone: str) -> Callable[[object], datetime | None]:
    """Return a parser of beginnings; a bare date is the first instant of that day in the zone, oldest is None."""

    def parse(value: object) -> datetime | None:
        if value == "oldest":
            return None
        instant: datetime | None = None
        if isinstance(value, datetime):
            instant = value.astimezone(UTC) if value.tzinfo and 1970 < value.year < 9000 else None
        elif isinstance(value, date) and 1970 <= value.year < 9000:
            noon = datetime(value.year, value.month, value.day, 12, tzinfo=ZoneInfo(zone))
            instant = boundary(Span.DAY, zone, noon.astimezone(UTC))
        if instant is None or not _FIRST <= instant < _LAST:
            raise Unfit(_SINCE, describe(value), _mend_since(value))
        return instant

    return parse


def _mend_since(value: object) -> str:
    if isinstance(value, str):
        return "write a date without quotes" if re.match(r"\d{4}-", value) else suggest(value, ["oldest"])
    if isinstance(value, datetime) and value.tzinfo is None:
        return f"for UTC write {value.isoformat()}Z"
    return ""
