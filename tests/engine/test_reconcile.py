"""`strongroom reconcile`: what each side lacks, with the identity; the log and the report have the counts and no id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kit.sealed_vault import DAY, House, as_csv, as_zip
from strongroom.cli.main import cli
from strongroom.model.archive import Archive
from strongroom.model.coverage import Cover, Interval
from strongroom.model.errors import ExitCode
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.window import Window
from strongroom.vault.coverage import put_interval

CONFIG = """
[[source]]
name = "hookbridge"
provider = "hookbridge"
api_key = "file:/nowhere/key"

[[source]]
name = "zavu"
provider = "zavu"
api_key = "file:/nowhere/key"

[[stream]]
name = "hooks"
source = "hookbridge"
datasets = ["outbound"]

[[stream]]
name = "messages"
source = "zavu"
datasets = ["messages", "conversations"]

[retention.standard]
period = "7y"

[[reconcile]]
name = "webhooks"
left = "hooks"
right = "messages"
right_dataset = "messages"
keys = { "payload" = "id" }
right_where = { status = "sent" }
within = "1h"
"""
PERIOD = ("--from", "2026-03-01", "--to", "2026-03-03")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Two days of webhooks and messages: on the second a message lacks its webhook, and one webhook its message."""
    made = House(tmp_path)
    config = made.base / "strongroom.toml"
    config.write_text(config.read_text().partition("[retention.standard]")[0] + CONFIG)
    config.chmod(0o600)
    for number in (0, 1):
        window = Window(DAY.start + timedelta(days=number), DAY.end + timedelta(days=number))
        seal(made, window, number)
    for number in (-1, 2):
        window = Window(DAY.start + timedelta(days=number), DAY.end + timedelta(days=number))
        for stream in ("hooks", "messages"):
            cover(made, stream, window, None)
    yield made
    made.vault.close()


def seal(house: House, window: Window, number: int) -> None:
    at = f"{window.start:%Y-%m-%d}T23:59:30Z"
    hooks = [{"message_id": f"h{number}-{each}", "created_at": at, "payload": f"m{number}-{each}"} for each in range(9)]
    messages = [
        {"id": f"m{number}-{each}", "createdAt": at, "status": "failed" if each == 9 else "sent"} for each in range(10)
    ]
    if number:
        hooks[3]["payload"], hooks[4]["payload"] = "canary-1", ""
    shapes = (DatasetShape("outbound", "", "message_id", "created_at"),)
    made = house.seal(as_csv(hooks), shapes, Container.CSV, window, stream="hooks", alone=False)
    cover(house, "hooks", window, made)
    shapes = tuple(DatasetShape(name, f"{name}.json", "id", "createdAt") for name in ("messages", "conversations"))
    data = as_zip(messages=messages, conversations=[{"id": "c1", "createdAt": at}])
    made = house.seal(data, shapes, Container.ZIP_OF_JSON, window, stream="messages", alone=False)
    cover(house, "messages", window, made)


def cover(house: House, stream: str, window: Window, archive: Archive | None) -> None:
    cover = Cover.PROVEN if archive else Cover.EMPTY
    with house.vault.catalogue.transaction():
        put_interval(house.vault.catalogue, Interval(stream, window, cover, archive.id if archive else ""))


def ask(house: House, *words: str, code: int = ExitCode.OK) -> Result:
    result = CliRunner().invoke(cli, ["--config", str(house.base / "strongroom.toml"), *words])
    assert result.exit_code == code, result.output
    return result


def test_what_is_on_one_side_only_is_named_to_a_person_and_counted_in_the_report(house: House) -> None:
    found: dict[str, Any] = json.loads(ask(house, "reconcile", *PERIOD, "--json", code=ExitCode.FINDINGS).stdout)
    assert found["days"] == [
        {"day": "2026-03-02", "left_only": ["canary-1"], "right_only": ["m1-3", "m1-4"], "undecided": 0}
    ]
    assert (found["left"]["ids"], found["right"]["ids"], found["undecided"], found["without_key"]) == (17, 18, 0, 1)
    text = ask(house, "reconcile", "webhooks", *PERIOD, "--ids", code=ExitCode.FINDINGS)
    assert "2026-03-02  only in hooks: canary-1" in text.stdout
    assert "3 on one side only, 0 undecided" in text.stderr
    assert b"canary" not in house.vault.layout.log.read_bytes()
    twin = json.loads(ask(house, "report", "--from", "2026-03-01", "--to", "2026-03-04", "--json").stdout)
    [each] = twin["reconciled"]
    assert (each["left"], each["right"], len(each["results"])) == ("hooks", "messages", 1)
    [result] = each["results"]
    assert (result["left_only"], result["right_only"], result["days"]) == (
        1, 2, [{"day": "2026-03-02", "left_only": 1, "right_only": 2}],
    )  # fmt: skip
    folder = house.base / "filed"
    folder.mkdir()
    ask(house, "report", str(folder), "--from", "2026-03-01", "--to", "2026-03-04")
    [page] = folder.glob("*.html")
    assert "Days on which an id is on one side only" in page.read_text()
    assert "canary" not in page.read_text()


def test_nothing_is_missing_where_nothing_is_archived_and_mistakes_are_named(house: House) -> None:
    ask(house, "reconcile", "--from", "2026-03-01", "--to", "2026-03-02")
    ask(house, "reconcile", "--from", "2025-03-01", "--to", "2025-03-02", code=ExitCode.USAGE)
    ask(house, "reconcile", "nosuch", *PERIOD, code=ExitCode.USAGE)
    config = house.base / "strongroom.toml"
    for wrong in ('right_dataset = "activities"', 'left = "nosuch"', "keys = {}", ""):
        text = CONFIG.replace('right_dataset = "messages"', wrong) if "=" not in wrong or "dataset" in wrong else CONFIG
        text = text.replace('left = "hooks"', wrong) if wrong.startswith("left") else text
        text = text.replace('keys = { "payload" = "id" }', wrong) if wrong.startswith("keys") else text
        config.write_text(config.read_text().partition("\n[[source]]")[0] + text)
        assert "reconcile" in ask(house, "config", "check", code=ExitCode.USAGE).stderr
