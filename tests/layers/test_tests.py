"""What tests share stands in `tests/kit`, found by one setting: nobody bends the path, nobody imports a test."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text()
    for root in ("tests", "examples")
    for path in sorted((ROOT / root).rglob("*.py"))
}
LISTED = {
    path.stem for path in (ROOT / "tests").rglob("*.py") if path.name != "__init__.py" and "kit" not in path.parts
}


def imports(source: str) -> list[str]:
    """Return what is imported, also by a program in a text."""
    return re.findall(r"^[ \t]*(?:from|import) +([.\w]+)", source, re.MULTILINE)


def bent(source: str) -> list[str]:
    """Return the statements that change `sys.path`; reading it is no sin."""
    if "sys.path" not in source and "addsitedir" not in source:
        return []
    return [ast.unparse(node) for node in ast.walk(ast.parse(source)) if bends(node)]


def bends(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).startswith(("sys.path.", "site.addsitedir"))
    stored = isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)
    return stored and ast.unparse(node).startswith("sys.path")


def test_no_path_is_bent_and_no_test_is_imported() -> None:
    faults = {}
    for name, source in SOURCES.items():
        wrong = [each for each in imports(source) if each.startswith(".") or each.split(".")[0] in LISTED]
        if wrong or bent(source):
            faults[name] = (wrong, bent(source))
    assert faults == {}


@pytest.mark.parametrize(
    "source",
    ["sys.path.insert(0, 'x')", "sys.path[:0] = ['x']", "sys.path += ['x']", "sys.path = []", "sys.path.append('x')"],
)
def test_a_bent_path_is_found(source: str) -> None:
    assert bent(source)
    assert not bent("environment = [*sys.path, sys.path[0]]")


def test_an_import_of_a_test_is_found() -> None:
    program = "    import test_bundles\nfrom test_docs_threats import x\nfrom kit.paging import clear\n"
    assert [each in LISTED for each in imports(program)] == [True, True, False]


def test_kits_hold_no_tests_and_are_all_of_use() -> None:
    """A kit that nothing imports, and that is no driver, is left over."""
    kits = {name: source for name, source in SOURCES.items() if name.startswith("tests/kit/")}
    assert len(kits) > 50
    for name, source in kits.items():
        assert not [line for line in source.splitlines() if line.startswith(("def test_", "class Test"))], name
    everything = "\n".join(SOURCES.values())  # some are imported by a program in a text
    for name in kits:
        module = name.removeprefix("tests/kit/").removesuffix(".py").replace("/", ".")
        room, _, leaf = f"kit.{module}".rpartition(".")
        used = re.search(rf"from {room}\.{leaf} import|from {re.escape(room)} import [^\n]*\b{leaf}\b", everything)
        assert used or module.endswith("__init__") or module.startswith("drivers."), name
