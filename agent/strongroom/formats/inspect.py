"""Read a delivered container to its last byte and say what is in it; one reading finds all faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from strongroom.formats.compression import coding_findings, decode_if_coded
from strongroom.formats.plaintext import FindingLog, PlaintextReader, Unreadable, fill_from, printable
from strongroom.formats.sink import RecordSink
from strongroom.formats.zip_directory import Directory, Member, read_directory
from strongroom.formats.zip_members import inflate_member, locate_members
from strongroom.model.inspection import Caps, Expectation, Finding, Inspection, MemberReport, Severity
from strongroom.model.provider import Container
from strongroom.model.text import counted

ZIPPED = frozenset({Container.ZIP_OF_JSON, Container.BUNDLE})
"""Containers with members; any other is a bare file."""

_STEP = 256 * 1024  # bytes


def inspect_container(reader: PlaintextReader, expectation: Expectation, caps: Caps, sink: RecordSink) -> Inspection:
    """Inspect a delivered file as `expectation.container` says it is built. A bare file is read once, without seeking.

    What is wrong with the bytes is in the findings, never raised. The reader's own errors (a sealed file that does not
    authenticate) and a lost parsing process pass through.
    """
    log = FindingLog(caps.max_findings)
    if expectation.container in ZIPPED:
        reports = _read_zip(reader, expectation, caps, sink, log)
    else:
        reports = _read_bare(reader, sink, log)
    found = Inspection(reports, tuple(_accepted(finding, expectation.accepts) for finding in log.close()))
    if not found.sound:
        return found
    return Inspection(reports, (*found.findings, *_compare_announced(found, expectation)))


def _accepted(finding: Finding, accepts: tuple[str, ...]) -> Finding:
    """Return a fault that a person accepts of this source as a warning, any other finding as it is."""
    if finding.severity is not Severity.FAULT or finding.code not in accepts:
        return finding
    return replace(finding, severity=Severity.WARNING)


def _read_bare(reader: PlaintextReader, sink: RecordSink, log: FindingLog) -> tuple[MemberReport, ...]:
    """Read a file that is its own only member, which has no name."""
    view = memoryview(bytearray(_STEP))
    sink.begin("")
    fault = None
    try:
        while count := fill_from(reader, view):
            sink.feed(view[:count])
    except Unreadable as error:  # of a content coding
        fault = error
        log.extend([error.as_finding()])
    verdict = sink.end(whole=fault is None)
    log.extend(verdict.findings)
    return (verdict.report,)


def _read_zip(
    reader: PlaintextReader, expectation: Expectation, caps: Caps, sink: RecordSink, log: FindingLog
) -> tuple[MemberReport, ...]:
    try:
        directory = read_container(reader, caps)
    except Unreadable as fault:
        log.extend([fault.as_finding()])
        return ()
    log.extend(directory.findings)
    readable = [member for member in directory.members if member.readable and not member.is_folder]
    coded = {file.name: file.size for file in expectation.files}
    reports = tuple(_read_member(reader, member, caps, sink, log, coded) for member in readable)
    stated = {name: count for report in reports for name, count in report.counts}
    _compare(directory, expectation, stated, log)
    _compare_counts(reports, stated, log)
    return reports


def _compare_announced(found: Inspection, expectation: Expectation) -> Iterator[Finding]:
    """Hold the counts against what was announced of the whole, and of each file in a bundle."""
    if expectation.rows is not None and expectation.container is Container.CSV:
        yield from _compare_header(found.records, expectation.rows, expectation)
    elif expectation.rows is not None:
        yield from _compare_rows(found.records, expectation.rows)
    yield from _prove_ends(found, expectation)
    records = {report.member: report.records for report in found.members}
    for file in expectation.files:
        if file.rows is not None:
            name = printable(file.name)
            yield from _compare_rows(records.get(name, 0), file.rows, name)


def _prove_ends(found: Inspection, expectation: Expectation) -> Iterator[Finding]:
    """Say that the records were collected by paging, and whether records beyond both ends of the window prove it."""
    pages = [file for file in expectation.files if file.container is Container.JSON_PAGE]
    if not pages:
        return
    window, times = expectation.window, [each for each in found.members if each.earliest and each.latest]
    older = any(each.earliest is not None and each.earliest < window.start for each in times)
    newer = any(each.latest is not None and each.latest >= window.end for each in times)
    ends = [
        f"records beyond its {name} prove that end" if proven else f"its {name} is where the list ended"
        for name, proven in (("start", older), ("end", newer))
    ]
    words = f"collected by paging: {counted(len(pages), 'page')}; of the window, {ends[0]} and {ends[1]}"
    yield Finding(Severity.NOTE, "collected-by-paging", words)


def _compare_header(records: int, announced: int, expectation: Expectation) -> Iterator[Finding]:
    """Compare a CSV's rows with the announced count, which may include the header: only the account's exports show it.

    While that is not known, a difference of one is a fault, until a second delivery of the export shows the same.
    """
    known, surplus = expectation.counts_header, announced - records
    if surplus == (1 if known else 0):
        return
    doubtful = surplus == (0 if known else 1) and known is not False
    if not doubtful:
        yield from _compare_rows(records, announced)
        return
    words = f"the provider announced {announced:,} rows and {records:,} were delivered"
    if expectation.earlier_records == records:
        stated = f"{words} both times: this source {'does not count' if known else 'counts'} the header"
        yield Finding(Severity.WARNING, "rows-header-learned", stated)
    else:
        stated = f"{words}: either this source counts the header, or a row is missing"
        yield Finding(Severity.FAULT, "rows-header-unknown", f"{stated}; a second delivery will show which")


def _compare_rows(records: int, announced: int, member: str = "") -> Iterator[Finding]:
    """Hold the count against the announced one."""
    if announced != records:
        words = f"the provider announced {announced:,} records and {records:,} were delivered"
        yield Finding(Severity.FAULT, "rows-mismatch", words, member)


def read_container(reader: PlaintextReader, caps: Caps) -> Directory:
    """Return the directory with every local header checked; raise Unreadable where there is no directory to read."""
    return locate_members(reader, read_directory(reader, caps), caps)


def _read_member(
    reader: PlaintextReader,
    member: Member,
    caps: Caps,
    sink: RecordSink,
    log: FindingLog,
    sizes: Mapping[str, int | None],
) -> MemberReport:
    """Read one member. Those of a bundle, whose announced `sizes` are given by name, may be coded."""
    sink.begin(member.name)
    fault, coding = None, ""
    pieces = inflate_member(reader, member, caps)
    try:
        if member.name in sizes:
            coding, pieces = decode_if_coded(pieces, caps)
        for piece in pieces:
            sink.feed(piece)
    except Unreadable as error:
        fault = error
        log.extend([error.as_finding(member.shown)])
    verdict = sink.end(whole=fault is None)
    log.extend(verdict.findings)
    if not coding:
        return verdict.report
    decoded = verdict.report.size if fault is None else None
    log.extend(coding_findings(sizes[member.name], member.size, decoded, member.shown, coding=coding))
    return replace(verdict.report, coding=coding)


def _compare_counts(reports: tuple[MemberReport, ...], stated: Mapping[str, int], log: FindingLog) -> None:
    """Compare the records of each dataset with the count in metadata.json."""
    for report in reports:
        count = stated.get(report.dataset, report.records)
        if count != report.records:
            words = f"metadata.json announces {count:,} records and {report.records:,} were delivered"
            severity = Severity.FAULT if count > report.records else Severity.WARNING
            log.add(severity, "metadata-mismatch", words, report.member)


def _compare(directory: Directory, expectation: Expectation, stated: Mapping[str, int], log: FindingLog) -> None:
    """Compare what is listed with what was requested; a dataset with 0 records by `stated` may have no file."""
    names = {member.name for member in directory.members}
    if expectation.container is Container.BUNDLE:
        datasets = {file.name: file.dataset for file in expectation.files}
    else:
        datasets = {shape.member: shape.name for shape in expectation.datasets}
    for name in (*datasets, *expectation.companions):
        if name not in names and stated.get(datasets.get(name, "")) == 0:
            words = f"{printable(name)} is not in the ZIP: metadata.json says that {datasets[name]} has no records"
            log.add(Severity.NOTE, "member-left-out", words, printable(name))
        elif name not in names:
            code = "metadata-missing" if name == "metadata.json" else "member-missing"
            held = (
                f"it should hold the dataset {datasets[name]}" if name in datasets else "it should come with the data"
            )
            words = f"{printable(name)} is not in the ZIP; {held}"
            log.add(Severity.FAULT, code, words, printable(name))
    for member in directory.members:
        if not member.is_folder and member.name not in datasets and member.name not in expectation.companions:
            words = f"the member was not requested; its {member.size:,} bytes are kept but not read as records"
            log.add(Severity.WARNING, "member-unexpected", words, member.shown)
