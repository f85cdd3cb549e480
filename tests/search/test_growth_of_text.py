"""People are looked for in texts from outside, such as a file in base64: the time grows in proportion to the text."""

from __future__ import annotations

import pytest

from kit.growth import assert_linear
from strongroom.search.masking import Masking, Person
from strongroom.search.person import Identifier, IdentifierKind, mails_in, read_identifier, read_value

MASKING = Masking(
    [read_identifier("+41 79 123 45 67")], ["Ana Doe"], [Person(("bob@example.com", "+4915112345678"), ("Bob Roe",))]
)
NUMBER, NAME = read_identifier("+41791234567"), Identifier("ana doe", IdentifierKind.NAME, "ana doe")
PIECES = {
    "letters": "x", "digits": "1", "both": "x1", "dots": "a.", "dashes": "1-", "blanks": "1 ", "words": "a ",
    "at signs": "a@", "addresses": "a@a.", "escaped": "%40", "unseen": "\u200b", "quotes": '"', "brackets": "<",
    "wide": "\u4e2d", "one domain": "a@" + "a" * 9, "a mail": "bob@example.com",
}  # fmt: skip
READERS = {
    "mails": mails_in,
    "value": read_value,
    "number": NUMBER.is_in,
    "name": NAME.is_in,
    "masking": MASKING.mask_text,
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("piece", PIECES)
def test_time_grows_with_the_text(reader: str, piece: str) -> None:
    assert_linear(lambda size: PIECES[piece] * size, READERS[reader], size=250)


def test_an_address_of_any_length_is_found_by_its_end() -> None:
    long = "x" * 300 + "@" + "y" * 60 + ".example"
    assert mails_in(f"write to {long} or bob@example.com") == [f"{'x' * 128}@{'y' * 60}.example", "bob@example.com"]
    assert read_identifier(long).is_in(f"<{long}>")
