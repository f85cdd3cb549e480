"""The audit of known weaknesses: what it says of an answer, and that it never stops a build that cannot ask."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from kit.systemd_units import ROOT
from release import audit
from release.audit import look_up

UNKNOWN = {"name": "three", "skip_reason": "not found"}
SOUND = {"name": "one", "version": "1.0", "vulns": []}
WEAK = {"name": "two", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "PYSEC-2"}]}


@pytest.fixture
def answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file whose text a pip-audit prints."""
    program, said = tmp_path / "pip-audit", tmp_path / "said"
    program.write_text(f"#!/bin/sh\n[ -e {said} ] || {{ echo 'no route to host' >&2; exit 1; }}\nexec cat {said}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return said


@pytest.mark.parametrize(
    ("libraries", "text", "weak"),
    [
        ([SOUND], "audit: 1 of 1 libraries looked up, known weaknesses: none", False),
        ([SOUND, UNKNOWN], "audit: 1 of 2 libraries looked up, known weaknesses: none", False),
        ([UNKNOWN, UNKNOWN], "audit skipped: the database has no answer for any of the 2 libraries", False),
        ([SOUND, WEAK], "  two 2.0: PYSEC-1, fixed in 2.1\n  two 2.0: PYSEC-2, not fixed yet", True),
    ],
)
def test_an_answer_is_judged(libraries: list[dict[str, object]], text: str, weak: bool, answer: Path) -> None:
    answer.write_text(json.dumps({"dependencies": libraries, "fixes": []}))
    verdict = look_up(answer, answer.parent)
    assert text in verdict.text
    assert verdict.weak is weak


def test_a_database_that_cannot_be_asked_stops_nothing(answer: Path) -> None:
    verdict = look_up(answer, answer.parent)
    assert (verdict.text, verdict.weak) == ("audit skipped: the database cannot be asked: no route to host", False)


def test_no_answer_in_time_stops_nothing(answer: Path) -> None:
    answer.write_text("{}")
    verdict = look_up(answer, answer.parent, patience=0)
    assert (verdict.text, verdict.weak) == ("audit skipped: no answer in 0 s", False)


def test_a_tool_that_cannot_be_installed_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    verdict = look_up(ROOT / "requirements.lock", tmp_path / "file" / "below")
    assert (verdict.text, verdict.weak) == ("audit skipped: pip-audit is not here and cannot be installed", False)


def test_only_a_known_weakness_is_the_exit_code(answer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["audit"])
    for libraries, code in (([SOUND], 0), ([WEAK], 1)):
        answer.write_text(json.dumps({"dependencies": libraries}))
        with pytest.raises(SystemExit) as left:
            audit.main()
        assert left.value.code == code


def test_the_build_shows_the_audit_and_does_not_depend_on_it() -> None:
    (line,) = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if "make audit" in line]
    assert "make audit || true" in line
