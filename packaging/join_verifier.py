"""Joins the modules of agent/strongroom_verify into the one file that strangers are given, evidence/verifier.py.

Run `make verifier` after one has changed; a test says when it was forgotten. The result is plain source to read: the
imports of all modules, then each module under its own heading, those that others need first.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

AGENT = Path(__file__).resolve().parents[1] / "agent"
SOURCE, TARGET = AGENT / "strongroom_verify", AGENT / "strongroom" / "evidence" / "verifier.py"
ORDER = ("findings", "files", "notes", "tree", "log", "vault", "package", "papers", "rsmf", "production", "main")
OURS = "strongroom_verify."
HEAD = '''\
#!/usr/bin/env python3
"""{words}"""
# This file stands alone: it imports nothing of Strongroom, and a copy of it lies in every package.
# It is joined from the modules of agent/strongroom_verify by `make verifier`: change those, and not this one.

from __future__ import annotations

{imports}
'''


def join() -> str:
    """Return the file. Raises ValueError for what cannot be joined."""
    sources = {name: (SOURCE / f"{name}.py").read_text() for name in ORDER}
    trees = {name: ast.parse(source) for name, source in sources.items()}
    _check(trees)
    head = HEAD.format(words=ast.get_docstring(trees["main"], clean=False), imports=_imports(list(trees.values())))
    return head + "\n".join(_section(name, sources[name], trees[name]) for name in ORDER)


def _check(trees: dict[str, ast.Module]) -> None:
    """Refuse a module that is not joined, a name that two modules make, and an import of a later module."""
    if {path.stem for path in SOURCE.glob("*.py")} != {*ORDER, "__init__"}:
        raise ValueError("ORDER in join_verifier.py must name every module")
    made = Counter(name for tree in trees.values() for name in _made(tree))
    if twice := sorted(name for name, count in made.items() if count > 1):
        raise ValueError(f"two modules make the same name: {', '.join(twice)}")
    for place, name in enumerate(ORDER):
        for node in _froms(trees[name]):
            module = str(node.module)
            if module.startswith(OURS) and module.removeprefix(OURS) not in ORDER[:place]:
                raise ValueError(f"{name}.py imports {module}, which ORDER does not have before it")
            if any(each.asname for each in node.names):
                raise ValueError(f"{name}.py imports a name under another name, which a joined file cannot have")


def _froms(tree: ast.Module) -> list[ast.ImportFrom]:
    return [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module != "__future__"]


def _made(tree: ast.Module) -> list[str]:
    found = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return found + [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def _imports(trees: Sequence[ast.Module]) -> str:
    """Return one import for each module that is used, the standard library first."""
    nodes = [node for tree in trees for node in tree.body]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in _froms(tree)):
        names.setdefault(str(node.module), set()).update(alias.name for alias in node.names)
    lines = [
        f"from {name} import {', '.join(sorted(names[name]))}" for name in sorted(names) if not name.startswith(OURS)
    ]
    foreign = [line for line in lines if line.startswith("from cryptography")]
    standard = [f"import {name}" for name in sorted(plain)] + [line for line in lines if line not in foreign]
    return "\n".join([*standard, "", *foreign])


def _section(name: str, source: str, tree: ast.Module) -> str:
    """Return a module without its head, under its docstring as a heading."""
    last = max(node.end_lineno or 0 for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    body = "\n".join(source.splitlines()[last:]).strip("\n")
    words = str(ast.get_docstring(tree)).partition("\n")[0] if name != "main" else "The command line."
    space = "\n\n" if body.startswith(("def ", "class ", "@")) else "\n"  # as the formatter has it
    return f"\n# --- {words}\n{space}{body}\n"


if __name__ == "__main__":
    TARGET.write_text(join())
