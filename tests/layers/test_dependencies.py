"""What is installed: every dependency between bounds, a server's part without tools, and nobody's private names."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
import tomllib
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from textual.app import App

from kit.code_figures import imports
from release.pinned import entries, needed, normal

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
SERVER = frozenset({"notify", "s3", "timestamps"})  # the extras that are pinned for a server
LIBRARIES = {
    *("apscheduler", "click", "cryptography", "httpcore", "httpx", "keyring", "msgspec", "prometheus_client", "pytest"),
    *("rich", "starlette", "textual", "tomlkit", "uvicorn"),
}
OURS = {"strongroom", "strongroom_sandbox", "strongroom_tui", "kit"}


DEVELOPMENT = entries(ROOT / "requirements-dev.lock")
RUNNING = entries(ROOT / "requirements.lock")


def stated() -> list[Requirement]:
    texts = [*PROJECT["build-system"]["requires"], *PROJECT["project"]["dependencies"], *chain(*EXTRAS.values())]
    return [each for each in map(Requirement, texts) if each.name != "strongroom"]


def test_every_dependency_has_a_lower_and_an_upper_bound_that_the_pinned_one_keeps() -> None:
    unbound = []
    for each in stated():
        signs = {part.operator for part in each.specifier}
        pinned = re.search(r"==([^ ;\\]+)", DEVELOPMENT[normal(each.name)])
        if not (signs & {">=", ">", "=="} and signs & {"<", "<=", "=="}) or pinned is None:
            unbound.append(str(each))
        else:
            assert each.specifier.contains(pinned[1]), each
    assert unbound == []
    assert len(stated()) > 30


def test_what_runs_on_a_server_is_pinned_as_for_development() -> None:
    assert RUNNING.items() <= DEVELOPMENT.items(), "make lock makes both"
    assert all("--hash=sha256:" in entry for entry in DEVELOPMENT.values())
    assert 40 < len(RUNNING) < len(DEVELOPMENT)


def test_a_server_gets_no_test_tool_type_checker_or_web_framework() -> None:
    tools = {Requirement(text).name for text in EXTRAS["dev"]} - {"strongroom", "hatchling"}
    demo = {Requirement(text).name for text in EXTRAS["demo"]}
    assert demo == {"starlette", "uvicorn"}
    banned = tools | demo | {"pytest", "mypy", "mypy-extensions", "iniconfig", "execnet", "syrupy", "grimp", "coverage"}
    assert not banned & set(RUNNING)
    assert {"pytest", "mypy", "ruff", "import-linter", *demo} <= set(DEVELOPMENT)


def test_a_server_gets_all_that_the_program_needs_and_what_builds_it() -> None:
    texts = [*PROJECT["project"]["dependencies"], *chain(*(EXTRAS[name] for name in SERVER)), "hatchling"]
    roots = [(normal(each.name), frozenset(each.extras)) for each in map(Requirement, texts)]
    found = {name for each in roots for name in needed(*each, set())}
    here = {name for name in RUNNING if name in found or ";" in RUNNING[name].splitlines()[0]}
    assert here == set(RUNNING), "something is pinned that nobody needs"
    assert found & set(DEVELOPMENT) <= set(RUNNING)
    assert {"apprise", "rfc3161-client", "textual", "hatchling"} <= set(RUNNING)


def test_the_program_needs_no_library_of_the_sandbox_or_of_tests() -> None:
    base = {Requirement(text).name for text in PROJECT["project"]["dependencies"]}
    assert not base & {"starlette", "uvicorn", "pytest"}
    assert [Requirement(text).name for text in EXTRAS["adapter-tests"]] == ["pytest"]


def test_what_is_handed_out_holds_both_locks() -> None:
    assert {"requirements.lock", "requirements-dev.lock"} <= set(
        PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    )


DOCUMENTED = {"os._exit", "sys._getframe", "_thread", "_typeshed"}  # public all the same
OF_NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_make"}  # public as well

_ATTRIBUTE = re.compile(r"(?<!\bself)(?<!\bcls)(?<!\bsuper\(\))\.(_[a-z]\w*)")
_PLACE = re.compile(r"""["'](\w+(?:\.\w+)*\._[a-z]\w*(?:\.\w+)*)["']""")  # as in sys.modules, import_module and patches
_MADE = re.compile(r"\bdef (_[a-z]\w*)|\bself\.(_[a-z]\w*)(?:: [^=\n]+)?(?: =|,)|^ *(_[a-z]\w*)(?: =|:)", re.MULTILINE)
"""A function, what `self` is given, and a field or a variable."""


def private(name: str) -> bool:
    return re.match(r"_[a-z]", name) is not None


def foreign_names(source: str, own: frozenset[str] = frozenset()) -> list[str]:
    """Return the private names that a file takes of others: modules, their members, and attributes nobody here made."""
    places = [names[0] for each in imports(source) for names in each.names] + _PLACE.findall(source)
    taken = [place for place in places if any(map(private, place.split("."))) and place.split(".")[0] not in OURS]
    reached = [name for name in _ATTRIBUTE.findall(re.sub(r"os\._exit|sys\._getframe", "", source)) if name not in own]
    return [place for place in [*taken, *reached] if place.split(".")[0] not in DOCUMENTED | OF_NAMED_TUPLES]


def made(source: str) -> set[str]:
    """Return the private names that a file makes itself."""
    return {name for names in _MADE.findall(source) for name in names if name}


def test_no_private_name_of_another_library_is_used() -> None:
    everything = {
        path: path.read_text()
        for folder in ("agent", "tui", "examples")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }
    own = frozenset(name for source in everything.values() for name in made(source))
    found = {path.name: names for path, source in everything.items() if (names := foreign_names(source, own))}
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        *("import uvicorn._types", "from textual._compositor import x", "from click import _compat, core"),
        *("sys.modules['httpx._main'] = None", "app._exception", "f(1)._size", "await self.app._exception"),
    ],
)
def test_a_private_name_of_others_is_found(line: str) -> None:
    assert foreign_names(line, frozenset({"_ours"})) != []


