"""What a fault says of the file that it lies in."""

from __future__ import annotations

import pytest

from strongroom.formats.plaintext import Unreadable
from strongroom.model.inspection import Severity


@pytest.mark.parametrize(
    ("own", "given", "member"),
    [
        ("", "messages.json", "messages.json"),
        ("calls.json", "messages.json", "calls.json"),
        ("calls.json", "", "calls.json"),
        ("", "", ""),
    ],
)
def test_a_fault_is_about_the_file_that_it_names_itself_or_else_the_one_that_was_read(
    own: str, given: str, member: str
) -> None:
    finding = Unreadable("deflate-broken", "cannot be decompressed", member=own).as_finding(given)
    assert (finding.severity, finding.code, finding.member) == (Severity.FAULT, "deflate-broken", member)
