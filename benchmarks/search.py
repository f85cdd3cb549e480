"""A search over sealed segments, as shares of `age -d | zstd -d | grep` and of SQLite FTS5 on clear text, in one run.

    python benchmarks/search.py [ARCHIVES] [RECORDS] [FOLDER]

Makes so many archives of so many records each (365 and 2,740 by default) in a new vault and their segments, and
searches them. Prints CPU seconds of this process and of its children; the folder is removed.
"""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from kit.sealed_vault import AT, DAY, House
from strongroom.engine.access.hits import gather
from strongroom.engine.access.index import IndexProgress, build_segments, without_segment
from strongroom.engine.access.opened_segments import OpenedSegments
from strongroom.engine.access.search import SearchProgress, choose_archives, search
from strongroom.engine.core.identities import unlock
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container
from strongroom.model.times import format_instant
from strongroom.model.window import Window
from strongroom.search.query import parse_query

SHAPE = DatasetShape("messages", "", "id", "createdAt")
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
QUERIES = ("needle4711", "from:+14155550123", "退款", "regex:needle[0-9]{4}", "on:2026-03 needle4711")


def cpu() -> float:
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def measured(work: Callable[[], object]) -> float:
    before = cpu()
    work()
    return cpu() - before


def make_records(draw: random.Random, window: Window, count: int, words: list[str]) -> list[dict[str, object]]:
    step = (window.end - window.start) / count
    return [
        {
            "id": "msg_" + "".join(draw.choices(ALPHABET, k=20)),
            "createdAt": format_instant(window.start + number * step),
            "from": f"+1415555{draw.randrange(800):04}",
            "to": "+14155551234",
            "channel": draw.choice(("sms", "whatsapp")),
            "status": draw.choice(("delivered", "read", "failed")),
            "errorCode": None,
            "text": "已收到您的退款申请" if draw.random() < 0.08 else " ".join(draw.choices(words, k=18)),
        }
        for number in range(count)
    ]


def main() -> None:
    archives, count = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (365, 2740)
    folder = Path(tempfile.mkdtemp(dir=sys.argv[3] if len(sys.argv) > 3 else None))
    draw = random.Random(7)
    words = ["".join(draw.choices("aeioulnrst", k=draw.randint(2, 9))) for _ in range(3_000)]
    try:
        house = House(folder)
        with closing(sqlite3.connect(folder / "fts.sqlite")) as table:
            table.execute("CREATE VIRTUAL TABLE t USING fts5 (text, tokenize='trigram')")
            for day in range(archives):
                start = DAY.start + timedelta(days=day - 59)
                window = Window(start, start + timedelta(days=1))
                records = make_records(draw, window, count, words)
                if day % 30 == 0:
                    records[7]["text"] = "the needle4711 is here"
                lines = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records)
                house.seal(lines.encode(), (SHAPE,), Container.NDJSON, window, alone=False)
                table.executemany(
                    "INSERT INTO t VALUES (?)", ((" ".join(map(str, each.values())),) for each in records)
                )
            table.commit()
            report(house, folder, table, archives * count)
        house.vault.close()
    finally:
        shutil.rmtree(folder)


def report(house: House, folder: Path, table: sqlite3.Connection, records: int) -> None:
    identities, progress = house.identities, IndexProgress()
    todo = list(without_segment(house.vault))
    built = measured(lambda: list(build_segments(house.vault, todo, identities, lambda: AT, progress)))
    print(f"{records:,} records in {len(todo)} archives; segments: {progress.size / records:.1f} bytes a record")
    print(f"index build: {built / records * 1e6:.1f} µs a record")
    for text in QUERIES:
        query, found = parse_query(text, UTC), []
        chosen = choose_archives(house.vault, query)
        told = SearchProgress(archives=len(chosen))
        spent = measured(lambda: found.extend(gather(search(house.vault, chosen, query, identities, told))))  # noqa: B023
        print(f"{text}: {spent:.2f} s CPU, {len(found)} hits in {told.done} archives, {told.read} of them read")
    opened = OpenedSegments()
    for text in (QUERIES[0], *QUERIES):  # the first one opens the segments, as the first search of the screen does
        query = parse_query(text, UTC)
        chosen = choose_archives(house.vault, query)
        warm = measured(lambda: list(search(house.vault, chosen, query, identities, SearchProgress(), {}, opened)))  # noqa: B023
        print(f"on the screen: {text}: {warm:.3f} s CPU")
    print(f"FTS5 on clear text: {measured(lambda: table.execute(MATCH).fetchall()):.3f} s CPU")
    print(f"age -d | zstd -d | grep: {measured(lambda: grep(house, folder, todo)):.2f} s CPU")


MATCH = "SELECT count(*) FROM t WHERE t MATCH 'needle4711'"


def grep(house: House, folder: Path, archives: list) -> None:  # type: ignore[type-arg]
    """Decrypt each archive with the tools that a person has, its key opened beforehand."""
    for archive in archives:
        key = folder / "key"
        key.write_text(str(unlock(house.vault, archive, house.identities).identity))
        path = house.vault.payload_path(archive)
        command = f"age -d -i {key} {path} | zstd -dc | grep -c needle4711"
        subprocess.run(
            ["bash", "-c", command], stdout=subprocess.DEVNULL, check=False, env={"PATH": os.environ["PATH"]}
        )


if __name__ == "__main__":
    main()
