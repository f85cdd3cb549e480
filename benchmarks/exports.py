"""The files that everything is measured on: seeded, realistic, made once and kept in benchmarks/data.

Half of the JSON is messages, half conversations, as the sandbox invents them: about 520 bytes a record, many scripts,
escaped quotes and brackets inside strings. Deflate level 6 makes it about 6.6 times smaller.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from strongroom.model.window import Window
from strongroom_sandbox.encoders import ZipWriter
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.zavu_records import DataOptions, RecordSource, json_array

DATA = Path(__file__).parent / "data"
DATASETS = ("messages", "conversations")
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
_MADE_AT = datetime(2026, 1, 3, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Export:
    """One prepared file."""

    megabytes: int  # of JSON, in millions of bytes
    path: Path

    @property
    def size(self) -> int:
        """Bytes of the ZIP."""
        return self.path.stat().st_size


def prepare_export(megabytes: int) -> Export:
    """Return the export with this much JSON, making it when it is not there yet."""
    path = DATA / f"export-{megabytes}.zip"
    if not path.exists():
        DATA.mkdir(exist_ok=True)
        unfinished = path.with_suffix(".part")
        _write(unfinished, megabytes * 1_000_000 // len(DATASETS))
        unfinished.rename(path)
    return Export(megabytes, path)


def _write(path: Path, each: int) -> None:
    source = RecordSource(DataOptions(target_bytes=each))
    span = SlotSpan.between(WINDOW.start, WINDOW.end - timedelta(milliseconds=1))
    with path.open("w+b") as file:
        writer = ZipWriter(file, level=6)
        for name in DATASETS:
            writer.add(f"{name}.json", json_array(source.records(name, span)), _MADE_AT)
        writer.add("metadata.json", [json.dumps({"dataTypes": DATASETS}).encode()], _MADE_AT)
        writer.close()
