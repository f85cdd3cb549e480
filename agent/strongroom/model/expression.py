"""JMESPath, bounded: where in an answer a value is, by an expression that cannot cost more than the answer is long.

Refused are all parts of the language that copy a value several times (multi-selects) or run an expression over a list
once more (expression references), and all functions but a few. What is left visits each part of an answer at most once
for each part of the expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

LONGEST, LARGEST = 300, 60  # characters, and parts
FUNCTIONS = frozenset({"contains", "ends_with", "length", "not_null", "starts_with", "to_number", "to_string", "type"})
"""The functions that an expression may use."""

_COPIES = {"multi_select_list": "[a, b]", "multi_select_dict": "{a: b}", "expref": "&"}


class BadExpression(ValueError):
    """An expression that cannot be used. The message says why."""


@lru_cache(maxsize=512)
def compile_expression(text: str) -> Any:
    """Return an expression ready to be searched with. Raises BadExpression."""
    import jmespath  # slow to import, and only a source with a manifest needs it
    from jmespath.exceptions import JMESPathError

    if not text or len(text) > LONGEST:
        raise BadExpression(f"it has {len(text)} characters, allowed are 1 to {LONGEST}")
    try:
        found = jmespath.compile(text)
    except (JMESPathError, ValueError, RecursionError):
        raise BadExpression("it is not JMESPath") from None
    _check(found.parsed)
    return found


def search(text: str, value: object) -> object:
    """Return what an expression finds in a value; None where it finds nothing, and for an empty expression."""
    from jmespath.exceptions import JMESPathError

    if not text:
        return None
    try:
        found: object = compile_expression(text).search(value)
    except (JMESPathError, ValueError, TypeError, RecursionError):
        return None  # a function met a type that it does not take: what was looked for is not there
    return found


def _check(tree: Mapping[str, Any]) -> None:
    for number, node in enumerate(_nodes(tree)):
        kind = node["type"]
        if number >= LARGEST:
            raise BadExpression(f"it has more than {LARGEST} parts")
        if kind in _COPIES:
            raise BadExpression(f"it uses {_COPIES[kind]}, which a manifest may not")
        if kind == "function_expression" and node["value"] not in FUNCTIONS:
            raise BadExpression(f"it uses a function other than {', '.join(sorted(FUNCTIONS))}")


def _nodes(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield tree
    for child in tree.get("children", ()):
        if isinstance(child, dict):  # a slice's children are numbers
            yield from _nodes(child)
