from __future__ import annotations

import pytest

from strongroom.config.problem import describe


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("short", '"short"'),
        ("a\x1b[31m\n", '"a\\u001b[31m\\u000a"'),
        ("no digits " * 9, '"' + ("no digits " * 9)[:60] + '…"'),
        (10**400, "a very large number"),
        (-3, "the number -3"),
        ([1], "a list"),
        ({}, "a table"),
        (False, "false"),
    ],
)
def test_describes_on_one_printable_line(value: object, shown: str) -> None:
    assert describe(value) == shown
