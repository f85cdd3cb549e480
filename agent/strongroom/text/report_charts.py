"""The charts of a report, as SVG inside the page, and the style of the page: dark on white, and the same on paper.

A state has a color and, where it is trouble, a symbol, so that it can be read without color; each chart has a text
that says the same, and a table beside it has the figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from strongroom.model.coverage_strip import Heat
from strongroom.text.report_words import share_words
from strongroom.text.states import WINDOWS
from strongroom.text.units import number

if TYPE_CHECKING:
    from strongroom.engine.queries.report import Report, StreamReport
    from strongroom.model.window import Window

_FILL: Mapping[Heat, str] = {
    Heat.HELD: "#2f6f9f",
    Heat.EMPTY: "#a9c9de",
    Heat.DESTROYED: "#8c8c8c",
    Heat.OPEN: "#e3d9a6",
    Heat.DUE: "#f0ead0",
    Heat.RISK: "#e69f00",
    Heat.MISSING: "#b3350f",
    Heat.LOST: "#5a0f0f",
}
"""Apart in lightness as well as in hue; what is archived is blue, what is wrong goes from orange to dark red."""

_TROUBLE = (Heat.RISK, Heat.MISSING, Heat.LOST)
_WIDTH, _LABEL, _ROW, _TOP = 960, 200, 22, 20  # pixels
_BARS = 60  # pixels high
_WEEK = 8  # days, and one for a clock that is changed

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 "Helvetica Neue", Arial, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; }
h2 { font-size: 1.25rem; border-bottom: 1px solid #999; margin-top: 2.2rem; }
h3 { font-size: 1rem; margin-bottom: .2rem; }
.verdict { font-size: 1.15rem; font-weight: bold; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: .86rem; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #ccc;
  overflow-wrap: anywhere; font-weight: normal; }
tbody th { overflow-wrap: break-word; min-width: 5rem; }
thead th { font-weight: bold; border-bottom: 2px solid #666; overflow-wrap: normal; }
.figure { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.date { white-space: nowrap; }
svg { width: 100%; height: auto; } code { overflow-wrap: anywhere; }
.wide { overflow-x: auto; } .wide:focus { outline: 2px solid #2f6f9f; }
@media screen and (max-width: 48rem) { .wide > svg { min-width: 42rem; }
  td { overflow-wrap: break-word; } }
@media print { body { font-size: 10pt; max-width: none; margin: 0; padding: 0; } @page { margin: 18mm 15mm; }
  .wide { overflow: visible; } table { font-size: 7.5pt; } th, td { padding-right: .35rem; }
  h2, h3 { break-after: avoid; } tr, svg { break-inside: avoid; } thead { display: table-header-group; } }
""".strip()


def coverage_chart(report: Report) -> str:
    """Return the coverage of all streams over the period, a row for each, with a legend of the states that occur."""
    cells, zone = report.cells, ZoneInfo(report.zone)
    height = _TOP + _ROW * len(report.streams) + 30
    words = "; ".join(f"{each.coverage.stream}: {_share(each)}" for each in report.streams) or "no stream"
    parts = ['<div class="wide" role="region" aria-label="Chart of the coverage" tabindex="0">']
    parts += [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Coverage by stream: {_escaped(words)}">']
    parts += _dates(cells, zone)
    for place, each in enumerate(report.streams):
        parts += _row(each, _TOP + _ROW * place, len(cells))
    parts += _legend([heat for each in report.streams for heat in each.cells], height - 8)
    return "\n".join([*parts, "</svg></div>"])


def volume_chart(each: StreamReport) -> str:
    """Return the records of a stream by month as bars."""
    most = max((volume.records for volume in each.volumes), default=0) or 1
    step = min(60.0, _WIDTH / max(1, len(each.volumes)))
    words = f"Records by month, at most {number(most)} in a month"
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_BARS + 4}" role="img" aria-label="{_escaped(words)}">']
    for place, volume in enumerate(each.volumes):
        high, words = _BARS * volume.records / most, f"{volume.month}: {number(volume.records)}"
        parts.append(
            f'<rect x="{place * step:.1f}" y="{_BARS - high:.1f}" width="{step * 0.85:.1f}"'
            f' height="{max(high, 0.5):.1f}" fill="{_FILL[Heat.HELD]}"><title>{_escaped(words)}</title></rect>'
        )
    return "\n".join([*parts, "</svg>"])


def _share(each: StreamReport) -> str:
    return "copies without time windows" if each.coverage.snapshot else f"{share_words(each.share)} archived"


def _dates(cells: Sequence[Window], zone: ZoneInfo) -> Iterator[str]:
    """Yield the dates above the cells: Mondays and months, or years, as many as have room."""
    step, last = _step(len(cells)), -100.0
    for place, (before, cell) in enumerate(zip([None, *cells], cells, strict=False)):
        start, x = cell.start.astimezone(zone), _LABEL + place * step
        text = _date(start, before.start.astimezone(zone) if before else None)
        if text and x > last:
            last = x + 8 * len(text)
            yield f'<text x="{x:.1f}" y="14" font-size="12">{text}</text>'


def _date(start: datetime, before: datetime | None) -> str:
    if before is None:
        return f"{start:%b %-d, %Y}"
    if start.year != before.year:
        return f"{start:%Y}"
    if (start - before).days > _WEEK:  # cells of a month: the years say enough
        return ""
    if start.month != before.month:
        return f"{start:%b}"
    return f"{start.day}" if start.weekday() == 0 and before.day == start.day - 1 else ""  # Mondays, of single days


def _row(each: StreamReport, top: int, count: int) -> Iterator[str]:
    """Yield one stream: its name, and a bar for each run of cells that say the same."""
    yield f'<text x="0" y="{top + 15}" font-size="13">{_escaped(_shortened(each.coverage.stream))}</text>'
    step, first = _step(count), 0
    yield f'<rect x="{_LABEL}" y="{top + 3}" width="{_WIDTH - _LABEL}" height="{_ROW - 6}" fill="#f4f4f4"/>'
    for heat, group in groupby(each.cells):
        length = len(list(group))
        x, wide = _LABEL + first * step, length * step
        first += length
        if heat in _FILL:
            yield (
                f'<rect x="{x:.1f}" y="{top + 3}" width="{max(wide, 1):.1f}" height="{_ROW - 6}" fill="{_FILL[heat]}">'
                f"<title>{_escaped(heat.value)}</title></rect>"
            )
        if heat in _TROUBLE:
            symbol = _escaped(WINDOWS[heat].symbol)
            yield f'<text x="{x:.1f}" y="{top + 2}" font-size="10" fill="#1a1a1a">{symbol}</text>'


def _legend(found: Sequence[Heat], y: int) -> Iterator[str]:
    x = _LABEL
    for heat in (heat for heat in _FILL if heat in found):
        symbol = f"{WINDOWS[heat].symbol} " if heat in _TROUBLE else ""
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{_FILL[heat]}"/>'
        yield f'<text x="{x + 17}" y="{y}" font-size="12">{_escaped(symbol + heat.value)}</text>'
        x += 45 + 7 * len(heat.value)


def _step(count: int) -> float:
    return (_WIDTH - _LABEL) / max(1, count)


def _shortened(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:25]}…"


def _escaped(words: str) -> str:
    return escape("".join(each if each.isprintable() else "�" for each in words))
