"""A part of a diagnosis, or a check of doctor, that raises midway keeps what it found and says where it ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from strongroom.engine.core.check import Check, CheckResult
from strongroom.engine.monitor.doctor import _guarded
from strongroom.engine.repair.findings import ProblemKind, VaultProblem, keep_found
from strongroom.model.errors import StrongroomError, WorldError
from strongroom.vault.rows import RowUnreadable

ERRORS = [
    (ValueError("of a row"), "unexpected form"),
    (KeyError("of a row"), "unexpected form"),
    (TypeError("of a row"), "unexpected form"),
    (OverflowError("of a row"), "unexpected form"),
    (RecursionError("of a row"), "unexpected form"),
    (RowUnreadable("the row 1 of holds cannot be read"), "the row 1 of holds cannot be read"),
    (WorldError("the disk is full"), "the disk is full"),
    (PermissionError(13, "Permission denied", "/vault/x"), "Permission denied: /vault/x"),
    (OSError("short read"), "OSError"),
]


@pytest.mark.parametrize(("error", "words"), ERRORS)
def test_what_was_found_is_kept_and_what_ended_it_is_told(error: Exception, words: str) -> None:
    first = VaultProblem(ProblemKind.FILE, "the first", "", mendable=True)

    def look() -> Iterator[VaultProblem]:
        yield first
        raise error

    found = list(keep_found("stray files", ProblemKind.FILE, (), look))
    assert found[0] == first
    assert found[1].words.startswith("stray files: this check could not be finished")
    assert words in found[1].words
    assert not found[1].mendable

    def check() -> Iterator[Check]:
        yield Check("log", CheckResult.OK, "the first")
        raise error

    told = list(_guarded("log", check))
    assert [each.verdict for each in told] == [CheckResult.OK, CheckResult.FAIL]
    assert words in told[1].message
    assert "of a row" not in told[1].message
    assert bool(told[1].hint) or isinstance(error, StrongroomError | OSError)


def test_a_fault_of_the_program_is_not_taken_for_one_of_the_vault() -> None:
    def look() -> Iterator[VaultProblem]:
        raise NotImplementedError
        yield

    with pytest.raises(NotImplementedError):
        list(keep_found("stray files", ProblemKind.FILE, (), look))
