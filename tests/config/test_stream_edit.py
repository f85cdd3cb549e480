"""One stream is changed in a file that a person wrote; nothing else in it is, and the loader has the last word."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from strongroom.config.edit import (
    changed_fields,
    replace_in_stream,
    rewrite_stream,
    shown,
    stream_lines,
    try_stream,
)
from strongroom.config.load import Freshness, load_config
from strongroom.config.problem import ConfigRefused
from strongroom.model.bech32 import encode_bech32
from strongroom.model.errors import UsageError

TEXT = f"""# the house of archives
[vault]
path = "vault"  # beside this
recipients = ["{encode_bech32("age", b"q" * 32)}"]

[[source]]
name = "main"
provider = "zavu"
api_key = "env:KEY"

[[stream]]
name = "messages"
source = "main"
datasets = ["messages"]
settle = "6h"  # the provider is slow
retention = "standard"

# these are about calls
[stream.filters]
channel = "sms"

# the second
[[stream]]
name = "calls"
source = "main"
datasets = ["calls"]
since = 2026-01-01
priority = 3  # urgent

# how long
[retention.standard]
period = "7y"
[retention.tax]
period = "10y"
"""
EVERYTHING = {
    "window": "hour",
    "settle": "2h",
    "settled_pass": "30d",
    "since": "2026-03-01",
    "time_zone": "Europe/Berlin",
    "retention": "standard, tax",
    "priority": "-2",
    "paused": "true",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "strongroom.toml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


@pytest.mark.parametrize("stream", ["messages", "calls"])
def test_every_field_is_written_and_nothing_else_is_touched(file: Path, stream: str) -> None:
    config = rewrite_stream(file, stream, EVERYTHING)
    assert shown(config.stream(stream)) == EVERYTHING
    assert load_config(file) == config
    before, after = tomllib.loads(TEXT), tomllib.loads(file.read_text())
    for data in (before, after):
        (changed,) = [each for each in data["stream"] if each["name"] == stream]
        for name in EVERYTHING:
            changed.pop(name, None)
    assert before == after
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("stream", ["messages", "calls"])
def test_comments_and_order_stay(file: Path, stream: str) -> None:
    rewrite_stream(file, stream, EVERYTHING)
    text = file.read_text()
    for comment in TEXT.split("#")[1:]:
        assert "#" + comment.splitlines()[0] in text
    assert text.index("# these are about calls\n[stream.filters]") < text.index("# the second\n[[stream]]")
    assert text.index("# the second\n[[stream]]") < text.index("# how long\n[retention.standard]")


def test_empty_text_takes_a_key_out_so_that_its_default_counts(file: Path) -> None:
    rewrite_stream(file, "calls", {"since": "", "priority": ""})
    calls = load_config(file).stream("calls")
    assert (calls.since, calls.priority) == (None, 0)
    assert "urgent" not in file.read_text()


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("window", "fortnight", "expected one of hour, day, week, month"),
        ("settle", "soon", "expected a duration"),
        ("settled_pass", "1h", "expected a duration longer than settle"),
        ("since", "yesterday", 'expected a date, a date-time with a zone, or "oldest"'),
        ("since", "2026-02-30", "expected a date"),
        ("since", "2026-02-03T00:00:00", "without a zone"),
        ("time_zone", "Berlin", 'did you mean "Europe/Berlin"?'),
        ("retention", "standad", 'did you mean "standard"?'),
        ("retention", "standard, none", "expected the name of a retention class"),
        ("priority", "11", "expected a whole number from -10 to 10"),
        ("priority", "high", "expected a whole number from -10 to 10"),
        ("paused", "perhaps", "expected true or false"),
    ],
)
def test_what_the_loader_refuses_is_not_written(file: Path, name: str, typed: str, words: str) -> None:
    for act in (try_stream, rewrite_stream):
        with pytest.raises(ConfigRefused) as refused:
            act(file, "messages", {name: typed})
        assert words in refused.value.message
        assert str(file) in refused.value.message
    assert file.read_text() == TEXT


def test_trying_writes_nothing(file: Path) -> None:
    config = try_stream(file, "messages", {"settle": "1h"})
    assert shown(config.stream("messages"))["settle"] == "1h"
    assert file.read_text() == TEXT


@pytest.mark.parametrize("text", ["stream = [{name = 'a'}]\n", "[[stream]]\nname = 'b'\n", "no toml", "[vault]\n"])
def test_what_cannot_be_done_alone_is_told_line_by_line(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        replace_in_stream(text, "a", {"settle": "1h", "priority": "", "since": "2026-03-01"})
    for line in ("[[stream]]", 'name = "a"', 'settle = "1h"', "since = 2026-03-01", "# without priority"):
        assert line in refused.value.hint.splitlines()


def test_a_folder_that_may_not_be_written_leads_to_the_lines(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("strongroom.config.edit.os.open", refuse)
    with pytest.raises(UsageError) as refused:
        rewrite_stream(file, "messages", {"settle": "1h"})
    assert stream_lines("messages", {"settle": "1h"}) in refused.value.hint
    assert file.read_text() == TEXT


def test_only_what_is_typed_otherwise_counts_as_changed(file: Path) -> None:
    calls = load_config(file).stream("calls")
    assert changed_fields(calls, shown(calls)) == {}
    assert changed_fields(calls, {**shown(calls), "since": " oldest "}) == {"since": "oldest"}


def test_a_file_is_fresh_once_for_each_change(file: Path) -> None:
    fresh = Freshness(file)
    assert not fresh.changed()
    rewrite_stream(file, "calls", {"settle": "3h"})
    assert [fresh.changed(), fresh.changed()] == [True, False]
    file.unlink()
    assert not fresh.changed()
