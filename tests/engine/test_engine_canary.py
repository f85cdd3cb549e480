"""No clear text at rest, nor a secret: a canary in texts, key and link token is never found on the disk."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kit.engine_bench import DAY, STREAM, Bench, open_bench
from strongroom.engine.access.restore import restore
from strongroom.engine.core.sources import open_reading
from strongroom.engine.ingest.planning import enter_window
from strongroom.engine.queries.lists import list_archives
from strongroom.model.window import Window
from strongroom_sandbox.faults import FaultKind
from strongroom_sandbox.zavu_records import DataOptions

TEXT, KEY, TOKEN = "kanarientext", "zv_live_kanarienschluessel", "kanarienlink"


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path, data=DataOptions(canary=TEXT), api_key=KEY, token_prefix=TOKEN) as bench:
        yield bench


def canaries_in(folder: Path) -> list[tuple[str, str]]:
    return [
        (str(path.relative_to(folder)), canary)
        for path in folder.rglob("*")
        if path.is_file()
        for canary in (TEXT, KEY, TOKEN)
        if canary.encode() in path.read_bytes()
    ]


FAULTS = [
    [],
    [("answer", {"on": "create", "status": 503, "after": True})],
    [("answer", {"on": "download", "status": 403})],
    [("cut", {"at": 2000, "length": "cut"})],
    [("malformed-json", {"times": 2})],
    [("redirect", {"across": True, "hops": 2})],
    [("answer", {"on": "download", "status": 500, "body": "html"})],
    [("answer", {"on": "get", "status": 401, "nth": 2})],
]


@pytest.mark.slow
@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: "+".join(kind for kind, _ in faults) or "none")
def test_no_canary_on_the_disk(
    planted: Bench, faults: list[tuple[str, dict[str, object]]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for kind, fields in faults:
        planted.sandbox.faults.add(FaultKind(kind), **fields)  # type: ignore[arg-type]
    vault_root = planted.config.vault.path
    with planted.engine(crash_point=lambda _place: found.extend(canaries_in(vault_root))) as engine:
        found: list[tuple[str, str]] = []
        enter_window(engine, STREAM, DAY, "standard")
        planted.run(engine, hours=1)
        assert found == []
        assert canaries_in(vault_root) == []
    assert canaries_in(planted.base) == []
    for canary in (TEXT, KEY, TOKEN):
        assert canary not in caplog.text


def test_the_canary_is_really_in_what_was_delivered(planted: Bench) -> None:
    planted.export(window=Window(DAY.start, DAY.start + timedelta(hours=6)))
    with open_reading(planted.config) as vault:
        (archive,) = list_archives(vault)
        restore(vault, archive, planted.identities(), planted.base / "out.zip")
    with zipfile.ZipFile(planted.base / "out.zip") as whole:
        assert TEXT.encode() in whole.read("messages.json")
    assert any(TOKEN in (request.param("token") or "") for request in planted.sandbox.requests.downloads)
    assert planted.sandbox.requests.creates[0].header("authorization") == f"Bearer {KEY}"
