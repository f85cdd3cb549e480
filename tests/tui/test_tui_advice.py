"""Advice for the command line is told on the screen as what to press."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from strongroom.model.errors import UsageError
from strongroom_tui.widgets.text import PRESS, error_text, in_keys

AGENT = Path(__file__).parents[2] / "agent" / "strongroom"
RAISED = "\n".join(path.read_text() for room in ("engine", "vault") for path in sorted((AGENT / room).rglob("*.py")))


@pytest.mark.parametrize("phrase", sorted(PRESS))
def test_each_phrase_is_one_that_is_raised(phrase: str) -> None:
    """A phrase that was worded anew would come through to the screen as it is."""
    assert f'"{phrase}"' in RAISED or f'"see: strongroom {phrase.split()[-1]}"' in RAISED


def test_nothing_told_on_the_screen_is_a_command() -> None:
    assert not [words for words in PRESS.values() if "--" in words or "strongroom" in words]


def test_the_longest_phrase_counts() -> None:
    error = UsageError(
        "nothing is destroyed", hint="nothing is destroyed early; to see when: strongroom retention plan"
    )
    assert error_text(error).endswith("Nothing is destroyed early; Retention (5) shows until when it is retained")
    assert error_text(UsageError("it is refused")) == "it is refused"
    assert in_keys("hold 7 is over. see: strongroom hold list --all") == "hold 7 is over. see the holds: 5, then l"


def test_every_option_that_a_restore_may_advise_is_told_as_a_key() -> None:
    for name in ("access/restore", "access/records", "destruction/propose"):
        hints = re.findall(r'hint="([^"]*(?:--|strongroom )[^"]*)"', (AGENT / "engine" / f"{name}.py").read_text())
        left = [hint for hint in hints if "--" in in_keys(hint) or "strongroom " in in_keys(hint)]
        assert left == (["see: strongroom coverage"] if name == "access/records" else []), name  # no restore says that
