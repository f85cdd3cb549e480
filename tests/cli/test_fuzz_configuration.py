"""Whatever a configuration says: it is refused in words, or every command works by it."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from kit.cli_home import Home
from kit.hostile_input import SEED, TEXTS, Faults, rounds, run_program

EXAMPLE = (Path(__file__).parents[2] / "config.example.toml").read_text(encoding="utf-8")
VALUES = (
    *(
        "-1",
        "0",
        "1",
        "9" * 25,
        "-" + "9" * 25,
        "1e308",
        "-inf",
        "nan",
        "true",
        "false",
        "[]",
        "[[]]",
        "{}",
        "{ a = 1 }",
    ),
    *("0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-01T00:00:00"),
    *("[1, 2]", '["a", "a"]', "12:00:00", '"""a\nb"""', "[" * 90 + "]" * 90, "{ a.a.a = 1 }", "a"),
    *(
        f'"{each}"'
        for each in ("99999999 TB", "999999999d", "36600d", "9999y", "120000m", "1s", "0s", "1 B", "0 B", "year")
    ),
)
COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("config", "show"), ("config", "show", "--json"), ("status",), ("plan",), ("coverage",), ("doctor", "--offline")),
    *(("retention", "plan", "--all"), ("source", "list"), ("scrub", "status"), ("destroy", "list"), ("key", "list")),
    *(
        ("destroy", "propose", "--due"),
        ("hold", "list"),
        ("archives",),
        ("jobs",),
        ("audit", "verify"),
        ("notify", "list"),
    ),
    *(("plan", "edit", "support-messages", "--settle", "7h", "--dry-run"), ("status", "--json"), ("plan", "--json")),
    *(("coverage", "statement", "--from", "2026-11-01", "--to", "2026-11-05"), ("destroy", "carry-out")),
    *(("records", "support-messages", "--from", "2026-11-01", "--to", "2026-11-02"), ("service", "status", "--user")),
)
_PAIR = re.compile(r"(?m)^([a-z_-]+ = )([^\n#]*[^\n# ])")


def of(home: Home) -> str:
    """Return the example with every key in it, for the vault of a home."""
    own = home.config.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^# (?=proxy = )", "", EXAMPLE)
    recipients = re.findall(r"(?s)\nrecipients = \[.*?\]", own)[0]
    text = re.sub(r"(?s)\nrecipients = \[.*?\]", lambda _: recipients, text)
    text = re.sub(r"(?m)^path = .*", f'path = "{home.vault}"', text, count=1)
    text = re.sub(r"(?m)^identity = .*", f'identity = "{home.identity}"', text)
    text = re.sub(r"(?m)^proxy = .*", 'proxy = "http://127.0.0.1:9"', text)
    signing = re.findall(r"(?m)^signing_key = .*", own)
    return re.sub(r"(?m)^signing_key = .*", signing[0] if signing else "", text)


def toml_text(text: str) -> str:
    escaped = "".join(f"\\u{ord(char):04x}" if not char.isprintable() and ord(char) < 0xD800 else char for char in text)
    return '"' + escaped.replace('"', '\\"') + '"'


def spoilt(text: str, random_bytes: random.Random) -> str:
    """Return the configuration with other values for one or two keys."""
    for _ in range(random_bytes.choice((1, 1, 2))):
        found = random_bytes.choice(list(_PAIR.finditer(text)))
        value = random_bytes.choice(VALUES) if random_bytes.random() < 0.7 else toml_text(random_bytes.choice(TEXTS))
        text = text[: found.start()] + found[1] + value + text[found.end() :]
    return text


@pytest.mark.slow
def test_whatever_a_configuration_says_a_command_ends_in_words(own_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_DEBUG", "1")
    monkeypatch.chdir(own_home.folder)
    random_bytes, found, whole = random.Random(f"{SEED} configuration"), Faults(), of(own_home)
    accepted = 0
    for _ in rounds(4):
        text = spoilt(whole, random_bytes)
        own_home.config.write_bytes(text.encode("utf-8", "surrogateescape"))
        checked = run_program("--config", own_home.config, "config", "check")
        found.add(("config check", text), checked)
        if checked.code == 0:
            accepted += 1
            for words in random_bytes.sample(COMMANDS, 3):
                found.add((*words, _difference(whole, text)), run_program("--config", own_home.config, *words))
    assert accepted
    assert not found, found


def _difference(before: str, after: str) -> list[str]:
    return [line[:200] for line in after.splitlines() if line not in before.splitlines()]
