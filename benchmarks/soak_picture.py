"""The picture of a soak: one small curve for each thing that must not grow, as SVG."""

from __future__ import annotations

from html import escape

from msgspec import Struct

WIDE, HIGH = 340, 120  # of one panel
PLOT = (44.0, 28.0, 284.0, 68.0)  # left, top, width, height within it
ACROSS = 2
INK, LINE, FAINT = "#333333", "#1f6f8b", "#bbbbbb"


class Panel(Struct, frozen=True):
    """One curve."""

    title: str
    points: list[tuple[float, float]]  # minutes, and how much


def draw(panels: list[Panel]) -> str:
    """Return the picture."""
    rows = -(-len(panels) // ACROSS)
    width, height = WIDE * ACROSS, HIGH * rows
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        across, down = number % ACROSS * WIDE, number // ACROSS * HIGH
        lines += [f'<g transform="translate({across} {down})">', *_panel(panel), "</g>"]
    return "\n".join([*lines, "</svg>", ""])


def _panel(panel: Panel) -> list[str]:
    left, top, width, height = PLOT
    last = max(x for x, _ in panel.points) or 1.0
    highest = max(y for _, y in panel.points) * 1.15 or 1.0
    places = " ".join(
        f"{left + x / last * width:.1f},{top + height - y / highest * height:.1f}" for x, y in panel.points
    )
    bottom = top + height
    return [
        f'<text x="{left}" y="18" fill="{INK}" font-weight="bold">{escape(panel.title)}</text>',
        f'<path d="M{left} {top}V{bottom}H{left + width}" fill="none" stroke="{FAINT}"/>',
        f'<polyline points="{places}" fill="none" stroke="{LINE}" stroke-width="1.5"/>',
        f'<text x="{left - 5}" y="{top + 8}" fill="{INK}" text-anchor="end">{highest:.3g}</text>',
        f'<text x="{left - 5}" y="{bottom}" fill="{INK}" text-anchor="end">0</text>',
        f'<text x="{left + width}" y="{bottom + 14}" fill="{INK}" text-anchor="end">{last:.0f} min</text>',
    ]
