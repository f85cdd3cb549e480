"""What is told of a file with a content coding, and how its announced size is judged: it may be of either form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from strongroom.model.contentcoding import Coding
from strongroom.model.inspection import Finding, Inspection, Severity


def judge_coded(
    found: Inspection, announced: int | None, coded: int, decoded: int | None, coding: str = Coding.GZIP
) -> Inspection:
    """Return the inspection with what is told of the whole file's coding."""
    return replace(found, findings=(*found.findings, *coding_findings(announced, coded, decoded, coding=coding)))


def coding_findings(
    announced: int | None, coded: int, decoded: int | None, member: str = "", *, coding: str = Coding.GZIP
) -> Iterator[Finding]:
    """Tell that a file came coded, and hold its size in bytes against the announced one, in either form.

    `decoded` is None where the coding could not be undone, which is a finding of its own.
    """
    if decoded is None:
        return
    code = "gzip-coded" if coding == Coding.GZIP else "deflate-coded"
    words = f"the file came {coding}-coded: {coded:,} bytes hold {decoded:,}"
    if announced is None:
        yield Finding(Severity.NOTE, code, words, member)
    elif announced in (coded, decoded):
        form = "decoded" if announced == decoded else "coded"
        yield Finding(Severity.NOTE, code, f"{words}; the provider announced the size of the {form} file", member)
    else:
        words = f"{words}; the provider announced {announced:,}, which is the size of neither form"
        yield Finding(Severity.FAULT, "size-mismatch", words, member)
