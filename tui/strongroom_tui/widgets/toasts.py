"""What is told for a few seconds: two of them at most, and none longer than the room it belongs to.

The toolkit piles them up over the rows that a person looks at; one that speaks of another room speaks of nothing.
"""

from __future__ import annotations

from textual.app import ReturnType
from textual.notifications import Notification, Notify
from textual.widget import AwaitMount

from strongroom_tui.process import GuardedApp

MOST = 2


class ToastingApp(GuardedApp[ReturnType]):
    """An app whose toasts do not pile up."""

    def __init__(self) -> None:
        super().__init__()
        self._toasts: list[Notification] = []

    def on_notify(self, event: Notify) -> None:
        """Make room for what is about to be told: the oldest gives way, and nothing is told twice at a time."""
        told = [each for each in self._toasts if not each.has_expired]
        twins = [each for each in told if each.message == event.notification.message]
        others = [each for each in told if each not in twins]
        for each in [*twins, *others[: max(0, len(others) - MOST + 1)]]:
            each.timeout = 0  # the toolkit drops what has expired when it shows the new one
        self._toasts = [each for each in others if each.timeout] + [event.notification]

    def switch_mode(self, mode: str) -> AwaitMount:
        """Go to another room, and let go of what was told in this one."""
        if self._toasts:
            self._toasts = []
            self.clear_notifications()
        return super().switch_mode(mode)
