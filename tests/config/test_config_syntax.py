"""A file that is not TOML, not text or too large, told in the same style as any other mistake."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.problem import ConfigRefused

CANARY = "zv_live_c4n4ry0000000000000000"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb = nope\n", "s.toml:2:5: expected TOML, got a mistake: invalid value"),
        ("a = 1\na = 2\n", 's.toml:2:6: expected TOML, got a mistake: the key "a" for the second time'),
        ("a = 1\na = 2", 's.toml:2: expected TOML, got a mistake: the key "a" for the second time'),
        ("[b]\na = 1\na = 2", 's.toml:3: expected TOML, got a mistake: the key "b.a" for the second time'),
        ("a = 1\na = [\n2]", 's.toml:3: expected TOML, got a mistake: the key "a" for the second time'),
        (
            '[[a]]\n[a.b]\nc = 1\nd = "c = 9"\nc = [\n  "d",\n  2,\n]\n',
            's.toml:8:2: expected TOML, got a mistake: the key "a.b.c" for the second time',
        ),
        ("[a]\n[a]\n", 's.toml:2:3: expected TOML, got a mistake: the table "a" for the second time'),
        ("[a]\nb = 1\n[[a]]\n", 's.toml:3:4: expected TOML, got a mistake: the table "a" for the second time'),
        ('\n\na = """x\n\n', "s.toml:3: expected TOML, got a mistake: unterminated string (the file ends too early)"),
        (f"[[source]]\napi_key = {CANARY}\n", "s.toml:2:11: expected TOML, got a mistake: invalid value"),
        ("a = 2026-02-30\n", "s.toml:1:5: expected TOML, got a mistake: invalid date or datetime"),
        ("a = " + "[" * 9_000, "s.toml: expected TOML, got lists or tables nested too deeply"),
        ("b = 1\na" + ".a" * 400_000 + " = 1", "s.toml:2: expected keys of at most 32 parts, got one of more parts"),
        ("[a" + ".a" * 500_000 + "]", "s.toml:1: expected keys of at most 32 parts, got one of more parts"),
        ("a = { a" + " . 'a'" * 33 + " = 1 }", "s.toml:1: expected keys of at most 32 parts, got one of more parts"),
        ("a = " + "9" * 5_000, "s.toml: expected TOML, got text that the parser gives up on"),
        ("# " + "x" * 1_048_576, "s.toml: expected a file of at most 1 MiB, got a larger one"),
    ],
    ids=range(17),
)
def test_tells_where_it_is_no_toml(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text(text)
    with pytest.raises(ConfigRefused) as refused:
        load_config(file)
    assert refused.value.message.replace(f"{tmp_path}/", "") == expected


def test_tells_where_it_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigRefused, match=r"s\.toml:2: expected UTF-8 text, got bytes that are not$"):
        load_config(file)


def test_a_list_of_very_many_is_read_in_time_that_grows_with_it(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    names = ", ".join(f'"d{number}"' for number in range(40_000))
    streams = "".join(f'[[stream]]\nname = "s{n}"\nsource = "a"\ndatasets = ["d"]\n' for n in range(1_000))
    file.write_text(f'[[stream]]\nname = "s"\nsource = "a"\ndatasets = [{names}]\n{streams}')
    began = time.process_time()
    with pytest.raises(ConfigRefused):
        load_config(file)
    assert time.process_time() - began < 20  # minutes, where each is compared with every other
