"""Every key that is bound leads to an action that exists: a renamed action would leave a key that does nothing."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode
from textual.widgets import Input

import strongroom_tui
from strongroom_tui.app import StrongroomApp


def bound() -> Iterator[tuple[type[DOMNode], Binding]]:
    for found in pkgutil.walk_packages(strongroom_tui.__path__, "strongroom_tui."):
        for each in vars(importlib.import_module(found.name)).values():
            if isinstance(each, type) and issubclass(each, DOMNode) and each.__module__ == found.name:
                yield from ((each, binding) for binding in Binding.make_bindings(each.__dict__.get("BINDINGS", ())))


BOUND = {f"{each.__name__} {binding.key} {binding.action}": (each, binding) for each, binding in bound()}


@pytest.mark.parametrize("name", BOUND)
def test_what_a_key_does_exists(name: str) -> None:
    owner, binding = BOUND[name]
    space, _, action = binding.action.partition("(")[0].rpartition(".")
    # What a dialog says of the line in it, the line does.
    where: tuple[type, ...] = (StrongroomApp,) if space == "app" else (owner, StrongroomApp, App, Input)
    assert any(hasattr(each, f"{prefix}action_{action}") for each in where for prefix in ("", "_")), binding.action


def test_there_are_keys() -> None:
    assert len(BOUND) > 40
