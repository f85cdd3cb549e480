"""The pane beside a list: what is under the cursor, in short. It follows the cursor and nobody waits for it.

A question is asked once the cursor has rested, one at a time; while it is answered only the newest row is remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from rich.text import Text
from textual.content import Content
from textual.worker import Worker

from strongroom.model.errors import StrongroomError
from strongroom.text.layout import clip
from strongroom_tui.reader import Asked, Question
from strongroom_tui.screens.screen import TextPane
from strongroom_tui.widgets.text import error_text

REST = 0.06
"""Seconds for which the cursor rests before anything is read: a key that is held down reads nothing."""


class Preview(TextPane):
    """Shows the answer to the question about one row."""

    def __init__(self) -> None:
        super().__init__(Text())
        self._wanted: tuple[Question, int] | None = None
        self._shown: tuple[Question, int] | None = None
        self._lay: Callable[[object], Text] = lambda _answer: Text()
        self._busy = False
        self._title = ""

    def title(self, words: str) -> None:
        """Name what is shown, in the frame."""
        self._title = words
        self._draw_title()

    def on_resize(self) -> None:
        """Name it again: the width may be known only now."""
        self._draw_title()

    def _draw_title(self) -> None:
        words = self._title
        self.border_title = Content(f" {clip(words, max(0, self.size.width - 6))} ") if words else ""

    def show_now(self, text: Text) -> None:
        """Show what needs no question."""
        self._wanted = self._shown = None
        self._put(text)

    def follow(self, reader: Asked, question: Question, version: int, lay: Callable[[object], Text]) -> None:
        """Ask the question for this version of the catalogue, unless that was done, and show how `lay` writes it."""
        self._lay = lay
        if (question, version) == self._wanted:
            return
        if self._wanted is None or self._wanted[0] != question:
            self.scroll_home(animate=False)
        self._wanted = (question, version)
        if not self._busy:
            self._busy = True
            _worker: Worker[None] = self.run_worker(partial(self._read, reader), group="preview")

    async def _read(self, reader: Asked) -> None:
        try:
            while self._wanted is not None and self._wanted != self._shown:
                wanted = self._wanted
                await asyncio.sleep(REST)
                if wanted == self._wanted:
                    await self._ask(reader, wanted)
        finally:
            self._busy = False

    async def _ask(self, reader: Asked, wanted: tuple[Question, int]) -> None:
        try:
            answer: object = await reader.do(wanted[0].ask)
        except StrongroomError as error:
            answer = error
        self._shown = wanted
        if wanted == self._wanted and self.is_attached:
            self._put(Text(error_text(answer)) if isinstance(answer, StrongroomError) else self._lay(answer))

    def _put(self, text: Text) -> None:
        if self.is_attached:
            self.show(text)
