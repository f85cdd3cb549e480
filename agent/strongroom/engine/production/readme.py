"""The README of a production: what each file is, and how to check it."""

from __future__ import annotations

from strongroom.engine.production.request import ProductionRequest
from strongroom.engine.proof.checkpoints import Issuer
from strongroom.model.production import ProductionFormat, RecordCount
from strongroom.model.text import counted
from strongroom.model.times import format_instant

_FILES = {
    ProductionFormat.JSON_LINES: """
  records.jsonl         the records, one per line: number, archive, dataset, and the record as delivered""",
    ProductionFormat.RSMF: """
  MESSAGES/DAY/ID.rsmf  the messages of one conversation on one day (UTC), for review platforms that read RSMF 2.0; ID
                        is the same for a conversation on all days. If a file does not cover a day, DAY has an hour. A
                        name before a number or address comes from contacts in the archives
  records.jsonl         all records, one per line, including those that are not messages: number, archive, dataset, and
                        the record as delivered""",
    ProductionFormat.HTML: """
  conversations.html    the list of all conversations: open it in a browser
  MESSAGES/DAY/ID.html  the messages of one conversation on one day (UTC), to read and to print; ID is the same for a
                        conversation on all days. If a file does not cover a day, DAY has an hour. A name before a
                        number or address comes from contacts in the archives
  records.jsonl         all records, one per line, including those that are not messages: number, archive, dataset, and
                        the record as delivered""",
    ProductionFormat.DAT: """
  loadfile.dat          the load file, one row per record: UTF-8 with byte order mark; values are quoted with U+00FE and
                        separated by U+0014, line breaks in values are U+00AE; times are UTC
  NATIVES/              each record exactly as delivered, as JSON
  TEXT/                 the extracted text of each record""",
    ProductionFormat.CSV: """
  loadfile.csv          a table of the records for a spreadsheet, UTF-8 with byte order mark; times are UTC. If a
                        spreadsheet would run a value as a formula, such as one that begins with + or =, there is an
                        apostrophe before it, which is not part of the record
  NATIVES/              each record exactly as delivered, as JSON
  TEXT/                 the extracted text of each record""",
}


def write_readme(request: ProductionRequest, count: RecordCount, issuer: Issuer) -> str:
    """Return the text."""
    numbers = request.numbering
    withheld = f" Withheld: {counted(count.withheld, 'record')}." if request.case else ""
    redacted = f" Redacted: {counted(count.redacted, 'record')}." if request.rules else ""
    return _TEXT.format(
        organization=issuer.organization,
        at=format_instant(request.at),
        records=counted(count.records, "record"),
        first=numbers.number(0),
        last=numbers.number(count.records - 1),
        doubles=counted(count.doubles, "older or equal version"),
        changes=withheld + redacted,
        files=_files(request) + (_WITHHELD if request.case else ""),
        redaction=_REDACTION if request.rules else "",
        name="+".join((issuer.key or "PUBLIC-KEY").split("+")[:2]),
    )


def _files(request: ProductionRequest) -> str:
    known = _FILES[request.format].strip("\n")
    if request.profile is None:
        return known
    own, signs = request.profile, (request.profile.quote, request.profile.separator, request.profile.line_break)
    quote, separator, line_break = (f"U+{ord(sign):04X}" for sign in signs)
    return f"""\
  loadfile.dat          the load file, one row per record: {own.encoding.value}; values are quoted with {quote} and
                        separated by {separator}, line breaks in values are {line_break}; times are UTC
{known[known.index("  NATIVES/") :]}"""


_WITHHELD = """
  withheld.jsonl        the records that are withheld as privileged, one per line: which, why, by whom and when"""
_REDACTION = """
REDACTION

"[redacted: NAME]" takes the place of what was removed; production.json names the rules. For each of these records,
index.jsonl lists the rules, and a salted digest of the record as delivered ("original"). The sender can show later what
the record said, and the digest then proves it. Nothing in this production reveals it.
"""

_TEXT = """\
PRODUCTION OF ARCHIVED RECORDS

Organization: {organization}
Made: {at}
Records: {records}, numbered {first} to {last} without gaps

Each record appears once, in its newest version. Left out: {doubles} of the same records from older archives.{changes}

FILES

{files}
  index.jsonl           for each record: number, archive, place in the archive, id, time, SHA-256, file
  production.json       how the records were selected, by whom and when; counts for each archive; digests of all files;
                        the log entry of each archive with its proof
  production.note       a signature of production.json, if the organization has a signing key
  checkpoint.note       the signed state of the organization's evidence log
  strongroom-verify.py  the program that checks this production
{redaction}
HOW TO CHECK IT

You need Python 3.9 or later with its "cryptography" library, and the public key of the organization FROM A SOURCE OTHER
THAN THIS PRODUCTION, such as a letter or a call. It should begin with

  {name}

Replace KEY with the key that you received:

  python3 strongroom-verify.py . --key KEY

It compares every file, every record and every number. Its output must end with "nothing is wrong". Ask the sender to
explain any line that begins with WRONG.

WHAT THIS DOES NOT PROVE

- That the records are those in the archives: an evidence package of the archives shows that.
- That no other record matches the selection: only the archives can show that.
- That the provider delivered everything.
"""
