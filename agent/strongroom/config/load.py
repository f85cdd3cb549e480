"""From a file to a Config: found, read, parsed, checked as a whole. Every mistake is reported at once.

Whether a configuration file is another one than before: asked again and again, it costs one look at the folder.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from strongroom.config.keys import Scope, read_section
from strongroom.config.line_numbers import Locator
from strongroom.config.manifest import ManifestFile, find_manifests, load_manifest
from strongroom.config.problem import ConfigRefused, Problem, Unfit
from strongroom.config.reader import Notebook, TableReader
from strongroom.config.schema import Config
from strongroom.config.toml_text import parse_toml, read_text
from strongroom.config.values import path_from
from strongroom.model.errors import UsageError
from strongroom.model.provider import PROVIDER_GROUP

PROVIDERS = frozenset({"hookbridge", "qlara", "zavu"})
"""Providers that need no other distribution."""


def find_config(explicit: Path | None, env: Mapping[str, str], cwd: Path) -> Path:
    """Return the configuration file to use; the first that applies, and one that was named must be there.

    The order: `explicit`, $STRONGROOM_CONFIG, ./strongroom.toml, $XDG_CONFIG_HOME/strongroom/config.toml (by default
    under ~/.config), /etc/strongroom/config.toml. A folder that may not be looked into, such as another person's home
    under sudo, comes last. Raises UsageError when there is none.
    """
    named = explicit or (Path(env["STRONGROOM_CONFIG"]) if env.get("STRONGROOM_CONFIG") else None)
    places = [cwd / named] if named else _usual_places(env, cwd)
    found = next(filter(_is_seen, places), None) or next(filter(_is_there, places), None)
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


def _is_seen(place: Path) -> bool:
    try:
        return place.is_file()
    except OSError:
        return False


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


class Known:
    """The providers that a source may name: installed ones, and those that a file describes."""

    def __init__(self, installed: Collection[str], described: Collection[str]) -> None:
        self._installed, self._described = installed, described

    def __contains__(self, name: object) -> bool:
        return name in self._described or name in self._installed

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({*self._installed, *self._described}))

    def __len__(self) -> int:
        return len({*self._installed, *self._described})


def load_config(path: Path, *, providers: Collection[str] = Installed()) -> Config:
    """Read and check a configuration file. Secrets are not fetched; of paths, only those of manifests are visited.

    Raises ConfigRefused with every mistake in it, and UsageError when the file cannot be read.
    """
    return parse_config(
        path, read_text(path, "the configuration", "create one with: strongroom init"), providers=providers
    )


def parse_config(path: Path, text: str, *, providers: Collection[str] = Installed()) -> Config:
    """Check a text as the present or future content of a configuration file.

    Raises ConfigRefused with every mistake in it.
    """
    text = text.replace("\r\n", "\n")
    data = parse_toml(str(path), text)
    notebook = Notebook(str(path), Locator(text, data))
    file, root = path.absolute(), TableReader(data, (), notebook)
    described = _described(data, file.parent, providers, notebook)
    known = Known(providers, described)
    scope = Scope(file.parent, known, _names(data.get("source")), list(_table(data.get("retention"))))
    config: Config = read_section(Config, root, scope, file=file)
    problems = sorted(notebook.problems, key=lambda problem: problem.line or 0)
    manifests = _manifests(config, described, problems)
    if problems:
        raise ConfigRefused(problems)
    return replace(config, warnings=tuple(notebook.cautions), manifests=manifests)


def _described(
    data: Mapping[str, object], base: Path, providers: Collection[str], notebook: Notebook
) -> dict[str, Path]:
    """Return the providers that are described by a file in the directories that the file names."""
    key, parse = ("provider", "directories"), path_from(base)
    named = _table(data.get("provider")).get("directories")
    found: dict[str, Path] = {}
    try:
        found = find_manifests(parse(each) for each in (named if isinstance(named, list) else ()))
    except Unfit:
        return {}  # noted where the section is read
    except UsageError as error:
        notebook.refuse(key, "directories with one manifest for each provider", error.message, error.hint)
    for name in [name for name in found if name in providers]:
        notebook.refuse(key, "manifests with names of their own", f"{found.pop(name)}", f"{name} is an adapter")
    return found


def _manifests(config: Config, described: Mapping[str, Path], problems: list[Problem]) -> dict[str, ManifestFile]:
    """Read the manifests of the providers that sources name; their mistakes join the others."""
    found: dict[str, ManifestFile] = {}
    for name in dict.fromkeys(source.provider for source in config.sources if source.provider in described):
        try:
            found[name] = load_manifest(described[name])
        except ConfigRefused as refused:
            problems += refused.problems
        except UsageError as error:
            problems.append(Problem(str(described[name]), None, "", "a manifest that can be read", error.message))
    return found


def _table(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _names(tables: object) -> set[str]:
    """Return the names that an array of tables declares."""
    found = [_table(each).get("name") for each in tables] if isinstance(tables, list) else []
    return {name for name in found if isinstance(name, str)}


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
