"""Seeded nonsense for everything that the program reads, and ways to run the whole program on it in this process.

STRONGROOM_FUZZ_SECONDS makes every fuzz test longer; STRONGROOM_FUZZ_SEED takes another way.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from time import thread_time
from typing import Any

from strongroom.cli.main import cli

SEED = int(os.environ.get("STRONGROOM_FUZZ_SEED", "1"))
PIECES = (
    *(b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\xc3\x84", b"\xef\xbb\xbf", b"1e999", b"-1", b"NaN", b"null"),
    *(b"true", b"[]", b"{}", b'""', b"9" * 20, b"9" * 5_000, b"[" * 2_000, b"\n", b"\r\n", b"=", b".", b"a." * 200),
    *(b"9999-12-31T23:59:59-14:00", b"0001-01-01T00:00:00+14:00", b"\xe2\x80\x94 ", b"+", b" " * 300, b'"', b"'", b"#"),
)
TIMES = (
    *(
        "9999-12-31",
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "2026-11-01T00:00:00+24:00",
    ),
    *("2026-11-31", "2026-11-01T00:00", "2026-11-01T06:00Z", "2026-11-04", "2026-W45-1", "\uff12026-11-01"),
)
NUMBERS = (
    "-1",
    "0",
    "1",
    str(2**31),
    str(2**63 - 1),
    str(2**63),
    "9" * 25,
    "9" * 5_000,
    "1e999",
    "NaN",
    "-inf",
    "²",
    "٣",
)
WORDS = (
    *("", " ", "-", "--", "-x", "--nosuch", "a", "A.B", "a=b", "..", "../x", "a/b", "\x1b[31m", "a\nb", "a\r\nb", "\t"),
    *(
        "ä",
        "a\u0308",
        "\u202e",
        "\ufeff",
        "\U0001f600",
        "\udcff",
        "a\udc80b",
        "\udcc3",
        "%s",
        "%",
        "*",
        "[a-",
        "(",
        "\\",
    ),
    *(
        "x" * 300,
        "x" * 70_000,
        "/" * 300,
        "a." * 5_000,
        "[" * 5_000,
        "ä" * 200,
        "null",
        "[]",
        "{}",
        '"',
        "'",
        "#",
        "0x10",
    ),
    *(
        "1d",
        "9" * 30 + "d",
        "1e9d",
        "-1d",
        "0s",
        "1 year",
        "9" * 20 + " years",
        "file:",
        "file:\udcff",
        "env:",
        "env:A=B",
    ),
    *("command:", "keyring:a", "credential:../x", "http://", "http://[", "https://a:b@c:99999999/", "http://\udcff/"),
)
TEXTS = (*TIMES, *NUMBERS, *WORDS)
CELLS: tuple[object, ...] = (
    *(None, b"", b"\xff\xfe", b"{", b"\0" * 9, 0, -1, 2**63 - 1, -(2**63), 1.5, float("inf"), -1e308, *TEXTS),
    *('{"a": 1e999}', '"\\ud800"', "[1]", "9" * 400, "true"),
)


ODD: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        1.5,
        2**63,
        -(2**63),
        10**25,
        10**400,
        float("inf"),
        float("nan"),
        [],
        {},
        [[]],
        [None],
    ),
    *({"a": 1}, [1], ["a"], "\ud800", "a\udfffb", "\0", *TEXTS, [{}] * 3, {"id": "\ud800"}),
)


def seconds(default: float) -> float:
    """Return for how long one fuzz test may take, given what it takes by itself."""
    return float(os.environ.get("STRONGROOM_FUZZ_SECONDS", "0")) or default


def rounds(default: float) -> Iterator[int]:
    """Count until the time of one fuzz test is over."""
    end, number = thread_time() + seconds(default), 0
    while thread_time() < end:
        yield number
        number += 1
    assert number


def mutate(data: bytes, random_bytes: random.Random) -> bytes:
    """Put one to four pieces of nonsense into data, or take parts out of it."""
    for _ in range(random_bytes.randint(1, 4)):
        start = random_bytes.randrange(len(data) + 1)
        end = min(len(data), start + random_bytes.choice((0, 0, 1, 1, 2, 8, 64)))
        middle = random_bytes.choice(
            (random_bytes.choice(PIECES), bytes([random_bytes.randrange(256)]), data[start:end] * 2)
        )
        data = data[:start] + middle + data[end:]
    return data[: random_bytes.randrange(len(data) + 1)] if random_bytes.random() < 0.1 else data


ENDINGS = (0, 1, 2, 3, 4, 5, 6, 7, 75)


class TooLate(BaseException):
    """A command took longer than any may."""


def bend(value: Any, random_bytes: random.Random) -> Any:
    """Return JSON with one to three of its parts replaced, left out or added."""
    value = json.loads(json.dumps(value))
    for _ in range(random_bytes.choice((1, 1, 2, 3))):
        place = value
        while isinstance(place, (dict, list)) and place:
            key = random_bytes.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], (dict, list)) or not place[key] or random_bytes.random() < 0.3:
                if random_bytes.random() < 0.2:
                    del place[key]
                else:
                    place[key] = random_bytes.choice(ODD)
                break
            place = place[key]
    return random_bytes.choice(ODD) if random_bytes.random() < 0.03 else value


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


def run_program(*args: str | Path, text: bytes = b"") -> Ended:
    """Run a command line in this process, with streams as `strongroom.cli.main.main` sets them up."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err), _standard_input(text), _within(60):
        try:
            cli.main([str(arg) for arg in args])
            code = -1  # it always raises
        except SystemExit as ending:
            code = int(str(ending.code))
        except TooLate:
            code = -1
            err.write(traceback.format_exc())
    out.flush(), err.flush()
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]


@contextmanager
def _standard_input(text: bytes) -> Iterator[None]:
    former, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(text), "utf-8", "surrogateescape")
    try:
        yield
    finally:
        sys.stdin = former


@contextmanager
def _within(most: int) -> Iterator[None]:
    """Raise where a command takes longer than any may."""

    def refuse(_number: int, _frame: object) -> None:
        raise TooLate(f"longer than {most} s")

    former = signal.signal(signal.SIGALRM, refuse)
    signal.alarm(most)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


class Faults:
    """What ended otherwise than in words: one of each kind."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def add(self, what: object, ended: Ended) -> None:
        """Keep what a command was given where it ended in another way than any may."""
        if ended.code not in ENDINGS or "Traceback" in ended.stderr:
            self.keep(what, ended.stderr, f"{ended.code} {ended.stderr[:200]}")

    def keep(self, what: object, trace: str, words: str = "") -> None:
        """Keep one of each kind, by the error and the last lines of the program that it came from."""
        frames = re.findall(r'File ".*/((?:strongroom|strongroom_tui)/.*)", line (\d+)', trace)
        kind = re.findall(r"^(?:\w+\.)*\w+(?:Error|Exception|Interrupt|TooLate)\b.*", trace, re.MULTILINE)
        name = f"{kind[-1][:120] if kind else words} at {frames[-3:]}"
        self.found.setdefault(name, f"{what!a}"[:600])

    def __bool__(self) -> bool:
        return bool(self.found)

    def __repr__(self) -> str:
        return "\n".join(f"{name}\n    {what}" for name, what in self.found.items())
