"""Reads a TOML file of a person's: its text, and what it says, or the place of the mistake in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from strongroom.config.problem import ConfigRefused, Problem, quote
from strongroom.model.errors import UsageError

_LARGEST = 1_048_576  # bytes
_KEY = re.compile(r"""[ \t]*((?:[A-Za-z0-9_.-]|"[^"\n]*"|'[^'\n]*')+)[ \t]*=""", re.ASCII)
_TABLE = re.compile(r"[ \t]*\[+([^\[\]\n]+)\]+", re.ASCII)
_PART = r"""(?:(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{32}}", re.ASCII)  # the parser's time grows with the square
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_text(path: Path, noun: str, hint: str) -> str:
    """Return the text of a file; `noun` names it in messages, `hint` says what to do where it cannot be read.

    Raises UsageError where it cannot be read, and ConfigRefused where it is too large or no text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{noun} {path} cannot be read: {error.strerror}", hint=hint) from None
    if len(content) > _LARGEST:
        raise ConfigRefused([Problem(str(path), None, "", "a file of at most 1 MiB", "a larger one")])
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigRefused([Problem(str(path), line, "", "UTF-8 text", "bytes that are not")]) from None


def parse_toml(file: str, text: str) -> dict[str, object]:
    """Return what a TOML text says; raises ConfigRefused with the place of the mistake."""
    deep = _DEEP.search(text)
    if deep is not None:
        line = text.count("\n", 0, deep.start()) + 1
        raise ConfigRefused([Problem(file, line, "", "keys of at most 32 parts", "one of more parts")])
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigRefused([Problem(file, None, "", "TOML", "lists or tables nested too deeply")]) from None
    except ValueError as error:
        raise ConfigRefused([_syntax_problem(file, text, str(error))]) from None


def _syntax_problem(file: str, text: str, message: str) -> Problem:
    """Turn the parser's message into ours. It names keys and single characters but repeats no values."""
    place = _PLACE.search(message)
    if place is None:
        return Problem(file, None, "", "TOML", "text that the parser gives up on")
    last = text.rstrip("\n").count("\n") + 1
    double = _of_a_double(text, int(place[1] or last), message)
    words = double or message[: place.start()]
    got = f"a mistake: {words[:1].lower()}{words[1:]}"
    if place[1] is None:
        return Problem(file, last, "", "TOML", got if double else f"{got} (the file ends too early)")
    return Problem(file, int(place[1]), "", "TOML", got, column=int(place[2]))


def _of_a_double(text: str, line: int, message: str) -> str:
    """Return the key or table that occurs twice, which the parser does not name; empty for other mistakes.

    The parser stops behind the value, so the key is the nearest one before that.
    """
    if not message.startswith(("Cannot overwrite a value", "Cannot declare")):
        return ""
    before = text.split("\n")[:line]
    header = next((found[1].strip() for each in reversed(before) if (found := _TABLE.match(each))), "")
    if _TABLE.match(before[-1]):
        return f"the table {quote(header)} for the second time" if header else ""
    key = next((found[1] for each in reversed(before) if (found := _KEY.match(each))), "")
    name = f"{header}.{key}" if header else key
    return f"the key {quote(name)} for the second time" if key else ""
