"""The demo company on the screen: the same facts as the commands give with --json, and every task within eight keys."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from kit.company import OPENED, ask
from kit.tui_bench import Seat
from strongroom.cli.demo_company import CompanyFolder
from strongroom.config.load import load_config
from strongroom.model.text import counted
from strongroom.model.times import parse_instant
from strongroom.text.sentences import named_title
from strongroom_tui.app import StrongroomApp
from strongroom_tui.reader import VaultReader
from strongroom_tui.screens.list_screen import ListTab
from strongroom_tui.screens.preview import Preview

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("company_time")]

TASKS = Path(__file__).parents[2] / "docs" / "tasks.md"
MOST = 8  # keys


@asynccontextmanager
async def seated(company: CompanyFolder) -> AsyncIterator[Seat]:
    reader = VaultReader(load_config(company.config), lambda: OPENED)
    app = StrongroomApp(reader, lambda: OPENED)
    try:
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            seat = Seat(app, pilot)
            await seat.settle()
            yield seat
    finally:
        reader.close()


def facts(company: CompanyFolder, *line: str) -> Any:
    result = ask(company, *line, "--json")
    assert result.exit_code in (0, 1), result.output
    return json.loads(result.stdout)


def shown(seat: Seat) -> str:
    return " ".join(seat.text.split())


def rows_of(seat: Seat) -> int:
    screen = seat.app.screen
    assert isinstance(screen, ListTab)
    return len(screen.pane.table.keys)


def beside(seat: Seat) -> str:
    words = seat.app.screen.query_one(Preview).query_one("Static").render().plain  # type: ignore[attr-defined]
    return " ".join(words.split())


async def test_the_overview_says_what_the_commands_say_after_each_act(company: CompanyFolder) -> None:
    """As it opens, with a hold more, with the plan approved, and with a copy that is complete."""
    (waiting,) = [plan["id"] for plan in facts(company, "destroy", "list")["proposals"] if plan["waiting"]]
    acts = (
        (),
        ("hold", "place", "--matter", "Ames v. Harbor", "--reason", "a claim", "--stream", "shop-callbacks"),
        ("destroy", "approve", waiting, "--count", "3", "--yes"),
        ("copy", "run"),
    )
    for act in acts:
        if act[:1] == ("copy",):
            company.copy_disk.mkdir()
            assert ask(company, "copy", "forget", "office-nas", "--reason", "a new disk").exit_code == 0
        if act:
            result = ask(company, *act)
            assert result.exit_code == 0, result.output
        async with seated(company) as seat:
            check_overview(seat, company)
            await seat.press("7")
            check_copies(seat, facts(company, "status")["copies"])
            await check_retention(seat, company)
    assert facts(company, "status")["copies"][0]["complete"]


def check_overview(seat: Seat, company: CompanyFolder) -> None:
    """Its tiles have the share, what failed, is lost, at risk, the quota and the copies of the commands."""
    status, words = facts(company, "status"), shown(seat)
    assert f"{len(status['problems'])} problems need your attention" in words
    titles = [named_title(each["title"], each["body"].split()[1].strip(":;,")) for each in status["problems"]]
    assert all(title.lower() in words.lower() for title in titles[:3]), titles
    count = {cover: sum(each.get(cover, 0) for each in status["coverage"].values()) for cover in ("missing", "lost")}
    assert f"{counted(count['missing'], 'window')} failed, {count['lost']} lost" in words
    lengths: dict[str, timedelta] = defaultdict(timedelta)
    for stream in facts(company, "coverage")["streams"]:
        for window in stream["windows"]:
            lengths[window["cover"]] += parse_instant(window["end"]) - parse_instant(window["start"])
    share = (lengths["proven"] + lengths["destroyed"]) / sum(lengths.values(), timedelta())
    assert f"{share * 100:.1f}% archived, {(lengths['open'] + lengths['missing']).days} d pending" in words
    (risk,) = [each["title"] for each in status["problems"] if each["kind"] == "at-risk"]
    (day,) = re.findall(r"from (\S+) on", risk)
    assert f"deleted in 5 d, {day}" in words
    for quota in status["quotas"]:
        of = f"of {quota['per_hour']} used" if quota["per_hour"] else "this hour"
        assert re.search(rf"{quota['source']} (\S+ )?{quota['created_this_hour']} {of}", words)
    (copy,) = status["copies"]
    behind = counted(copy["behind_archives"], "archive")
    assert f"office-nas {'complete' if copy['complete'] else 'behind by'}" in words
    assert copy["complete"] or f", {behind}" in words


def check_copies(seat: Seat, copies: list[dict[str, Any]]) -> None:
    """Health has each copy with its place, how far it is behind, and why."""
    for copy in copies:
        assert f"{copy['name']}: {'complete' if copy['complete'] else 'behind by'}" in shown(seat)
        assert copy["place"] in shown(seat)
        assert (copy["failure"] or "").split(":")[0] in shown(seat)


async def test_the_screen_says_what_the_commands_say(company: CompanyFolder) -> None:
    status = facts(company, "status")
    held, quarantined = status["archives"]["held"], status["archives"]["quarantined"]
    async with seated(company) as seat:
        assert f"{held['count']:,} archives, {held['records']:,} records" in seat.text
        assert f"{quarantined['count']:,} in quarantine" in seat.text
        assert f"{len(status['coverage'])} streams" in seat.text
        await seat.press("3")
        for state, count in status["jobs"].items():
            assert f" {state} {count} " in shown(seat)
            assert count == len(facts(company, "jobs", "--state", state, "--limit", "1000")["jobs"])
        await seat.press("4")
        assert f" archived {held['count']} quarantined {quarantined['count']} " in shown(seat)
        await seat.press("6")
        assert f"checkpoint over {status['evidence']['checkpoint']['size']:,} entries" in seat.text
        alerts = facts(company, "notify", "list")["notices"]
        await seat.press("7")
        assert f"{len([each for each in alerts if not each['cleared_at']])} active" in seat.text
        titles = [named_title(each["title"], " ".join(each["key"].split()[1:2])) for each in alerts[:2]]
        assert all(title in shown(seat) for title in titles)
        await check_retention(seat, company)
        await check_streams(seat, status["coverage"])


async def check_retention(seat: Seat, company: CompanyFolder) -> None:
    fates = facts(company, "retention", "plan")["fates"]
    plans, holds = facts(company, "destroy", "list")["proposals"], facts(company, "hold", "list")["holds"]
    await seat.press("5")
    assert f"{fates['due']} of {sum(fates.values())} archives" in seat.text
    assert f"{counted(len(holds), 'hold')} of" in seat.text
    assert counted(len(plans), "plan") in seat.text
    screen = seat.app.screen
    assert isinstance(screen, ListTab)
    verdicts = [row.cells[1].plain for row in screen.pane.table._rows_shown]  # after the sign of a selection
    for fate, word in {"due": "eligible", "held": "on hold", "keep": "retained"}.items():
        assert sum(word in each for each in verdicts) == fates[fate]
    await seat.press("l")
    assert rows_of(seat) == len(holds)
    seen = ""
    for _ in holds:
        seen += beside(seat)
        await seat.press("down")
    assert all(each["matter"] in seen and each["reason"] in seen for each in holds)
    await seat.press("escape", "u")
    assert rows_of(seat) == len(plans)
    for plan in plans:
        records = sum(each["records"] for each in plan["archives"])
        assert f"{records} records" in beside(seat)
        assert (f"{plan['waiting']} still to be approved" in beside(seat)) is bool(plan["waiting"])
        assert ("! approved" in beside(seat)) is not bool(plan["waiting"])
        assert all(each["archive"] in beside(seat) for each in plan["archives"])
    await seat.press("escape")


async def check_streams(seat: Seat, coverage: dict[str, dict[str, int]]) -> None:
    """Each stream's preview says how many windows of it failed or are in progress, and nothing where none are."""
    await seat.press("2", "home")
    for _ in coverage:
        screen = seat.app.screen
        assert isinstance(screen, ListTab)
        covers, words = coverage[screen.chosen], beside(seat)
        for cover, title in {"missing": "failed", "open": "in progress"}.items():
            said = re.search(rf"{title} (\d+) window", words)
            assert (int(said[1]) if said else 0) == covers.get(cover, 0), (screen.chosen, words)
        await seat.press("down")


