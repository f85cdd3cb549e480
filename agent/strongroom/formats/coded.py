"""What is told of a file that came gzip-coded, and how its announced size is judged: it may be of either form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from strongroom.model.inspection import Finding, Inspection, Severity


def judge_coded(found: Inspection, announced: int | None, coded: int, decoded: int | None) -> Inspection:
    """Return the inspection with what is told of the whole file's coding."""
    return replace(found, findings=(*found.findings, *coding_findings(announced, coded, decoded)))


def coding_findings(announced: int | None, coded: int, decoded: int | None, member: str = "") -> Iterator[Finding]:
    """Tell that a file came gzip-coded, and hold its size in bytes against the announced one, in either form.

    `decoded` is None where the coding could not be undone, which is a finding of its own.
    """
    if decoded is None:
        return
    words = f"the file came gzip-coded: {coded:,} bytes hold {decoded:,}"
    if announced is None:
        yield Finding(Severity.NOTE, "gzip-coded", words, member)
    elif announced in (coded, decoded):
        form = "decoded" if announced == decoded else "coded"
        yield Finding(
            Severity.NOTE, "gzip-coded", f"{words}; the provider announced the size of the {form} file", member
        )
    else:
        words = f"{words}; the provider announced {announced:,}, which is the size of neither form"
        yield Finding(Severity.FAULT, "size-mismatch", words, member)
