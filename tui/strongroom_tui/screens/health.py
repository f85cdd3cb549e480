"""Alerts and checks in words, the worst first.

Is anything wrong: which alerts are active, what a careful operator would check, and what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker

from strongroom.engine.copies.copy_status import CopyFinding, CopyStatus, copy_statuses, list_copy_findings
from strongroom.engine.core.alert_store import AlertRecord, newest_alerts
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.monitor.doctor import Check, CheckResult, examine
from strongroom.engine.monitor.system_status import SourceStatus, SystemStatus, read_system_status
from strongroom.model.coverage import Cover
from strongroom.model.text import clean
from strongroom.text.sentences import delivery_words, disk_words, named_title, quota_words
from strongroom.text.states import CHECKS, LEVELS, alert_mark
from strongroom.text.times import local, local_day_minute
from strongroom.text.units import number, span
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.copies_text import copy_lines
from strongroom_tui.screens.screen import TabScreen, TextPane

_WORD = 10
_NAME = 22


def health_text(
    alert_records: Iterable[AlertRecord] | None,
    system: SystemStatus | None,
    checks: Iterable[Check] | None,
    now: datetime,
    bad: Sequence[str] = (),
    copies: Iterable[Text] | None = None,
    *,
    offline: bool,
) -> Text:
    """Return which alerts are active, the state of machine and sources, then the checks, then what is over.

    `bad` says what is lost or failed, for which an alert may have been cleared or may not have been raised yet.
    """
    raised = list(alert_records or ())
    active = [each for each in raised if each.cleared_at is None]
    over = [each for each in raised if each.cleared_at is not None]
    sent = system is None or bool(system.telling.channels)
    parts = [_alerts(active, now, bad, known=alert_records is not None, sent=sent)]
    if system is not None:
        parts.append(_section("Machine and sources", [Text(f"  {line}") for line in status_lines(system, now)]))
    if copies is not None:
        parts.append(_section("Copies", list(copies)))
    parts.append(_checks(checks, offline=offline))
    if over:
        parts.append(_section("Past alerts", [_notice(each, now, sent=sent) for each in over]))
    return Text("\n\n").join(parts)


def unarchived_words(coverage: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say how many entries of all streams are lost, and how many failed."""
    sums = {cover: sum(counts.get(cover, 0) for counts in coverage.values()) for cover in (Cover.LOST, Cover.MISSING)}
    lost, failed = sums[Cover.LOST], sums[Cover.MISSING]
    words = [f"{number(lost, 'period')} lost: the provider deleted the records first"] if lost else []
    return words + ([f"{number(failed, 'window')} failed: a person must act"] if failed else [])


def _alerts(active: list[AlertRecord], now: datetime, bad: Sequence[str], *, known: bool, sent: bool) -> Text:
    if not known:
        return _section("Alerts", [Text("  reading …")])
    if not active and bad:
        lines = [Text("  · no alert is active, but:"), *(Text(f"  ✗ {words}", "bold red") for words in bad)]
        return _section("Alerts", lines)
    if not active:
        return _section("Alerts", [Text("  ✓ no alert is active", "green")])
    order = list(LEVELS)
    worst = sorted(active, key=lambda each: order.index(each.severity) if each.severity in order else len(order))
    return _section(f"Alerts  {number(len(active))} active", [_notice(each, now, sent=sent) for each in worst])


def status_lines(found: SystemStatus, now: datetime) -> Iterator[str]:
    """Return disk, quotas, clocks, and where alerts are sent."""
    delivery = found.telling
    yield f"{'disk':<{_NAME}} {disk_words(found.disk)}"
    for each in found.sources:
        yield f"{clean(each.quota.source):<{_NAME}} {_source(each, now)}"
    if silent := [clean(each.quota.source) for each in found.sources if each.skew is None]:
        yield f"{'clocks':<{_NAME}} not known yet until the next answer of {', '.join(silent)}"
    last = f"{span(now - delivery.last)} ago" if delivery.last else ""
    yield f"{'alerts':<{_NAME}} {delivery_words(delivery, last)}"


def _source(each: SourceStatus, now: datetime) -> str:
    parts = [quota_words(each.quota)]
    if each.refused_until is not None:
        parts.append(f"not before {local(each.refused_until)}, in {span(each.refused_until - now)}")
        parts += [clean(each.refused)] if each.refused else []
    if each.skew is not None:
        parts.append(f"its clock is {each.skew.total_seconds():+.1f} s from ours")
    return "; ".join([*parts, *([f"paused: {clean(each.paused)}"] if each.paused else [])])


