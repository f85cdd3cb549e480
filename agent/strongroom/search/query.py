"""What a person searches for: words, phrases and operators, read from one line.

    refund "order 4711" from:+14155551234 after:2026-03-01 -status:failed (invoice OR receipt)

Terms are combined with AND. OR binds more tightly, so that `a b OR c` means a AND (b OR c). `-` excludes a term, and
parentheses group. Times without a zone are in the zone that the caller gives.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from strongroom.model.errors import UsageError
from strongroom.search.terms import AllOf, AnyOf, Label, Not, Operator, Party, Pattern, Period, Query, Term, Words
from strongroom.search.text import fold, phone_digits

LONGEST = 2_000  # characters of a query
DEEPEST = 20  # parentheses in each other


_NAMED = (Operator.STREAM, Operator.SOURCE, Operator.DATASET)
_OPERATORS = {each.value: each for each in Operator}


Names = Callable[[Operator, str], str]
"""Returns the present name of a stream, source or dataset; raises UsageError for one that is not known."""


def parse_query(text: str, zone: tzinfo, names: Names = lambda _field, name: name) -> Query:
    """Read a query. Raises UsageError that names the term, and what was expected in its place."""
    if len(text) > LONGEST:
        raise _refuse(f"the query has {len(text):,} characters", f"use at most {LONGEST:,}")
    reader = _Reader(list(_tokens(text)), zone, names)
    term = reader.read_all(0)
    if reader.rest:
        raise _refuse("a closing parenthesis has no opening one", "remove it, or put it in quotation marks")
    if not term.terms:
        raise _refuse(
            "the query is empty", 'give a word, such as refund, or an operator, such as from:"+1 415 555 1234"'
        )
    return Query(text, term)


class _Token(NamedTuple):
    text: str
    operator: Operator | None = None
    excluded: bool = False
    quoted: bool = False


_TOKEN = re.compile(
    r"""\s*(?:(?P<open>-?\()|(?P<close>\))|(?P<minus>-?)(?:
        (?P<regex>regex):(?P<pattern>[^\s"]\S*)        # up to the next blank, parentheses and all
        |(?:(?P<key>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s()"]+))
    ))""",
    re.VERBOSE | re.IGNORECASE,
)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise _refuse(f"cannot read {text[at:].strip()[:40]!r}", "close the quotation mark, or remove it")
        at = found.end()
        if found["open"] or found["close"]:
            yield _Token(found["open"] or ")")
            continue
        yield _token(found)


def _token(found: re.Match[str]) -> _Token:
    quoted, excluded, key = found["quoted"] is not None, bool(found["minus"]), found["key"]
    if found["regex"]:
        return _Token(found["pattern"], Operator.REGEX, excluded)
    value = found["quoted"] if quoted else found["bare"]
    operator = _OPERATORS.get(key.lower()) if key else None
    if operator is not None:
        return _Token(value, operator, excluded, quoted)
    name = key or ("" if quoted else value.removesuffix(":") if value.endswith(":") else "")
    if name.lower() in _OPERATORS:
        raise _refuse(f"{name}: has no value", f"write it without a space: {name}:VALUE")
    if key and not value.startswith("//"):  # an address is a word with a colon in it
        known = ", ".join(f"{each.value}:" for each in Operator)
        raise _refuse(
            f"there is no operator {key}:", f'put it in quotation marks to find the text "{key}:"; there are {known}'
        )
    return _Token(f"{key}:{value}" if key else value, None, excluded, quoted)


class _Reader:
    """Turns tokens into terms."""

    def __init__(self, tokens: list[_Token], zone: tzinfo, names: Names) -> None:
        self.rest = tokens[::-1]
        self._zone = zone
        self._names = names

    def read_all(self, depth: int) -> AllOf:
        """Read terms up to the end, or to the parenthesis that closes."""
        if depth > DEEPEST:
            raise _refuse("parentheses are nested too deeply", f"use at most {DEEPEST}")
        groups: list[list[Term]] = []
        joined = False
        while self.rest and self.rest[-1] != _Token(")"):
            token = self.rest.pop()
            if token == _Token("OR"):
                if not groups or joined or not self.rest or self.rest[-1] == _Token(")"):
                    raise _refuse(
                        "OR has nothing on one of its sides", "write it between two terms: invoice OR receipt"
                    )
                joined = True
                continue
            term = self._read(token, depth)
            if joined:
                groups[-1].append(term)
            else:
                groups.append([term])
            joined = False
        return AllOf(tuple(group[0] if len(group) == 1 else AnyOf(tuple(group)) for group in groups))

    def _read(self, token: _Token, depth: int) -> Term:
        if token.text in ("(", "-(") and not token.quoted and token.operator is None:
            inner = self.read_all(depth + 1)
            if not self.rest:
                raise _refuse("a parenthesis is not closed", "close it")
            self.rest.pop()
            if not inner.terms:
                raise _refuse("the parentheses are empty", "remove them")
            return Not(inner) if token.text == "-(" else inner
        term = self._term(token)
        return Not(term) if token.excluded else term

    def _term(self, token: _Token) -> Term:
        if not token.text.strip():
            raise _refuse("a term is empty", "write a word, a phrase or a value between the quotation marks")
        if token.operator is None:
            return Words(fold(token.text))
        if token.operator in _NAMED:
            return Label(token.operator, fold(self._names(token.operator, token.text.strip())))
        return _READERS[token.operator](token.operator, token.text, self._zone)


def _read_party(role: Operator, text: str, _zone: tzinfo) -> Term:
    folded = fold(text).strip()
    return Party(role, folded, phone_digits(folded))


def _read_label(field: Operator, text: str, _zone: tzinfo) -> Term:
    return Label(field, fold(text).strip())


def _read_pattern(_operator: Operator, text: str, _zone: tzinfo) -> Term:
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # "[[ab]": valid, and read as it is
            return Pattern(re.compile(text, re.IGNORECASE))
    except (re.error, RecursionError, OverflowError) as error:
        raise _refuse(
            f"regex:{text[:60]} is not a valid regular expression ({error})", "check its parentheses and signs"
        ) from None


def _read_after(_operator: Operator, text: str, zone: tzinfo) -> Term:
    return Period(start=_read_span(text, zone)[0])


def _read_before(_operator: Operator, text: str, zone: tzinfo) -> Term:
    return Period(end=_read_span(text, zone)[0])


def _read_on(_operator: Operator, text: str, zone: tzinfo) -> Term:
    return Period(*_read_span(text, zone))


_READERS: Mapping[Operator, Callable[[Operator, str, tzinfo], Term]] = {
    Operator.FROM: _read_party,
    Operator.TO: _read_party,
    Operator.PARTY: _read_party,
    Operator.AFTER: _read_after,
    Operator.BEFORE: _read_before,
    Operator.ON: _read_on,
    Operator.REGEX: _read_pattern,
    **dict.fromkeys(
        (Operator.CHANNEL, Operator.STATUS, Operator.ID),
        _read_label,
    ),
}

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", re.ASCII)


def _read_span(text: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first instant of a year, month, day or minute in the zone, and the first after it."""
    try:
        date = _DATE.fullmatch(text)
        if date is None:
            at = datetime.fromisoformat(text)
            at = at if at.tzinfo else at.replace(tzinfo=zone)
            return at, at + timedelta(minutes=1)
        year, month, day = (int(part) if part else 0 for part in date.groups())
        start = datetime(year, month or 1, day or 1, tzinfo=zone)
        return start, _end_of(start, month=bool(month), day=bool(day))
    except (ValueError, OverflowError):
        raise _refuse(f"{text[:40]!r} is not a date", "write 2026, 2026-03, 2026-03-31 or 2026-03-31T14:00") from None


def _end_of(start: datetime, *, month: bool, day: bool) -> datetime:
    if day:
        return start + timedelta(days=1)  # on the calendar of the zone, whatever its clocks do that day
    if month:
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
    return start.replace(year=start.year + 1)


def _refuse(what: str, hint: str) -> UsageError:
    return UsageError(f"the query was not understood: {what}", hint=hint)
