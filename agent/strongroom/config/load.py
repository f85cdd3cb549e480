"""From a file to a Config: found, read, parsed, checked as a whole. Every mistake is reported at once.

Whether a configuration file is another one than before: asked again and again, it costs one look at the folder.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from strongroom.config.keys import Scope, read_section
from strongroom.config.line_numbers import Locator
from strongroom.config.problem import ConfigRefused, Problem, quote
from strongroom.config.reader import Notebook, TableReader
from strongroom.config.schema import Config
from strongroom.model.errors import UsageError
from strongroom.model.provider import PROVIDER_GROUP

PROVIDERS = frozenset({"hookbridge", "qlara", "zavu"})
"""Providers that need no other distribution."""

_LARGEST = 1_048_576  # bytes
_KEY = re.compile(r"""[ \t]*((?:[A-Za-z0-9_.-]|"[^"\n]*"|'[^'\n]*')+)[ \t]*=""", re.ASCII)
_TABLE = re.compile(r"[ \t]*\[+([^\[\]\n]+)\]+", re.ASCII)
_PART = r"""(?:(?<![A-Za-z0-9_-])[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_DEEP = re.compile(rf"{_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{32}}", re.ASCII)  # the parser's time grows with the square
_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def find_config(explicit: Path | None, env: Mapping[str, str], cwd: Path) -> Path:
    """Return the configuration file to use; the first that applies, and one that was named must be there.

    The order: `explicit`, $STRONGROOM_CONFIG, ./strongroom.toml, $XDG_CONFIG_HOME/strongroom/config.toml (by default
    under ~/.config), /etc/strongroom/config.toml. Raises UsageError when there is none.
    """
    named = explicit or (Path(env["STRONGROOM_CONFIG"]) if env.get("STRONGROOM_CONFIG") else None)
    places = [cwd / named] if named else _usual_places(env, cwd)
    found = next((place for place in places if _is_there(place)), None)
    if found is None and named and places[0].exists():
        what = "a folder" if places[0].is_dir() else "no regular file"
        raise UsageError(f"{places[0]} is {what}: a configuration is a file", hint="name the file itself")
    if found is None:
        tried = ", ".join(str(place) for place in places)
        raise UsageError(f"there is no configuration file; tried {tried}", hint="create one with: strongroom init")
    return found


def no_config(env: Mapping[str, str], cwd: Path) -> bool:
    """Say whether none was named and none is where it is looked for: a first run."""
    return not env.get("STRONGROOM_CONFIG") and not any(_is_there(place) for place in _usual_places(env, cwd))


def _is_there(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError:  # a folder without permission: reading the file reports it
        return True


def _usual_places(env: Mapping[str, str], cwd: Path) -> list[Path]:
    places = [cwd / "strongroom.toml"]
    folder = Path(env.get("XDG_CONFIG_HOME", ""))
    if not folder.is_absolute():  # the XDG specification has relative values ignored
        folder = Path(env.get("HOME", "")) / ".config"
    if folder.is_absolute():
        places.append(folder / "strongroom" / "config.toml")
    return [*places, Path("/etc/strongroom/config.toml")]


class Installed:
    """The providers that a source may name: ours and those that are installed, which are only looked for if need be."""

    def __contains__(self, name: object) -> bool:
        return name in PROVIDERS or name in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._all()))

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> frozenset[str]:
        # Slow to import, and most configurations name our own providers alone.
        from importlib.metadata import entry_points

        return PROVIDERS | entry_points(group=PROVIDER_GROUP).names


def load_config(path: Path, *, providers: Collection[str] = Installed()) -> Config:
    """Read and check a configuration file; secrets are not fetched and paths in it not visited.

    Raises ConfigRefused with every mistake in it, and UsageError when the file cannot be read.
    """
    return parse_config(path, _read(path), providers=providers)


def parse_config(path: Path, text: str, *, providers: Collection[str] = Installed()) -> Config:
    """Check a text as the present or future content of a configuration file.

    Raises ConfigRefused with every mistake in it.
    """
    text = text.replace("\r\n", "\n")
    data = _parse(path, text)
    notebook = Notebook(str(path), Locator(text, data))
    file, root = path.absolute(), TableReader(data, (), notebook)
    scope = Scope(file.parent, providers, _names(data.get("source")), list(_table(data.get("retention"))))
    config: Config = read_section(Config, root, scope, file=file)
    if notebook.problems:
        raise ConfigRefused(sorted(notebook.problems, key=lambda problem: problem.line or 0))
    return replace(config, warnings=tuple(notebook.cautions))


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _names(tables: object) -> set[str]:
    """Return the names that an array of tables declares."""
    found = [_table(each).get("name") for each in tables] if isinstance(tables, list) else []
    return {name for name in found if isinstance(name, str)}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"the configuration {path} cannot be read: {error.strerror}", hint="create one with: strongroom init"
        ) from None
    if len(content) > _LARGEST:
        raise ConfigRefused([Problem(str(path), None, "", "a file of at most 1 MiB", "a larger one")])
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigRefused([Problem(str(path), line, "", "UTF-8 text", "bytes that are not")]) from None


def _parse(path: Path, text: str) -> dict[str, object]:
    deep = _DEEP.search(text)
    if deep is not None:
        line = text.count("\n", 0, deep.start()) + 1
        raise ConfigRefused([Problem(str(path), line, "", "keys of at most 32 parts", "one of more parts")])
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ConfigRefused([Problem(str(path), None, "", "TOML", "lists or tables nested too deeply")]) from None
    except ValueError as error:
        raise ConfigRefused([_syntax_problem(str(path), text, str(error))]) from None


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


Stamp = tuple[int, int, int] | None


class Freshness:
    """Remembers how the file looked. A file that is away counts as unchanged: an editor may be putting it back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._stamp()

    def changed(self) -> bool:
        """Say whether the file looks otherwise than when this was last asked."""
        now = self._stamp()
        if now is None or now == self._seen:
            return False
        self._seen = now
        return True

    def _stamp(self) -> Stamp:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
