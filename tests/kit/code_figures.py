"""The code in figures: how many files, how long, how they hang together. `make figures` prints them.

Imports are found by their shape and not by parsing, which takes five times as long. Those inside functions and those
for types alone count as well: whoever reads a file must know the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
ROOTS = ("agent", "tui")
LONG = 400  # lines

_TEXT = re.compile(r'("""|\'\'\')(?:\\.|(?!\1).)*\1', re.DOTALL)
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>[\w.]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(?P<modules>\w[^\n]*))",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Import:
    """One statement: its lines, and all that it may name."""

    lines: int
    names: tuple[tuple[str, ...], ...]  # each with what it falls back to: a module's member is that module


@dataclass(frozen=True, slots=True)
class Module:
    """One file."""

    lines: int
    imports: tuple[Import, ...]


def imports(source: str) -> Iterator[Import]:
    """Return every import statement of a file, wherever in it it stands."""
    for found in _IMPORT.finditer(_TEXT.sub("''", source)):
        names = [re.sub(r"#[^\n]*", "", part) for part in (found["names"], found["modules"]) if part]
        words = [each.split()[0] for text in names for each in text.strip("() \n").split(",") if each.split()]
        module = found["module"]
        yield Import(
            1 + found[0].strip("\n").count("\n"),
            tuple((f"{module}.{word}", module) if module else (word,) for word in words),
        )


def modules(root: Path = ROOT) -> dict[str, Module]:
    """Return every module of the program by its name."""
    return dict(_modules(root))


def _modules(root: Path) -> Iterator[tuple[str, Module]]:
    for home in ROOTS:
        for path in sorted((root / home).rglob("*.py")):
            parts = path.relative_to(root / home).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            source = path.read_text()
            yield name, Module(len(source.splitlines()), tuple(imports(source)))


def graph(known: Mapping[str, Module]) -> dict[str, frozenset[str]]:
    """Return for each module those of ours that it imports."""
    return {name: frozenset(_known(module, known)) - {name} for name, module in known.items()}


def _known(module: Module, known: Mapping[str, Module]) -> Iterator[str]:
    for each in module.imports:
        for names in each.names:
            yield from [name for name in names if name in known][:1]


def cycles(edges: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Return every group of modules that reach each other, by Tarjan's method."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        path.append(name)
        for below in sorted(edges[name]):
            if below not in number:
                visit(below)
                low[name] = min(low[name], low[below])
            elif below in path:
                low[name] = min(low[name], number[below])
        if low[name] == number[name]:
            group = path[path.index(name) :]
            del path[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in edges:
        if name not in number:
            visit(name)
    return found


def words() -> Iterator[str]:
    """Write the figures."""
    known = modules()
    edges = graph(known)
    lines = [each.lines for each in known.values()]
    of_imports = sum(each.lines for module in known.values() for each in module.imports)
    users = [name for below in edges.values() for name in below]
    yield f"{len(known)} files, {sum(lines):,} lines, median {median(lines):.0f}"
    yield f"{of_imports / sum(lines):.1%} of the lines are imports"
    yield f"{sum(users.count(name) == 1 for name in known)} modules have a single importer"
    yield f"{len(cycles(edges))} import cycles"
    yield f"{sum(each > LONG for each in lines)} files over {LONG} lines"


if __name__ == "__main__":
    print("; ".join(words()))
