"""What is on the screen, and what was requested from it."""

from __future__ import annotations

from msgspec.structs import replace
from textual.color import Color

from kit.tui_bench import DAY, NOW, STREAMS, Bench, Seat, window
from strongroom.config.secrets import Scheme, SecretRef
from strongroom.config.sources import SourceSettings, StreamSettings
from strongroom.model.coverage import Cover, Interval
from strongroom.vault.requests import waiting_requests


def toasts(seat: Seat) -> str:
    """Return the messages that are shown for a few seconds, whole: on the screen they are wrapped beside the list."""
    return " ".join(each.message for each in seat.app._notifications)


LEAST = 4.5  # WCAG 2.2, 1.4.3


def contrast(one: Color, other: Color) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: Color) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def poor(seat: Seat) -> set[tuple[str, str]]:
    """Return the pieces of text on the screen that stand out too little."""
    found = set()
    for strip in seat.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            if style is None or not text.strip(" ▄▁▃▇▅▂▆█▏▎▍▌▋▊▉▔─━░") or not style.color or not style.bgcolor:
                continue
            front, back = (Color.from_rich_color(each) for each in (style.color, style.bgcolor))
            if style.reverse:
                front, back = back, front
            if contrast(front, back) < LEAST:
                found.add((text.strip(), f"{front.hex} on {back.hex}"))
    return found


KEY = SecretRef(Scheme.ENV, "NONE")


def configure(bench: Bench, days: int = 200, streams: tuple[str, ...] = STREAMS) -> Bench:
    """Give the bench a source with streams that are wanted for some days."""
    source = SourceSettings("zavu", "zavu", KEY)
    wanted = tuple(StreamSettings(name, "zavu", ("messages",), since=NOW - days * DAY) for name in streams)
    bench.config = replace(bench.config, sources=(source,), streams=wanted)
    return bench


def hold(bench: Bench, stream: str, days: range, cover: Cover = Cover.PROVEN, cause: str = "") -> None:
    bench.write(*(Interval(stream, window(day), cover, cause=cause) for day in days))


def requested(bench: Bench) -> list[tuple[str, str]]:
    return [(each.wish.value, each.subject) for each in waiting_requests(bench.vault.catalogue)]


def footer(seat: Seat) -> set[str]:
    return set(seat.keys)
