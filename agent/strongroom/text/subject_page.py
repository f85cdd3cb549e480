"""The copy of their data for one person, as one page of HTML: what the law asks to be told, then every record."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from strongroom.engine.proof.checkpoints import UNNAMED
from strongroom.model.text import counted
from strongroom.text.html import escaped, table
from strongroom.text.report_charts import STYLE
from strongroom.text.subject_words import retention_words
from strongroom.text.times import utc, utc_day
from strongroom.text.units import DASH, number

if TYPE_CHECKING:
    from strongroom.engine.access.subject_search import Holding
    from strongroom.engine.production.subject_copy import MaskedRecord, SubjectCopy

_RIGHTS = (
    "You may ask for wrong data to be corrected (GDPR Article 16).",
    "You may ask for data to be erased (Article 17). Where a law requires that they are retained, or they are needed"
    " for a legal claim, they are erased when that ends.",
    "You may ask for processing to be restricted (Article 18), and you may object to it (Article 21).",
    "You may receive data that you provided in a form that programs can read (Article 20): records.jsonl beside this"
    " page is such a form.",
    "You may lodge a complaint with a supervisory authority (Article 77).",
)
_MASKED = (
    "Telephone numbers, mail addresses and names of other people are masked, each person always in the same way, such"
    " as “Person 2”. Rows of digits that may be a telephone number are masked as “Number 1”. Nothing else was changed"
    " or left out."
)
_STYLE = STYLE + "dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .1rem 1rem; }\n"
_STYLE += "dt { color: #555; } dd { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }\n"
_STYLE += "article { border-top: 1px solid #ccc; break-inside: avoid; }\n"


def subject_page(copy: SubjectCopy) -> str:
    """Return the page."""
    title = "Copy of your personal data"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en-US">',
            f'<head><meta charset="utf-8"><title>{title}</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{_STYLE}</style></head>",
            f"<body><header><h1>{title}</h1>",
            f"<p>{escaped(_subtitle(copy))}</p></header><main>",
            *_cover(copy),
            *_records(copy),
            "</main></body></html>",
            "",
        ]
    )


def _subtitle(copy: SubjectCopy) -> str:
    request = copy.request
    sender = f"From {copy.issuer.organization}. " if copy.issuer.organization != UNNAMED else ""
    return (
        f"{sender}Request {request.id}, received on {request.received}, to be answered by"
        f" {request.last_day} ({request.zone}). Made {utc(copy.made_at)}."
    )


def _cover(copy: SubjectCopy) -> Iterator[str]:
    yield "<section><h2>What this copy contains</h2>"
    found = ", ".join(copy.identifiers)
    yield f"<p>{escaped(counted(len(copy.records), 'record'))} in which you are identified by: {escaped(found)}.</p>"
    headings = ("Source", "Kind of data", "From", "To", "Retained until", "Records")
    yield table("Where the data come from, and how long they are retained", headings,
                [_holding(each, copy) for each in copy.holdings], right=1)  # fmt: skip
    yield f"<p>{_MASKED}</p></section>"
    yield "<section><h2>Purposes and recipients</h2>"
    yield f"<p>{escaped(copy.purposes or 'The organization tells you these in its answer.')}</p></section>"
    yield "<section><h2>Your rights</h2><ul>"
    yield from (f"<li>{escaped(each)}</li>" for each in _RIGHTS)
    yield f"</ul><p>Contact: {escaped(copy.contact or 'the organization that answered you')}.</p></section>"


def _holding(each: Holding, copy: SubjectCopy) -> tuple[str, ...]:
    return (
        escaped(copy.issuer.account(each.source)),
        escaped(each.dataset),
        utc_day(each.first) if each.first else DASH,
        utc_day(each.last) if each.last else DASH,
        escaped(retention_words(each)),
        f'<data value="{each.records}">{number(each.records)}</data>',
    )


def _records(copy: SubjectCopy) -> Iterator[str]:
    ordered = sorted(copy.records, key=_place)
    for (source, _stream, dataset), group in groupby(ordered, key=_place):
        yield f"<section><h2>{escaped(dataset)}, {escaped(copy.issuer.account(source))}</h2>"
        for each in group:
            yield f"<article><h3>{utc(each.at) if each.at else 'no time'}</h3><dl>"
            yield from (f"<dt>{escaped(name)}</dt><dd>{_value(value)}</dd>" for name, value in each.shown)
            yield "</dl></article>"
        yield "</section>"


def _place(each: MaskedRecord) -> tuple[str, str, str]:
    return each.source, each.stream, each.dataset


def _value(value: str) -> str:
    return "\n".join(escaped(line) for line in value.splitlines())
