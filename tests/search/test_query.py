"""A line that a person types means what its words say, and a mistake in it is named."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.model.errors import UsageError
from strongroom.search.entry import Place, SearchEntry, SearchFields, make_entry, party_texts, searched_text
from strongroom.search.query import parse_query
from strongroom.search.terms import Operator, Period
from strongroom.search.text import fold, phone_digits, same_phone

FIELDS = SearchFields(
    senders=("from",),
    recipients=("to",),
    parties=("contact",),
    channel=("channel",),
    status=("status",),
)
RECORD = {
    "id": "msg_1",
    "from": "+1 (415) 555-1234",
    "to": "Ada.Lovelace@Example.org",
    "contact": {"name": "Müller", "tags": ["vip", 7]},
    "channel": "SMS",
    "status": "delivered",
    "text": "Your REFUND for order 4711 is on its way 退款 👍 ﬁnal STRASSE",
    "subject": None,
}


def entry(**changed: object) -> SearchEntry:
    at = changed.pop("at", datetime(2026, 3, 31, 22, 30, tzinfo=UTC))
    record = {**RECORD, **changed}
    assert at is None or isinstance(at, datetime)
    place = Place("messages", "support", "zavu-main", FIELDS)
    texts, name = party_texts(record, FIELDS), fold(str(record["id"]))
    return make_entry(texts, place, name=name, at=at, text=searched_text(record))


HITS = [
    "refund",
    "Refund ORDER",
    '"order 4711"',
    "fund",
    "退",
    "退款",
    "👍",
    "final",
    "straße",
    "from:+14155551234",
    'from:"+1 (415) 555-1234"',
    "from:4155551234",
    "from:5551234",
    "from:0014155551234",
    "party:+1-415-555-1234",
    "to:ada.lovelace@example.ORG",
    "to:lovelace",
    "party:müller",
    "party:MÜLLER",
    "party:7",
    "vip",
    "channel:sms",
    "status:delivered",
    "stream:SUPPORT",
    "source:zavu-main",
    "dataset:messages",
    "id:MSG_1",
    "after:2026-03-31",
    "before:2026-04",
    "on:2026-03",
    "on:2026",
    "on:2026-03-31T22:30",
    "after:2026-03-31T22:30:00+00:00",
    "-invoice",
    "-status:failed refund",
    "invoice OR refund",
    "order invoice OR refund",
    "(invoice receipt) OR (refund 4711)",
    "-(invoice refund)",
    r"regex:order\s+\d{4}",
    'regex:"ORDER (4711|4712)"',
    '"OR" OR refund',
]
MISSES = [
    "invoice",
    '"4711 order"',
    "from:4155559999",
    "to:+14155551234",
    "from:1234 after:2026-04",
    "status:deliver",
    "channel:whatsapp",
    "stream:sup",
    "id:msg",
    "after:2026-04-01",
    "before:2026-03-31T22:30",
    "on:2026-03-30",
    "-refund",
    "refund -order",
    "-(refund OR invoice)",
    "invoice OR receipt",
    r"regex:^order",
    "退订",
]


@pytest.mark.parametrize("text", HITS)
def test_it_is_found(text: str) -> None:
    assert parse_query(text, UTC).accepts(entry())


@pytest.mark.parametrize("text", MISSES)
def test_it_is_not_found(text: str) -> None:
    assert not parse_query(text, UTC).accepts(entry())


REFUSED = {
    "": "the query is empty",
    "   ": "the query is empty",
    "refund OR": "OR has nothing on one of its sides",
    "OR refund": "OR has nothing on one of its sides",
    "a OR OR b": "OR has nothing on one of its sides",
    "(a OR ) b": "OR has nothing on one of its sides",
    "(refund": "a parenthesis is not closed",
    "refund)": "a closing parenthesis has no opening one",
    "()": "parentheses are empty",
    '"refund': "cannot read",
    "from:": "from: has no value",
    "from: +1415": "from: has no value",
    'from:""': "a term is empty",
    "sender:ada": "there is no operator sender:",
    "after:yesterday": "'yesterday' is not a date",
    "on:2026-13": "is not a date",
    "on:2026-02-30": "is not a date",
    "before:0000": "is not a date",
    "on:9999": "is not a date",
    "regex:(": "is not a valid regular expression",
    "(" * 40 + "a" + ")" * 40: "nested too deeply",
    "a" * 2_001: "has 2,001 characters",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_mistake_is_named_with_the_next_step(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_query(text, UTC)
    assert REFUSED[text] in refused.value.message
    assert refused.value.hint


def test_an_address_is_a_word_and_needs_no_quotation_marks() -> None:
    assert parse_query("https://hooks.example/in", UTC).words == ("https://hooks.example/in",)


def test_days_are_those_of_the_zone_also_where_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert parse_query("on:2026-03-29", berlin).period == Period(
        datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    )


def test_what_bounds_every_hit_is_known_before_anything_is_opened() -> None:
    query = parse_query("refund after:2026-03 before:2026-05 on:2026 stream:a OR stream:b -stream:c", UTC)
    assert query.period == Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC))
    assert query.names(Operator.STREAM) == {"a", "b"}
    assert query.names(Operator.SOURCE) is None
    assert parse_query("a OR after:2026 b", UTC).period == Period()
    assert parse_query("stream:a OR refund", UTC).names(Operator.STREAM) is None
    assert parse_query("stream:a stream:b", UTC).names(Operator.STREAM) == frozenset()


def test_a_record_without_a_time_is_in_no_period() -> None:
    assert not parse_query("on:2026", UTC).accepts(entry(at=None))
    assert parse_query("-on:2026", UTC).accepts(entry(at=None))


def test_every_text_and_number_of_a_record_is_searched_and_no_name_of_a_field() -> None:
    assert searched_text({"a": {"b": ["Deep", 4.5, True, None]}, "c": False, "d": 7}) == "deep\n4.5\n7"


NUMBERS = {
    "+1 (415) 555-1234": "14155551234",
    "0014155551234": "14155551234",
    "tel:+39333000111": "39333000111",
    "555.12.34": "5551234",
    "0012-9162": "00129162",
    "12345": "",
    "4711 apples": "",
    "ada@example.org": "",
}


@pytest.mark.parametrize("text", NUMBERS)
def test_a_telephone_number_is_its_digits(text: str) -> None:
    assert phone_digits(fold(text)) == NUMBERS[text]


def test_numbers_are_the_same_if_one_only_lacks_its_first_digits() -> None:
    assert same_phone("14155551234", "5551234")
    assert same_phone("4155551234", "14155551234")
    assert not same_phone("14155551234", "14155551235")
    assert not same_phone("", "")


@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(text: str) -> None:
    try:
        query = parse_query(text, UTC)
    except UsageError as refused:
        assert refused.hint
    else:
        query.accepts(entry())


@given(st.text(min_size=1, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_any_part_of_a_text_finds_it(part: str, before: str, after: str) -> None:
    if '"' in part or not fold(part).strip() or len(fold(part)) == 0:
        return
    record = entry(text=f"{before} {part} {after}")
    assert parse_query(f'"{part}"', UTC).accepts(record) or not part.strip()


def test_a_set_within_a_set_is_read_without_a_warning_of_python(recwarn: pytest.WarningsRecorder) -> None:
    parse_query("regex:[[ab]c", UTC)
    assert not recwarn.list
