"""What can be done with a job, from the list and from its own screen: cancel, try again, export afresh."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from strongroom.engine.queries.requests import RequestKind
from strongroom.model.job import Job, State
from strongroom_tui.dialogs.dialog import Confirm
from strongroom_tui.dialogs.re_export import export_afresh, try_again
from strongroom_tui.requests import ask_for
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.widgets.amounts import window_words


class JobActions(TabScreen):
    """Adds the acts to a room that has one job chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "cancel_job", "cancel", tooltip="Stop working on this job"),
        Binding("t", "retry_job", "retry", tooltip="Try the window of this failed job again"),
        Binding("e", "regenerate_job", "re-export", tooltip="Export the window again, beside what is there"),
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

    def action_cancel_job(self) -> None:
        """Ask whether to stop working on the job, then have it cancelled."""
        job = self.job
        if job is None:
            return
        words = (
            f"{job.stream}  {window_words(job.spec.window, 60)}\nIt is {job.state}. Its window is pending again at the "
            "next look, unless its stream is paused. Nothing that is archived is touched."
        )

        def answered(answer: str | None) -> None:
            if answer:
                ask_for(self, RequestKind.CANCEL, job.id)

        self.app.push_screen(Confirm(f"Cancel job {job.id}?", words, "Cancel the job"), answered)

    def action_retry_job(self) -> None:
        """Ask whether to try the window of the failed job again: that may take an export of its quota."""
        job = self.job
        if job is not None:
            try_again(self, job.id, job.stream, job.source, job.spec.window)

    def action_regenerate_job(self) -> None:
        """Ask whether to export the window afresh, beside what is there; then have it done."""
        job = self.job
        if job is not None:
            export_afresh(self, job.id, job.stream, job.source, job.spec.window)

    def action_copy_job(self) -> None:
        """Copy the id, and show what was copied."""
        if self.job is not None:
            self.copy(self.job.id)


def fits(job: Job | None, action: str) -> bool:
    """Say whether an action fits what the job is now."""
    if job is None:
        return False
    return {
        "cancel_job": not job.finished,
        "retry_job": job.state is State.FAILED,
        "regenerate_job": job.state is State.ARCHIVED,
    }[action]
