from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.providers.answers import plain_words, redact

KEY = "zv_live_canary1+/="


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("nothing to hide: 3 exports", "nothing to hide: 3 exports"),
        (f"key {KEY} is old", "key [hidden] is old"),
        ("as zv_live_canary1%2B%2F%3D came", "as [hidden] came"),
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [hidden]"),
        ("get https://s.example/a/b.zip?token=x&y=1 again", "get https://s.example/a/b.zip again"),
        ("see https://me:pass@s.example/a#part.", "see https://s.example/a"),
        ("(https://s.example?sig=1)", "(https://s.example"),
        ("path /a.zip?token=abcdef&x=1", "path /a.zip?token=[hidden]&x=1"),
        ("X-Amz-Signature=0123abcd", "X-Amz-Signature=[hidden]"),
        ('{"api_key": "k1234567"}', '{"api_key": "[hidden]"}'),
        ("the monkey: banana", "the monkey: banana"),
        ("Invalid API key: it was revoked", "Invalid API key: it was revoked"),
    ],
)
def test_secrets_tokens_and_queries_go(text: str, clean: str) -> None:
    assert redact(text, [KEY]) == clean


@given(st.text(max_size=80), st.text(max_size=80), st.text(alphabet="abcXYZ019_-+/=.", min_size=8, max_size=40))
def test_no_secret_survives_wherever_it_stands(before: str, after: str, secret: str) -> None:
    assert secret not in redact(before + secret + after, [secret])
    assert secret not in plain_words(before + secret + after, [secret])


@given(st.text(max_size=60), st.text(alphabet="abcXYZ019_-+/=.%", min_size=8, max_size=40))
def test_no_query_of_an_address_survives(before: str, token: str) -> None:
    canary = f"canary{token}"
    assert canary not in redact(f"{before} https://host.example/path?t={canary} after")


@pytest.mark.parametrize("value", [None, 3, True, ["x"], {"a": 1}, b"bytes"])
def test_only_text_is_shown(value: object) -> None:
    assert plain_words(value) == ""


def test_foreign_text_becomes_one_short_printable_line() -> None:
    assert plain_words("a\x1b[31m\r\nb\u202ec\x00d") == "a [31m b c d"
    assert plain_words("x" * 500, limit=50) == "x" * 49 + "…"
    assert plain_words("word " * 30 + KEY, [KEY], limit=160).endswith("[hidden]")


def test_a_secret_at_the_cut_does_not_survive_in_part() -> None:
    assert "zv_live" not in plain_words("x" * 40 + " " + KEY, [KEY], limit=48)