def _notice(notice: AlertRecord, now: datetime, *, sent: bool) -> Text:
    mark = alert_mark(notice.severity, active=notice.cleared_at is None)
    sent_words = f"sent {span(now - notice.told_at)} ago" if notice.told_at else "not sent yet"
    since = notice.cleared_at or notice.raised_at
    times = f"{local_day_minute(since)}, {span(now - since)} ago" + (f"; {sent_words}" if sent else "")
    text = Text.assemble(("  " + f"{mark.symbol} {mark.word}".ljust(_WORD + 2), mark.style), clean(_title(notice)))
    indent = " " * (_WORD + 4)
    for line in (clean(notice.body), times):
        if line:
            text.append(f"\n{indent}{line}")
    return text


def _title(notice: AlertRecord) -> str:
    """Return the title, with the stream or source that the key of an alert names after its kind."""
    return named_title(notice.title, " ".join(notice.key.split()[1:2]))


def _checks(checks: Iterable[Check] | None, *, offline: bool) -> Text:
    where = "this machine" if offline else "this machine and every provider"
    if checks is None:
        return _section("Checks", [Text(f"  checking {where} …")])
    order = [CheckResult.FAIL, CheckResult.WARN, CheckResult.OK]
    found = sorted(checks, key=lambda check: order.index(check.verdict))
    return _section(f"Checks of {where}", [_check(each) for each in found])


def _check(check: Check) -> Text:
    mark = CHECKS[check.verdict]
    name = clean(check.name)
    text = Text.assemble(
        ("  " + f"{mark.symbol} {mark.word}".ljust(_WORD + 2), mark.style), f"{name:<{_NAME}} {clean(check.message)}"
    )
    if check.hint:
        text.append(f"\n{' ' * (_WORD + 4)}→ {clean(check.hint)}")
    return text


def _section(title: str, lines: list[Text]) -> Text:
    return Text("\n").join([Text(title, "bold underline"), *lines])


MOST = 60  # notices
_FOUND = 5  # objects of each copy that are named


class Health(Struct, frozen=True):
    """What was raised, the newest first, and the state of machine and sources."""

    alert_records: tuple[AlertRecord, ...]
    system: SystemStatus
    copies: tuple[CopyStatus, ...] = ()
    found: tuple[CopyFinding, ...] = ()  # in the copies, the first few of each


class HealthQuestion(Struct, frozen=True):
    """What was raised, and the state of machine and sources."""

    def ask(self, session: VaultSession) -> Health:
        """Read it."""
        system = read_system_status(session.vault, session.config, session.limits, session.clock())
        copies = tuple(copy_statuses(session.vault, session.config))
        found = tuple(one for each in copies for one in list_copy_findings(session.vault, each.name, _FOUND))
        return Health(tuple(newest_alerts(session.vault, MOST)), system, copies, found)


class HealthTab(TabScreen):
    """Alerts and checks."""

    MODE: ClassVar[str] = "health"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "check(True)", "check here", tooltip="Check everything on this machine again; ask no provider"),
        Binding("C", "check(False)", "check all", tooltip="Check everything, and ask every provider"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._checks: tuple[Check, ...] | None = None  # None while they are being made
        self._offline = True

    def contents(self) -> ComposeResult:
        """Yield the text."""
        yield TextPane(Text("looking …"))

    def on_mount(self) -> None:
        """Give the keys to the text, and begin to check."""
        self.query_one(TextPane).focus()
        self.action_check(True)

    def question(self) -> HealthQuestion:
        """Ask for the alerts."""
        return HealthQuestion()

    def paint(self) -> None:
        """Show alerts and checks."""
        seen = self.seen
        health = seen.answer if seen is not None and isinstance(seen.answer, Health) else None
        alert_records, system = (health.alert_records, health.system) if health else (None, None)
        now = self.strongroom.clock()
        copies = copy_lines(health.copies, health.found, now) if health else None
        bad = unarchived_words(seen.status.coverage) if seen is not None else []
        text = health_text(alert_records, system, self._checks, now, bad, copies, offline=self._offline)
        self.query_one(TextPane).show(text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no provider asked by those who only look on."""
        if action == "check":
            return parameters == (True,) or not self.strongroom.read_only
        return super().check_action(action, parameters)

    def action_check(self, offline: bool) -> None:
        """Make the checks away from the screen: a provider may take its time."""
        config, clock = self.strongroom.reader.config, self.strongroom.clock
        self._checks, self._offline = None, offline
        self.repaint()

        async def work() -> None:
            found = await asyncio.to_thread(lambda: tuple(examine(config, Dependencies(clock=clock), offline=offline)))
            self._checks = found
            self.repaint()

        _worker: Worker[None] = self.run_worker(work, group="checks", exclusive=True)
