"""What a search looks for before it tries a regular expression is within everything that the expression matches."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.search.pattern import required_text
from strongroom.search.text import fold

PIECES = ("a", "B", "i", "\u0131", "I", "s", "\u017f", "k", "\u212a", "ß", "款", "7", " ", "-", "\n")
SIGNS = (".", "*", "+", "?", "*?", "++", "{2}", "{0,1}", "{", "(", ")", "[ab]", "[^a]", "[]a]", "[", "]", "^", "$", "|")
CODES = (r"\d", r"\+", r"\\", r"\x41", r"\1", r"\b", r"\ ", "(?:", "(?i)", "(?#", "(?!")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("needle[0-9]{4}", "needle"),
        ("Order +4711", "order "),
        (r"a\.b", "a.b"),
        ("refunds?", "refund"),
        ("ab*cde", "cde"),
        ("(refund)x", "x"),
        ("refund|return", ""),
        ("(?:refund)", ""),
        (r"\x41bc", ""),
        ("[]abc]de", "de"),
        ("wait", "wa"),
        ("", ""),
    ],
)
def test_the_longest_text_that_is_sure_is_taken(pattern: str, text: str) -> None:
    assert required_text(pattern) == text


@pytest.mark.filterwarnings("ignore::FutureWarning")  # "[[ab]"
@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from((*PIECES, *SIGNS, *CODES)), max_size=7).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)
def test_no_text_that_matches_is_without_it(pattern: str, text: str) -> None:
    folded = fold(text)
    with suppress(re.error):
        if re.compile(pattern, re.IGNORECASE).search(folded):
            assert required_text(pattern) in folded
