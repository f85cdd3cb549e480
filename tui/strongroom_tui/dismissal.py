"""Leaving a screen. The toolkit takes away whatever is on top, so two Enters at once would close two screens."""

from __future__ import annotations

from asyncio import InvalidStateError

from textual.await_complete import AwaitComplete
from textual.css.query import NoMatches
from textual.events import Event
from textual.screen import Screen, ScreenResultType


class DismissibleScreen(Screen[ScreenResultType]):
    """A screen that leaves once, and takes nothing with it but what covers it, such as help or the palette.

    A modal screen names it after `ModalScreen`, whose style the toolkit takes from the first base alone.
    """

    async def on_event(self, event: Event) -> None:
        """Pass an event on. A screen that was left before its parts were made finds none of them: that is no fault.

        The toolkit's palette looks in the stack for the screen under it, in which neither is any more.
        """
        try:
            await super().on_event(event)
        except (NoMatches, IndexError):
            if self in self.app.screen_stack:
                raise

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Leave with an answer. A screen that has left already does nothing."""
        stack = self.app.screen_stack
        if self not in stack:
            return AwaitComplete()
        for covering in reversed(stack[stack.index(self) + 1 :]):
            covering.dismiss(None)
        try:
            return super().dismiss(result)
        except InvalidStateError:  # nobody waits for the answer: who asked was cancelled, as all are when the app ends
            return self.app.pop_screen()
