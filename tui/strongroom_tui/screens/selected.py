"""What the keys do with all that is selected in a list: one dialog, one request or one piece of work for all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import rmtree
from types import MappingProxyType

from rich.text import Text

from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import FixityFault, Watch, check_fixity
from strongroom.engine.access.inventory import get_exactly
from strongroom.engine.access.restore import require_outside, restore
from strongroom.engine.core.identities import Identities
from strongroom.engine.monitor.system_status import Quota, quota_of
from strongroom.engine.queries.lists import Vault
from strongroom.engine.queries.requests import RequestKind
from strongroom.model.archive import Archive
from strongroom.model.errors import StrongroomError
from strongroom.model.hold import HoldRule
from strongroom.model.job import Job
from strongroom.model.text import clean
from strongroom.text.sentences import quota_words
from strongroom.text.units import number
from strongroom_tui.dialogs.background_work import show_work
from strongroom_tui.dialogs.dialog import AskLine, Confirm
from strongroom_tui.dialogs.form import start_folder, typed_path
from strongroom_tui.dialogs.package import make_package
from strongroom_tui.dialogs.stakes import amount_of, period_of, stakes
from strongroom_tui.dialogs.unlock import unlocked
from strongroom_tui.reader import VaultSession
from strongroom_tui.requests import send_request
from strongroom_tui.screens.archive_actions import ArchiveActions
from strongroom_tui.screens.holds import place_hold
from strongroom_tui.screens.job_actions import JobActions, fits
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.steps import ask, perform, steps

ARCHIVE_BULK: Mapping[str, str] = MappingProxyType(
    {
        "restore_archive": "restore",
        "verify_archive": "verify",
        "hold_archive": "hold",
        "package_archive": "package",
        "regenerate_archive": "re-export",
        "copy_archive": "copy ids",
        "export": "export",
    }
)
JOB_BULK: Mapping[str, str] = MappingProxyType(
    {
        "retry_job": "retry",
        "cancel_job": "cancel",
        "regenerate_job": "re-export",
        "copy_job": "copy ids",
        "export": "export",
    }
)
_ONE_ONLY = ("browse_archive", "compare_archive", "propose_archive", "identity_archive")


class SelectedArchives(ArchiveActions):
    """Has the keys of an archive act on all that are selected, where some are."""

    @property
    def selected_ids(self) -> tuple[str, ...]:
        """Return the ids of the archives that are selected."""
        return ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what is safe for many."""
        if self.selected_ids and action in _ONE_ONLY:
            return False
        return super().check_action(action, parameters)

    def action_copy_archive(self) -> None:
        """Copy the ids."""
        if self.selected_ids:
            self.copy("\n".join(self.selected_ids))
        else:
            super().action_copy_archive()

    @steps
    async def action_hold_archive(self) -> None:
        """Place one hold on all of them."""
        ids = self.selected_ids
        if ids:
            await place_hold(self, HoldRule(archives=ids), number(len(ids), "selected archive"))
        elif self.archive is not None:
            await place_hold(self, HoldRule(archives=(self.archive.id,)), f"archive {self.archive.id}")

    @steps
    async def action_package_archive(self) -> None:
        """Make one evidence package of all of them."""
        if self.selected_ids or self.archive is not None:
            await make_package(self, await self.selected_archives())

    def action_verify_archive(self) -> None:
        """Read all of them again."""
        if self.selected_ids:
            self._verify_all()
        else:
            super().action_verify_archive()

    def action_restore_archive(self) -> None:
        """Write all of them into one new folder."""
        if self.selected_ids:
            self._restore_all()
        else:
            super().action_restore_archive()

    def action_regenerate_archive(self) -> None:
        """Request the windows of all of them again."""
        if self.selected_ids:
            self._re_export_all()
        else:
            super().action_regenerate_archive()

    async def selected_archives(self) -> list[Archive]:
        """Read what is selected, or else return what is under the cursor."""
        ids, archive = self.selected_ids, self.archive
        if not ids:
            return [archive] if archive is not None else []

        def read(session: VaultSession) -> list[Archive]:
            return [found for each in ids if (found := get_exactly(session.vault, each)) is not None]

        return await perform(self, read)

    @steps
    async def _re_export_all(self) -> None:
        await confirm_all(self, RequestKind.REGENERATE, await self.selected_archives())

    @steps
    async def _verify_all(self) -> None:
        archives, keyring = await self.selected_archives(), self.strongroom.keyring
        identities = keyring.take() if keyring.open else []
        total = sum(each.seal.sealed_size + (each.seal.size if identities else 0) for each in archives)

        def work(vault: Vault, watch: Watch) -> list[tuple[Archive, list[FixityFault]]]:
            return [(each, _faults(vault, each, identities, watch)) for each in archives]

        title = f"Verify {number(len(archives), 'archive')}"
        await show_work(self, title, total, work, lambda found: verified_text(found, content=bool(identities)))

    @steps
    async def _restore_all(self) -> None:
        archives = await self.selected_archives()
        words = stakes(
            ("What", amount_of(archives)),
            ("Period", period_of(each.spec.window for each in archives)),
            ("Then", "Each is written as one file, as the provider delivered it, after its digest was checked."),
        )
        title, value = f"Restore {number(len(archives), 'archive')} to", str(start_folder() / "restored-archives")
        folder = typed_path(await ask(self, AskLine(title, words, value=value, check=_new_folder)))
        identities = await unlocked(self)

        def work(vault: Vault, watch: Watch) -> list[str]:
            return restore_into(vault, folder, archives, identities, watch)

        await show_work(self, title, sum(each.seal.size for each in archives), work, restored_text)


