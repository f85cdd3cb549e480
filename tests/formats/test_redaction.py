"""Redaction: what a rule names is not in the new record, in whatever spelling; everything else is as it was."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.formats.redaction import RedactionRule, redact

PHONE = RedactionRule("phone", frozenset({"from", "contact.phone"}), re.compile(r"\+?1415555\d{4}"))
NAME = RedactionRule("name", pattern=re.compile("(?i)lovelace"))
SECRET = "14155551234"


def redacted(record: Any, *rules: RedactionRule) -> Any:
    return json.loads(redact(json.dumps(record).encode(), rules or (PHONE, NAME)).line)


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"call +{SECRET} now",
        int(SECRET),
        [[{"deep": [SECRET]}]],
        {SECRET: "as a key"},
        json.dumps({"escaped": "\\u0031415555" + "1234", "n": 1}),
        json.dumps({"text": json.dumps({"text": f"+{SECRET}"})}),
        "1415555１２３４",  # noqa: RUF001 - other digits
        "%31415555%31234",
        "&#49;4155551234",
        "1415\u200b5551234",
        "1415\u00ad5551234",
    ],
)
def test_a_pattern_is_found_however_it_is_written(value: Any) -> None:
    made = redact(json.dumps({"text": value, "id": "m1"}).encode(), (PHONE, NAME))
    assert made.rules == ("phone",)
    for hidden in ("5551234", "１２３４", "\\u0031", "%31", "&#49;", "\u00ad", "\u200b"):  # noqa: RUF001
        assert hidden not in made.line.decode()
    assert json.loads(made.line)["id"] == "m1"


def test_a_field_is_replaced_as_a_whole_by_name_or_path() -> None:
    record = {"from": {"any": "thing"}, "contact": {"phone": "1", "age": 2}, "phone": "3", "to": [{"FROM": "x"}]}
    assert redacted(record) == {
        "from": "[redacted: phone]",
        "contact": {"phone": "[redacted: phone]", "age": 2},
        "phone": "3",
        "to": [{"FROM": "[redacted: phone]"}],
    }


def test_nothing_else_changes() -> None:
    line = b'{ "a" : 1.50, "big":123456789012345678901234567890, "from":"", "b":null}'
    assert redact(line, (PHONE, NAME)) == redact(line, ())
    assert redact(line, (PHONE,)).line is line
    made = redact(line.replace(b"null", b'"Lovelace"'), (PHONE, NAME))
    assert made.line == b'{"a": 1.50, "big": 123456789012345678901234567890, "from": "", "b": "[redacted: name]"}'


def test_a_name_given_twice_and_a_record_too_deep_hide_nothing() -> None:
    assert b"ada" not in redact(b'{"from":"ada","from":"ada","x":"Lovelace"}', (PHONE, NAME)).line
    deep = "[" * 70 + '"Lovelace"' + "]" * 70
    assert b"Lovelace" not in redact(b'{"x":%b}' % deep.encode(), (NAME,)).line
    nested = json.dumps("[" * 100_000 + '"\\u004covelace"')
    assert b"ovelace" not in redact(b'{"x":%b}' % nested.encode(), (NAME,)).line


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_whatever_a_record_holds_nothing_of_it_is_left(value: Any) -> None:
    record = {"x": value, "y": [f"a{SECRET}b", {"z": "LOVELACE"}]}
    made = redact(json.dumps(record).encode(), (PHONE, NAME))
    assert SECRET.encode() not in made.line
    assert b"lovelace" not in made.line.lower()
    assert redact(made.line, (PHONE, NAME)).line == made.line
