"""Going anywhere: by a letter after `g`, or by typing a part of a name, an id or a window into the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import ClassVar, Protocol, cast

from msgspec import Struct
from msgspec.structs import replace
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.screen import ModalScreen
from textual.widgets import Static

from strongroom.engine.access.inventory import archives_from, jobs_from
from strongroom.engine.queries.lists import list_archives, list_jobs
from strongroom.engine.retention.verdicts import list_holds
from strongroom.model.archive import Sort
from strongroom.model.errors import StrongroomError
from strongroom.model.text import clean
from strongroom.text.times import window_words
from strongroom.text.units import number
from strongroom_tui.dismissal import DismissibleScreen
from strongroom_tui.places import Place
from strongroom_tui.reader import VaultReader, VaultSession
from strongroom_tui.widgets.filter_line import parse_filter
from strongroom_tui.widgets.footer import KeyFooter

_SHOWN = 6  # of each kind
_LEAST = 4  # letters of an id
_WINDOW = 26  # cells

LETTERS = MappingProxyType(
    {
        "o": ("overview", "Overview"),
        "s": ("schedules", "Schedules"),
        "j": ("jobs", "Jobs"),
        "a": ("archives", "Archives"),
        "r": ("retention", "Retention"),
        "e": ("evidence", "Evidence"),
        "h": ("health", "Health"),
        "f": ("search", "Search"),
        "l": ("holds", "Legal holds"),
        "p": ("plans", "Destruction plans"),
    }
)
"""Where a letter after `g` leads."""


class Traveller(Protocol):
    """The app, as far as places are concerned."""

    reader: VaultReader

    async def go_to(self, place: Place) -> None:
        """Show a place."""


class Target(Struct, frozen=True):
    """Something to go to."""

    place: Place
    words: str
    help: str = ""
    exact: bool = False  # it answers an id or a period, whatever its words are


class JumpQuestion(Struct, frozen=True):
    """What an id or a period leads to, and the matters of holds."""

    typed: str

    def ask(self, session: VaultSession) -> list[Target]:
        """Read a few of each kind, each by an index."""
        return [*self._by_id(session), *self._by_window(session), *_matters(session)]

    def _by_id(self, session: VaultSession) -> Iterator[Target]:
        part = self.typed.strip().lower()
        if len(part) < _LEAST or not part.isalnum():
            return
        for archive in archives_from(session.vault, part, _SHOWN):
            words = f"Archive {archive.id}  {archive.stream}  {window_words(archive.spec.window, _WINDOW)}"
            yield Target(Place("archive", archive.id), words, exact=True)
        for job in jobs_from(session.vault, part, _SHOWN):
            words = f"Job {job.id}  {job.stream}  {job.state}  {window_words(job.spec.window, _WINDOW)}"
            yield Target(Place("job", job.id), words, exact=True)

    def _by_window(self, session: VaultSession) -> Iterator[Target]:
        try:
            wanted = parse_filter(self.typed, [each.name for each in session.config.streams], ())
        except StrongroomError:
            return
        if wanted.period is None:
            return
        for archive in list_archives(
            session.vault, sort=Sort.WINDOW, stream=wanted.stream, period=wanted.period, most=_SHOWN
        ):
            words = f"{window_words(archive.spec.window, _WINDOW)}  {archive.stream}"
            yield Target(Place("archive", archive.id), words, f"archive {archive.id}", exact=True)
        for job in list_jobs(session.vault, stream=wanted.stream, period=wanted.period, most=_SHOWN):
            words = f"{window_words(job.spec.window, _WINDOW)}  {job.stream}  {job.state}"
            yield Target(Place("job", job.id), words, f"job {job.id}", exact=True)


def _matters(session: VaultSession) -> Iterator[Target]:
    found: dict[str, int] = {}
    for hold in list_holds(session.vault, active=False):
        found[hold.matter] = found.get(hold.matter, 0) + hold.stands
    for matter, active in found.items():
        yield Target(Place("holds"), f"Matter {matter}", f"{number(active, 'active hold')}")


def _fixed(reader: VaultReader) -> Iterator[Target]:
    for letter, (kind, title) in LETTERS.items():
        yield Target(Place(kind), f"Go to {title}", f"g {letter}")
    for stream in reader.config.streams:
        yield Target(Place("archives", stream.name), f"Archives of {stream.name}")
        yield Target(Place("stream", stream.name), f"Stream {stream.name}", "its schedule, what comes next")


class Jumps(Provider):
    """Offers tabs, streams, archives, jobs and matters in the palette."""

    @property
    def _traveller(self) -> Traveller:
        return cast("Traveller", self.app)

    async def discover(self) -> Hits:
        """Offer the tabs and lists where nothing is typed yet."""
        for each in _fixed(self._traveller.reader):
            if not each.place.key:
                yield DiscoveryHit(each.words, self._go(each), help=each.help)

    async def search(self, query: str) -> Hits:
        """Offer what was typed a part of; ids and periods lead first."""
        matcher = self.matcher(query)
        targets = list(_fixed(self._traveller.reader))
        with suppress(StrongroomError):  # the tab itself says what is wrong with the vault
            targets += await self._traveller.reader.do(JumpQuestion(query).ask)
        for each in (replace(target, words=clean(target.words), help=clean(target.help)) for target in targets):
            score = 1.0 if each.exact else matcher.match(each.words)
            if score > 0:
                shown = Text(each.words) if each.exact else matcher.highlight(each.words)
                yield Hit(score, shown, self._go(each), text=each.words, help=each.help)

    def _go(self, target: Target) -> Callable[[], object]:
        return partial(self._traveller.go_to, target.place)


class GoTo(ModalScreen[str], DismissibleScreen[str]):
    """Waits for the second letter, and shows which there are. Returns the kind of place, "top", or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(letter, f"to('{kind}')", title.lower(), show=False) for letter, (kind, title) in LETTERS.items()),
        Binding("g", "to('top')", "top of the list", show=False),
        Binding("escape", "leave", "stay"),
    ]

    def compose(self) -> ComposeResult:
        """Yield the letters."""
        text = Text("Go to\n", "bold")
        for letter, (_, title) in [*LETTERS.items(), ("g", ("top", "First row"))]:
            text.append(f"  {letter}", "bold underline").append(f"  {title}\n")
        text.rstrip()
        yield Static(text, classes="box", markup=False)
        yield KeyFooter()

    def action_to(self, kind: str) -> None:
        """Answer."""
        self.dismiss(kind)

    def action_leave(self) -> None:
        """Answer nothing."""
        self.dismiss(None)