class SelectedJobs(JobActions):
    """Has the keys of a job act on all that are selected and that they fit, where some are."""

    @property
    def selected_jobs(self) -> Sequence[Job]:
        """Return the jobs that are selected."""
        return ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what fits one of them at least."""
        if self.selected_jobs and action in ("cancel_job", "retry_job", "regenerate_job"):
            return not self.strongroom.read_only and bool(self._fitting(action))
        return super().check_action(action, parameters)

    def action_copy_job(self) -> None:
        """Copy the ids."""
        if self.selected_jobs:
            self.copy("\n".join(each.id for each in self.selected_jobs))
        else:
            super().action_copy_job()

    def action_cancel_job(self) -> None:
        """Have all of them cancelled that are not finished."""
        if self.selected_jobs:
            self._request_all(RequestKind.CANCEL, "cancel_job")
        else:
            super().action_cancel_job()

    def action_retry_job(self) -> None:
        """Request the windows of all that failed again."""
        if self.selected_jobs:
            self._request_all(RequestKind.RETRY, "retry_job")
        else:
            super().action_retry_job()

    def action_regenerate_job(self) -> None:
        """Request the windows of all that are archived again."""
        if self.selected_jobs:
            self._request_all(RequestKind.REGENERATE, "regenerate_job")
        else:
            super().action_regenerate_job()

    @steps
    async def _request_all(self, wish: RequestKind, action: str) -> None:
        await confirm_all(self, wish, self._fitting(action))

    def _fitting(self, action: str) -> list[Job]:
        return [each for each in self.selected_jobs if fits(each, action)]


_CONFIRMED: Mapping[RequestKind, tuple[str, str, str]] = MappingProxyType(
    {
        RequestKind.RETRY: ("Retry {}?", "Retry", "New jobs replace these, which stay in the list as failed."),
        RequestKind.REGENERATE: ("Re-export {}?", "Re-export", "The archives that are here stay."),
        RequestKind.CANCEL: ("Cancel {}?", "Cancel the jobs", "Their windows become pending again."),
    }
)


async def confirm_all(tab: TabScreen, wish: RequestKind, subjects: Sequence[Job] | Sequence[Archive]) -> None:
    """Say how many and what that takes of which quota, then send one request for each."""
    title, act, after = _CONFIRMED[wish]
    noun = "job" if isinstance(subjects[0], Job) else "archive"
    names = [each.source for each in subjects]

    def quotas(session: VaultSession) -> list[Quota]:
        now, limits = session.clock(), session.limits
        return [quota_of(session.vault, name, limits.get(name), now) for name in sorted(set(names))]

    found = await perform(tab, quotas) if wish is not RequestKind.CANCEL else []
    used = [f"{number(names.count(each.source), 'export')} of {each.source}: {quota_words(each)}" for each in found]
    words = stakes(
        ("What", _stream_words(each.stream for each in subjects)),
        ("Period", period_of(each.spec.window for each in subjects)),
        ("Uses", "; ".join(used)),
        ("Then", after),
    )
    await ask(tab, Confirm(title.format(number(len(subjects), noun)), words, act))
    sent = await perform(tab, lambda session: [send_request(wish, each.id)(session) for each in subjects])
    for each in sent:
        tab.strongroom.answers.expect(each.request)
    tab.finish(f"{number(len(sent), 'request')} sent: {wish.value.replace('-', ' ')} {number(len(sent), noun)}")


def _stream_words(streams: Iterable[str]) -> str:
    names = list(streams)
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    shown = [f"{name}: {number(count, 'window')}" for name, count in list(counts.items())[:4]]
    return ", ".join([*shown, *([f"and {number(len(counts) - 4, 'more stream')}"] if len(counts) > 4 else [])])


def file_name(archive: Archive) -> str:
    """Return a name of its own for the file of one archive among many."""
    stream = "".join(letter if letter.isalnum() else "-" for letter in archive.stream)
    ending = Path(archive.seal.file_name).suffix
    return f"{stream}-{archive.spec.window.start:%Y-%m-%d}-{archive.id[-8:]}{ending}"


def restore_into(
    vault: Vault, folder: Path, archives: Sequence[Archive], identities: Identities, watch: Watch
) -> list[str]:
    """Write each archive as one file into a new folder, and return the paths with their digests.

    Where one of them fails or a person stops it, the folder is removed: nothing is left behind. Raises OSError and the
    StrongroomError family.
    """
    require_outside(vault, folder)
    folder.mkdir(mode=0o700)
    with ExitStack() as undo:
        undo.callback(rmtree, folder, ignore_errors=True)
        found = [restore(vault, each, identities, folder / file_name(each), watch) for each in archives]
        undo.pop_all()
    return [f"{path}  sha256:{each.sha256}" for each in found for path in each.paths]


def _faults(vault: Vault, archive: Archive, identities: Identities, watch: Watch) -> list[FixityFault]:
    sealed = check_fixity(vault, archive, watch)
    return sealed + (check_content(vault, archive, identities, watch) if identities else [])


def _new_folder(line: str) -> str:
    try:
        return "that exists already: name a new folder" if typed_path(line).exists() else ""
    except StrongroomError as error:
        return error.sentences


def verified_text(found: Sequence[tuple[Archive, list[FixityFault]]], *, content: bool) -> Text:
    """Say what reading archives again found, those with faults first."""
    wrong = [(archive, faults) for archive, faults in found if faults]
    how = "every sealed byte and every record" if content else "every sealed byte"
    if not wrong:
        words = f"  {number(len(found), 'archive')}: {how} read again, nothing differs\n"
        return Text.assemble(("✓ verified", "bold green"), words)
    text = Text.assemble(("✗ fault", "bold red"), f"  {number(len(wrong))} of {number(len(found), 'archive')}\n")
    for archive, faults in wrong:
        text.append(f"\n  {archive.id}  {clean(archive.stream)}\n", "bold")
        for fault in faults:
            text.append(f"    {fault.code}  {clean(fault.file)}: {clean(fault.message)}\n")
    return text.append("\n  Restore the named files from a copy of the vault. Nothing is repaired automatically.\n")


def restored_text(paths: Sequence[str]) -> Text:
    """Say which files were written."""
    text = Text.assemble(("✓ restored", "bold green"), f"  {number(len(paths), 'file')}, each digest checked\n\n")
    return text.append("\n".join(f"  {clean(each)}" for each in paths))