def test_a_name_of_ours_or_one_that_is_documented_is_not_taken_for_one() -> None:
    source = "self._ours\nx._ours\nos._exit(1)\none._replace(a=1)\nfrom strongroom.model import _x\nimport __future__\n"
    assert foreign_names(f"{source}import _thread\n", frozenset({"_ours"})) == []


_KEPT = re.compile(r"\b(?:self|super\(\))\.(_[a-z]\w*)|\bdef (_[a-z]\w*)|^    (_[a-z]\w*) *[:=]", re.MULTILINE)


@cache
def kept_private(one: type) -> frozenset[str]:
    """Return the private names that the source of a class makes or uses on itself."""
    try:
        source = inspect.getsource(one)
    except (OSError, TypeError):  # compiled
        return frozenset()
    found = re.findall(
        r"\b(?:self|super\(\))\.(_[a-z]\w*)|\bdef (_[a-z]\w*)|^    (_[a-z]\w*) *[:=]", source, re.MULTILINE
    )
    return frozenset(name for names in found for name in names if name)


def shared_with_bases(one: type) -> list[str]:
    """Return the private names that a class shares with a base of another library."""
    libraries = [base for base in one.__mro__ if base.__module__.partition(".")[0] in LIBRARIES]
    return sorted({name for base in libraries for name in kept_private(one) & kept_private(base)})


@pytest.mark.slow
def test_no_class_shares_a_private_name_with_a_base_of_another_library() -> None:
    """It is a fault even where it is chance: theirs changes ours."""
    for room in ("strongroom", "strongroom_sandbox", "strongroom_tui"):
        for found in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    classes = {
        one
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in OURS
        for one in vars(module).values()
        if inspect.isclass(one) and one.__module__ == name
    }
    assert len(classes) > 500
    assert {one.__qualname__: names for one in classes if (names := shared_with_bases(one))} == {}


def test_a_private_name_that_is_shared_is_found() -> None:
    class Mine(App[None]):
        def work(self) -> object:
            return self._exception

    assert shared_with_bases(Mine) == ["_exception"]
