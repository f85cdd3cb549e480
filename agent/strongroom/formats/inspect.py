"""Read a delivered container to its last byte and say what is in it; one reading finds all faults."""

from __future__ import annotations

from strongroom.formats.directory import Directory, Member, read_directory
from strongroom.formats.faults import FindingLog, Unreadable, printable
from strongroom.formats.inflate import inflate_member
from strongroom.formats.layout import locate_members
from strongroom.formats.plaintext import PlaintextReader
from strongroom.formats.sink import RecordSink
from strongroom.model.inspection import Caps, Expectation, Inspection, MemberReport, Severity


def inspect_container(reader: PlaintextReader, expectation: Expectation, caps: Caps, sink: RecordSink) -> Inspection:
    """Inspect a ZIP of JSON arrays. What is wrong with the bytes is in the findings, never raised.

    The reader's own errors (a sealed file that does not authenticate) and a lost parsing process pass through.
    """
    log = FindingLog(caps.max_findings)
    try:
        directory = read_container(reader, caps)
    except Unreadable as fault:
        log.extend([fault.as_finding()])
        return Inspection((), log.close())
    log.extend(directory.findings)
    _compare(directory, expectation, log)
    readable = [member for member in directory.members if member.readable and not member.is_folder]
    reports = tuple(_read_member(reader, member, caps, sink, log) for member in readable)
    return Inspection(reports, log.close())


def read_container(reader: PlaintextReader, caps: Caps) -> Directory:
    """Return the directory with every local header checked; raise Unreadable where there is no directory to read."""
    return locate_members(reader, read_directory(reader, caps), caps)


def _read_member(
    reader: PlaintextReader, member: Member, caps: Caps, sink: RecordSink, log: FindingLog
) -> MemberReport:
    sink.begin(member.name)
    fault = None
    try:
        for piece in inflate_member(reader, member, caps):
            sink.feed(piece)
    except Unreadable as error:
        fault = error
        log.extend([error.as_finding(member.shown)])
    verdict = sink.end(whole=fault is None)
    log.extend(verdict.findings)
    return verdict.report


def _compare(directory: Directory, expectation: Expectation, log: FindingLog) -> None:
    """Hold what is listed against what was asked for."""
    names = {member.name for member in directory.members}
    datasets = {shape.member: shape.name for shape in expectation.datasets}
    for name in (*datasets, *expectation.companions):
        if name not in names:
            code = "metadata-missing" if name == "metadata.json" else "member-missing"
            held = (
                f"it should hold the dataset {datasets[name]}" if name in datasets else "it should come with the data"
            )
            words = f"{printable(name)} is not in the ZIP; {held}"
            log.add(Severity.FAULT, code, words, printable(name))
    for member in directory.members:
        if not member.is_folder and member.name not in datasets and member.name not in expectation.companions:
            words = f"the member was not asked for; its {member.size:,} bytes are kept but not read as records"
            log.add(Severity.WARNING, "member-unexpected", words, member.shown)
