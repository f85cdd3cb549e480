from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.config.line_numbers import Locator
from strongroom.config.problem import KeyPath

TEXT = '''\
# comment = "not a key"
title = """
[not.a.table]
x = 1 \\"""
""" # after
[vault]                                   # 6
path = 'a # "b"'
"quoted \\u0061.key" . sub = 1
recipients = [ # 9
  "one", # "two",
  """
]three""",
  'four',
]
inline = { a = 1, b.c = [1, { d = 2 }], "e f" = {} } # 15
when = 1979-05-27 07:32:00Z
[[source]] # 17
name = "x"
[source.limits]
per_hour = 1
[[source.item]]
a = 1
[[source.item]]
a = 2
[[source]] # 25
name = "y"
[source.limits]
per_hour = 2
[deep.er]
still = [[1, 2], [
  3]]
[ spaced . "out" ]
k = -inf
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("vault",), 6),
        (("vault", "path"), 7),
        (("vault", "quoted a.key", "sub"), 8),
        (("vault", "recipients"), 9),
        (("vault", "recipients", 0), 10),
        (("vault", "recipients", 1), 11),
        (("vault", "recipients", 2), 13),
        (("vault", "inline", "b", "c", 1, "d"), 15),
        (("vault", "inline", "e f"), 15),
        (("vault", "when"), 16),
        (("source",), 17),
        (("source", 0), 17),
        (("source", 0, "limits", "per_hour"), 20),
        (("source", 0, "item", 1, "a"), 24),
        (("source", 1), 25),
        (("source", 1, "name"), 26),
        (("source", 1, "limits"), 27),
        (("source", 1, "limits", "per_hour"), 28),
        (("deep", "er", "still", 1, 0), 31),
        (("spaced", "out", "k"), 33),
        (("vault", "missing"), None),
        (("source", 2), None),
        ((), None),
    ],
)
def test_finds_the_line(path: KeyPath, line: int | None) -> None:
    assert Locator(TEXT, tomllib.loads(TEXT)).line_of(path) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [(("vault", "missing"), 6), (("source", 1, "limits", "missing"), 27), (("nowhere", "key"), None), ((), None)],
)
def test_finds_the_table_around_a_missing_key(path: KeyPath, line: int | None) -> None:
    assert Locator(TEXT, tomllib.loads(TEXT)).line_near(path) == line


@pytest.mark.parametrize("text", ["a = 1\nb = 2", "a = 1\n= 2", 'a = """', "a = [1", "[[", "a = {", "\x00", "a"])
def test_gives_no_line_rather_than_a_wrong_one(text: str) -> None:
    assert Locator(text, {"a": 1, "c": 3}).line_of(("a",)) is None


def test_survives_deep_nesting() -> None:
    text = "a = " + "[" * 5_000 + "]" * 5_000
    assert Locator(text, {"a": []}).line_of(("a",)) is None


_KEYS = st.sampled_from(["a", "b-1", '"q \\" ]"', "'#l'", '"\\u00e9"', "1"])
_SCALARS = st.sampled_from(
    [
        "1",
        "-0.5e+3",
        "true",
        '"s # ["',
        "'l \\'",
        "2026-06-01",
        "2026-06-01 10:00:00",
        "07:32:00.5",
        "inf",
        '"""m\n[x]\na = 1\\""""""',
        "'''\n\"q\" ''x'''",
        '""""""',
        "''''''",
        '""',
    ]
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ # c ]\n" + ",\n".join(items) + "\n]")
        | st.dictionaries(_KEYS, inner, max_size=3).map(
            lambda pairs: "{" + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + "}"
        )
    ),
    max_leaves=6,
)
_HEADS = st.lists(_KEYS, min_size=1, max_size=3).map(".".join)
_STATEMENTS = st.one_of(
    st.tuples(_HEADS, _VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"),
    _HEADS.map(lambda head: f"[{head}]"),
    _HEADS.map(lambda head: f"[[ {head} ]] # c"),
    st.just("# [x]"),
    st.just(""),
)


@given(st.lists(_STATEMENTS, max_size=8))
def test_knows_every_key_of_whatever_the_parser_takes(statements: list[str]) -> None:
    taken: list[str] = []
    for statement in statements:  # drop what is no TOML where it stands, such as a key given twice
        try:
            tomllib.loads("\n".join([*taken, statement]))
        except tomllib.TOMLDecodeError:
            continue
        taken.append(statement)
    text = "\n".join(taken)
    data = tomllib.loads(text)
    locator = Locator(text, data)
    assert all(locator.line_of((key,)) is not None for key in data)


@given(st.lists(_VALUES, min_size=1, max_size=6), st.data())
def test_the_line_is_where_the_key_stands(values: list[str], data: st.DataObject) -> None:
    text = "\n".join(f"unique{index} = {value}" for index, value in enumerate(values))
    index = data.draw(st.integers(0, len(values) - 1))
    line = Locator(text, tomllib.loads(text)).line_of((f"unique{index}",))
    assert line is not None
    assert text.split("\n")[line - 1].startswith(f"unique{index} = ")
