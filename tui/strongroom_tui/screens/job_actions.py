"""What can be done with a job: cancel it, retry it, re-export its window.

An export takes of the quota of its provider, which does not come back: a person who requests one sees the quota first.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from textual.binding import Binding, BindingType

from strongroom.engine.monitor.system_status import Quota, quota_of
from strongroom.engine.queries.requests import RequestKind
from strongroom.model.archive import Archive
from strongroom.model.job import Job, State
from strongroom.text.sentences import quota_left
from strongroom.text.times import window_words
from strongroom.text.units import size
from strongroom_tui.dialogs.dialog import Confirm
from strongroom_tui.dialogs.stakes import amount_of, stakes
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import ask, perform, steps


class Spending(Struct, frozen=True):
    """A request that takes of a quota, and the words of its question."""

    wish: RequestKind
    title: str
    yes: str
    after: str  # what becomes of what is there
    undo: str


RE_EXPORT = Spending(
    RequestKind.REGENERATE,
    "Re-export this window?",
    "Re-export",
    "The present archive stays; the new one is stored beside it.",
    "Cancel the new job with x while it is in progress. The export that it used does not come back.",
)
RETRY = Spending(
    RequestKind.RETRY,
    "Retry this failed window?",
    "Retry",
    "A new job replaces this one, which stays in the list as failed.",
    "Cancel the new job with x while it is in progress. The export that it used does not come back.",
)


async def confirm_export(tab: TabScreen, what: Spending, subject: Job | Archive) -> None:
    """Ask whether the window of a job or an archive is to be exported again, then request it."""

    def quota(session: VaultSession) -> Quota:
        return quota_of(session.vault, subject.source, session.limits.get(subject.source), session.clock())

    words = spending_words(what, subject, await perform(tab, quota))
    await ask(tab, Confirm(what.title, words, what.yes))
    tab.request(what.wish, subject.id)


def spending_words(what: Spending, subject: Job | Archive, quota: Quota) -> str:
    """Say what would be exported, of whom, and what is left of the quota it takes from."""
    return stakes(
        ("Window", f"{subject.stream}  {window_words(subject.spec.window, 60)}"),
        ("Now", amount_of([subject]) if isinstance(subject, Archive) else str(subject.cause or "")),
        ("Uses", "one export of the quota"),
        ("Quota", quota_left(quota)),
        ("Then", what.after),
        ("Undo", what.undo),
    )


class JobActions(TabScreen):
    """Adds the acts to a tab that has one job chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "cancel_job", "cancel", tooltip="Cancel this job"),
        Binding("t", "retry_job", "retry", tooltip="Retry the window of this failed job"),
        Binding("e", "regenerate_job", "re-export", tooltip="Export the window again; the present archive stays"),
        Binding("y", "copy_job", "copy id", show=False, tooltip="Copy the id of this job to the clipboard"),
    ]

    @property
    def job(self) -> Job | None:
        """Return the job that is meant, or None while there is none."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits the job."""
        if action == "copy_job":
            return self.job is not None
        if action.endswith("_job"):
            return not self.strongroom.read_only and fits(self.job, action)
        return super().check_action(action, parameters)

    @steps
    async def action_cancel_job(self) -> None:
        """Ask whether to stop working on the job, then have it cancelled."""
        job = self.job
        if job is not None:
            await ask(self, Confirm(f"Cancel job {job.id}?", cancel_words(job), "Cancel the job"))
            self.request(RequestKind.CANCEL, job.id)

    @steps
    async def action_retry_job(self) -> None:
        """Ask whether to try the window of the failed job again, then request it."""
        if self.job is not None:
            await confirm_export(self, RETRY, self.job)

    @steps
    async def action_regenerate_job(self) -> None:
        """Ask whether to export the window again, beside what is there, then request it."""
        if self.job is not None:
            await confirm_export(self, RE_EXPORT, self.job)

    def action_copy_job(self) -> None:
        """Copy the id, and show what was copied."""
        if self.job is not None:
            self.copy(self.job.id)


def cancel_words(job: Job) -> str:
    """Say what cancelling a job means."""
    return stakes(
        ("Window", f"{job.stream}  {window_words(job.spec.window, 60)}"),
        ("State", f"{job.state}{f', {size(job.size)}' if job.size else ''}"),
        ("Then", "Its window becomes pending again, unless its stream is paused. Archived data is not affected."),
        ("Undo", "Not needed: the window is exported again. To stop that, pause the stream in Schedules (2)."),
    )


def fits(job: Job | None, action: str) -> bool:
    """Say whether an action fits what the job is now."""
    if job is None:
        return False
    return {
        "cancel_job": not job.finished,
        "retry_job": job.state is State.FAILED,
        "regenerate_job": job.state is State.ARCHIVED,
    }[action]