class Task(Struct, frozen=True):
    """One row of the page of tasks."""

    question: str
    keys: list[str]
    answers: list[str]


def read_tasks() -> list[Task]:
    rows = [line.strip("| ").split("|") for line in TASKS.read_text().splitlines() if line.startswith("| ")][2:]
    return [Task(row[0].strip(), *(re.findall("`([^`]+)`", cell) for cell in row[1:3])) for row in rows]


_NAMES = {"esc": "escape"}


def everything(seat: Seat) -> str:
    """Return what the screen shows, as lines and run together, and its preview in one piece."""
    return "\n".join([seat.text, shown(seat), *(beside(seat) for _pane in seat.app.screen.query(Preview))])


async def test_every_task_takes_the_keys_that_the_page_names(
    company: CompanyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = read_tasks()
    assert len(tasks) >= 20
    assert max(len(task.keys) for task in tasks) <= MOST
    monkeypatch.chdir(tmp_path)  # where a file is offered to be put
    wrong = []
    for task in tasks:
        async with seated(company) as seat:  # each begins at the start of the screen
            await seat.press(*(_NAMES.get(key, key) for key in task.keys))
            seen = everything(seat)
        missing = [answer for answer in task.answers if answer not in seen]
        if missing:
            wrong.append((task.question, missing, seen))
    assert not wrong
    assert [each.name for each in tmp_path.glob("*.zip")], "the restored file"
