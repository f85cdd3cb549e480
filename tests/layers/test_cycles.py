"""No two files of the program import each other in a circle, not even inside a function or for a type alone."""

from __future__ import annotations

import ast
import random
import re

from kit.code_figures import ROOT, ROOTS, cycles, graph, imports, modules, words


def test_no_two_files_import_each_other_in_a_circle() -> None:
    edges = graph(modules())
    assert len(edges) > 200 and sum(map(len, edges.values())) > 1000
    assert cycles(edges) == []


def test_a_circle_is_found() -> None:
    edges = {"a": "bd", "b": "c", "c": "a", "d": "", "e": "e", "f": "g", "g": "fa"}
    assert sorted(cycles({name: frozenset(below) for name, below in edges.items()})) == [["a", "b", "c"], ["f", "g"]]


def test_an_import_is_found_wherever_it_stands_and_nothing_else() -> None:
    source = (
        '"""Use it so:\n\n    import wrong\n"""\nimport a.b, c as d\nfrom e import (\n    f,  # noqa\n    g as h,\n)\n'
        "def work():\n    from i.j import k  # late\n    '''from wrong import wrong'''\nyield from wrong\nimports = 1\n"
    )
    found = [(each.lines, each.names) for each in imports(source)]
    assert found == [
        (1, (("a.b",), ("c",))),
        (4, (("e.f", "e"), ("e.g", "e"))),
        (1, (("i.j.k", "i.j"),)),
    ]


def test_the_imports_found_are_those_of_the_parser() -> None:
    files = sorted(path for root in ROOTS for path in (ROOT / root).rglob("*.py"))
    for path in random.Random(1).sample(files, 40):
        source = path.read_text()
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
        parsed = sorted(((node.end_lineno or 0) - node.lineno + 1, len(node.names)) for node in nodes)
        assert sorted((each.lines, len(each.names)) for each in imports(source)) == parsed, path


def test_the_figures_are_written() -> None:
    text = "; ".join(words())
    assert re.fullmatch(
        r"\d+ files, [\d,]+ lines, median \d+; \d+\.\d% of the lines are imports; \d+ modules have a single importer; "
        r"0 import cycles; \d+ files over 400 lines",
        text,
    ), text
