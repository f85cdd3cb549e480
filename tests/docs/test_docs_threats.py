"""What docs/threats.md says of local writers is shown by tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_row_and_file_that_is_named_is_there() -> None:
    text = (ROOT / "docs" / "threats.md").read_text()
    table = (ROOT / "tests" / "kit" / "attacks" / "table.py").read_text()
    rows = {line.split(" | ")[2] for line in table.splitlines() if line.count(" | ") >= 3}
    named = set(re.findall(r"`table: ([^`]+)`", text))
    assert len(named) >= 30
    assert named <= rows
    files = set(re.findall(r"`(tests/[^`]+\.py)`", text))
    assert files
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_each_kind_of_writer_has_its_table() -> None:
    text = (ROOT / "docs" / "threats.md").read_text()
    for who in ("the catalogue alone", "the configuration alone", "the log alone", "all three"):
        assert f"**Who can write {who}" in text
