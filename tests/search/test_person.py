"""One person in every spelling, and nobody who is only like them; others masked, each always in the same way."""

from __future__ import annotations

import html
import json

import pytest

from strongroom.model.errors import UsageError
from strongroom.search.masking import Masking, Person
from strongroom.search.person import read_identifier
from strongroom.search.text import fold

NUMBER = read_identifier("+49 151 2345 6789")
MAIL = read_identifier("Ana.Souza@Example.com")
NAME = read_identifier("Ana Souza")

WIDE = {code: code + 0xFEE0 for code in b"+0123456789"}  # to full width, as keyboards in Japan write
FULL_WIDTH = "+4915123456789".translate(WIDE)
SPELLINGS = (
    "+4915123456789", "004915123456789", "0151 23456789", "+49 (151) 234-567-89",
    "whatsapp:+4915123456789", "tel:+49-151-2345-6789", "49151.2345.6789", FULL_WIDTH,
    "٤٩١٥١٢٣٤٥٦٧٨٩", "151/23456789", "4915123456789@s.whatsapp.net",
)  # fmt: skip
IN_TEXTS = (
    "call 0151 23456789 today", "order 4711 4915123456789", "on 2026-03-01 0151 2345 6789, or later",
    '{"to":["+4915123456789"]}', "https://x.example/?n=%2B4915123456789", "id_4915123456789_a",
)  # fmt: skip
OTHERS = (
    "+44 151 2345 6789", "44 151 2345 6789", "+4915123456780", "15123456", "+49 1512345678", "491512345678901",
    "2026-03-01T15:12:34.567890Z", "0151 2345 678 9000000000",
)  # fmt: skip


@pytest.mark.parametrize("text", [*SPELLINGS, *IN_TEXTS])
def test_a_number_is_found_in_every_spelling(text: str) -> None:
    assert NUMBER.is_named(text)
    assert NUMBER.pattern.search(fold(text)), "the search that comes first must find it as well"


@pytest.mark.parametrize("text", OTHERS)
def test_a_number_that_is_only_like_it_is_another_one(text: str) -> None:
    assert not NUMBER.is_named(text)


def test_a_short_number_is_only_possible() -> None:
    assert NUMBER.may_be("2345 6789")
    assert not NUMBER.is_named("2345 6789")
    assert not NUMBER.may_be("+4915123456789")


def test_addresses_and_names_compare_whole() -> None:
    assert all(
        MAIL.is_named(text)
        for text in ("ANA.SOUZA@example.COM", "Ana <ana.souza@example.com>", "mailto:ana.souza@example.com")
    )
    assert not any(
        MAIL.is_named(text)
        for text in ("joana.souza@example.com", "ana.souza@example.com.br", "x.ana.souza@example.com")
    )
    assert all(NAME.is_named(text) for text in ("ANA  SOUZA", "Hello Ana Souza, welcome", "Ana\u00a0Souza"))
    assert not any(NAME.is_named(text) for text in ("Joana Souza", "Ana Souzas", "Ana"))
    for text in ("", " ", "ab", "12"):
        with pytest.raises(UsageError):
            read_identifier(text)


@pytest.fixture
def masking() -> Masking:
    bob = Person(("+1 415 555 1234", "bob@example.org", "con_77"), ("Bob Miller", "Bob", "Miller"), ("1 Long Street",))
    party = Person(("+14155551234",))
    yamada = Person(("yamada@example.jp",), ("山田 太郎",))
    return Masking([NUMBER, MAIL], ["Ana Souza", "Ana", "Souza"], [party, bob, yamada], ["+15550001111"])


BOBS = (
    "+14155551234", "415 555 1234", "001 415-555-1234", "BOB@example.org", "bob%40example.org",
    "wa_14155551234", "x14155551234x", "14155551234@c.us", "tel:+1 415 555 1234", "con_77", "BOB MILLER", "Miller",
    "1 long street", "4155551234".translate(WIDE),
)  # fmt: skip


@pytest.mark.parametrize("text", BOBS)
def test_somebody_known_is_masked_in_every_spelling_and_always_alike(masking: Masking, text: str) -> None:
    for around in ("{}", "from {} today", '{{"k": ["{}"]}}', "{}, 2026-03-01"):
        masked = masking.mask_text(around.format(text))
        assert masked == around.format("tel:Person 2" if text.startswith("tel:") else "Person 2")


def test_what_is_own_or_kept_or_no_person_stays(masking: Masking) -> None:
    for text in (
        *SPELLINGS[:3], "Dear Ana Souza,", "ana.souza@example.com", "at 2026-03-01T10:00:00.000Z", "+1 555 000 1111",
        "msg_1234567890", "550e8400-e29b-41d4-a716-446655440000", "9876543210abcdef9876543210abcdef", "order 471100",
    ):  # fmt: skip
        assert masking.mask_text(text) == text


def test_what_may_be_somebody_is_masked_too(masking: Masking) -> None:
    assert masking.mask_text("ask +33 1 23 45 67 89 or eve@example.net") == "ask Number 1 or Person 2"
    assert masking.mask_text("again 0033123456789, not 0033123456780") == "again Number 1, not Number 2"
    assert masking.mask_text("山田太郎様、") == "Person 3様、"


def test_somebody_in_escaped_text_hides_the_whole_of_it() -> None:
    masking = Masking([NUMBER], [], [Person(("bob@example.org",))], (), lambda text: {html.unescape(text)})
    assert masking.mask_text("ask bob&#64;example.org") == "(masked: another person in escaped text)"
    assert masking.mask_text("call &#43;4915123456789 &amp; wait") == "call &#43;4915123456789 &amp; wait"


def test_a_record_is_masked_wherever_somebody_stands(masking: Masking) -> None:
    record = {
        "id": "1234567890", "at": "2026-03-01T10:00:00Z", "from": "+14155551234", "to": ["0151 23456789", "Shop"],
        "meta": {"+1 415 555 1234": 14155551234, "contactName": "Eve", "amount": "12.34567890"},
        "payload": json.dumps({"by": "Bob Miller", "to": "bob@example.org"}), "firstName": "Ana", "size": 123456,
    }  # fmt: skip
    masked = masking.mask_record(record, ("from", "to"), ("id", "at"))
    assert masked == {
        "id": "1234567890", "at": "2026-03-01T10:00:00Z", "from": "Person 2", "to": ["0151 23456789", "Person 3"],
        "meta": {"Person 2": "Person 2", "contactName": "Person 4", "amount": "12.34567890"},
        "payload": json.dumps({"by": "Person 2", "to": "Person 2"}), "firstName": "Ana", "size": 123456,
    }  # fmt: skip
    assert masking.finds(json.dumps(record))
    assert not masking.finds(json.dumps(masked))
