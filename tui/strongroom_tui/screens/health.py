"""Alerts and checks in words, the worst first.

Is anything wrong: what stands as an alarm, what a careful operator would check, and who was told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import ClassVar

from msgspec import Struct
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.worker import Worker

from strongroom.engine.core.alert_store import AlertRecord, newest_alerts
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.monitor.doctor import Check, CheckResult, examine
from strongroom.engine.monitor.system_status import SourceStanding, SystemStatus, standing_of
from strongroom.model.coverage import Cover
from strongroom_tui.reader import VaultSession
from strongroom_tui.screens.screen import TabScreen
from strongroom_tui.screens.text_screen import TextPane
from strongroom_tui.widgets.amounts import local, number, size, span
from strongroom_tui.widgets.icons import Mark
from strongroom_tui.widgets.text import clean

CHECKS: Mapping[CheckResult, Mark] = MappingProxyType(
    {
        CheckResult.OK: Mark("✓", "ok", "green"),
        CheckResult.WARN: Mark("!", "warning", "yellow"),
        CheckResult.FAIL: Mark("✗", "failed", "bold red"),
    }
)
LEVELS: Mapping[str, Mark] = MappingProxyType(
    {
        "critical": Mark("✗", "critical", "bold red"),
        "warning": Mark("!", "warning", "yellow"),
        "info": Mark("·", "info"),
    }
)
_OVER = Mark("✓", "over", "green")
_WORD = 10
_NAME = 22


def health_story(
    alert_records: Iterable[AlertRecord] | None,
    standing_now: SystemStatus | None,
    checks: Iterable[Check] | None,
    now: datetime,
    bad: Sequence[str] = (),
    *,
    offline: bool,
) -> Text:
    """Return what stands as an alarm, how machine and sources stand, then the checks, then what is over.

    `bad` says what is lost or failed, for which an alarm may have been cleared or may not have been raised yet.
    """
    raised = list(alert_records or ())
    standing = [each for each in raised if each.cleared_at is None]
    over = [each for each in raised if each.cleared_at is not None]
    sent = standing_now is None or bool(standing_now.telling.channels)
    parts = [_alarms(standing, now, bad, known=alert_records is not None, sent=sent)]
    if standing_now is not None:
        parts.append(_section("Machine and sources", [Text(f"  {line}") for line in standing_lines(standing_now, now)]))
    parts.append(_checks(checks, offline=offline))
    if over:
        parts.append(_section("Over", [_notice(each, now, sent=sent) for each in over]))
    return Text("\n\n").join(parts)


def unarchived_words(coverage: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Say how many entries of all streams are lost, and how many failed."""
    sums = {cover: sum(counts.get(cover, 0) for counts in coverage.values()) for cover in (Cover.LOST, Cover.MISSING)}
    lost, failed = sums[Cover.LOST], sums[Cover.MISSING]
    words = [f"{number(lost, 'period')} lost: the provider deleted the records first"] if lost else []
    return words + ([f"{number(failed, 'window')} failed: a person must act"] if failed else [])


def _alarms(standing: list[AlertRecord], now: datetime, bad: Sequence[str], *, known: bool, sent: bool) -> Text:
    if not known:
        return _section("Alerts", [Text("  reading …")])
    if not standing and bad:
        lines = [Text("  · no alert is active, but:"), *(Text(f"  ✗ {words}", "bold red") for words in bad)]
        return _section("Alerts", lines)
    if not standing:
        return _section("Alerts", [Text("  ✓ no alert is active", "green")])
    order = list(LEVELS)
    worst = sorted(standing, key=lambda each: order.index(each.severity) if each.severity in order else len(order))
    return _section(f"Alerts  {number(len(standing))} active", [_notice(each, now, sent=sent) for each in worst])


def standing_lines(found: SystemStatus, now: datetime) -> Iterator[str]:
    """Tell disk, quotas, clocks, and who is told of alarms."""
    disk, telling = found.disk, found.telling
    room = f"{size(disk.free)} free, the reserve is {size(disk.reserve)}"
    ahead = f"; at {size(disk.per_day)} a day it is reached in {span(disk.lasts)}" if disk.lasts is not None else ""
    yield f"{'disk':<{_NAME}} {room}{ahead or '; nothing grows yet'}"
    for each in found.sources:
        yield f"{clean(each.quota.source):<{_NAME}} {_source(each, now)}"
    if not telling.channels:
        yield f"{'notifications':<{_NAME}} alerts reach nobody: the configuration has no [notify]"
        return
    channels = ", ".join(telling.channels)
    told = f"; {number(telling.told)} sent, the last {span(now - telling.last)} ago" if telling.last else "; none sent"
    waiting = f"; {number(telling.waiting)} waiting" if telling.waiting else ""
    yield f"{'notifications':<{_NAME}} to {channels}{told}{waiting}"


def _source(each: SourceStanding, now: datetime) -> str:
    quota = each.quota
    hourly = f"{quota.created} of {quota.per_hour}" if quota.per_hour else number(quota.created)
    at_once = f"{quota.running} of {quota.concurrent}" if quota.concurrent else number(quota.running)
    parts = [f"exports this hour {hourly}, in progress {at_once}"]
    if each.refused_until is not None:
        parts.append(f"not before {local(each.refused_until)}, in {span(each.refused_until - now)}")
        parts += [clean(each.refused)] if each.refused else []
    if each.skew is None:
        parts.append("its clock is not known yet")
    else:
        parts.append(f"its clock is {each.skew.total_seconds():+.1f} s from ours")
    return "; ".join([*parts, *([f"paused: {clean(each.paused)}"] if each.paused else [])])


def _notice(notice: AlertRecord, now: datetime, *, sent: bool) -> Text:
    mark = LEVELS.get(notice.severity, LEVELS["info"]) if notice.cleared_at is None else _OVER
    told = f"sent {span(now - notice.told_at)} ago" if notice.told_at else "not sent yet"
    told = told if sent else "no channel to send it to"
    since = notice.cleared_at or notice.raised_at
    text = Text.assemble(("  " + f"{mark.symbol} {mark.word}".ljust(_WORD + 2), mark.style), clean(notice.title))
    indent = " " * (_WORD + 4)
    for line in (clean(notice.body), f"{local(since)}, {span(now - since)} ago; {told}"):
        if line:
            text.append(f"\n{indent}{line}")
    return text


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


class Health(Struct, frozen=True):
    """What was raised, the newest first, and how machine and sources stand."""

    alert_records: tuple[AlertRecord, ...]
    standing: SystemStatus


class HealthQuestion(Struct, frozen=True):
    """What was raised, and how machine and sources stand."""

    def ask(self, session: VaultSession) -> Health:
        """Read it."""
        standing = standing_of(session.vault, session.config, session.limits, session.clock())
        return Health(tuple(newest_alerts(session.vault, MOST)), standing)


class HealthTab(TabScreen):
    """Alarms and checks."""

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
        """Ask for the alarms."""
        return HealthQuestion()

    def paint(self) -> None:
        """Tell alarms and checks."""
        seen = self.seen
        health = seen.answer if seen is not None and isinstance(seen.answer, Health) else None
        alert_records, standing = (health.alert_records, health.standing) if health else (None, None)
        now = self.strongroom.clock()
        bad = unarchived_words(seen.status.coverage) if seen is not None else []
        story = health_story(alert_records, standing, self._checks, now, bad, offline=self._offline)
        self.query_one(TextPane).show(story)

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
