"""A bundle of files and what it holds."""

from __future__ import annotations

import io
import json

from strongroom.formats.bundle import Bundle
from strongroom.model.inspection import Bundled
from strongroom.model.plan import DatasetShape
from strongroom.model.provider import Container

MESSAGES = DatasetShape("messages", "ignored.json", "id", "at")


CALLS = DatasetShape("calls", "", "id", "at")


AT = "2026-03-01T10:00:00Z"


FILES = {
    "a.csv": b'id,at,text\r\nm1,2026-03-01T10:00:00Z,"a ""quoted""\nline"\r\n',
    "b.ndjson": b"".join(json.dumps({"id": f"m{n}", "at": AT}).encode() + b"\n" for n in (1, 2, 3)),
    "c.json": json.dumps([{"id": "c1", "at": AT}, {"id": "c2", "at": AT}]).encode(),
}


HELD = (
    Bundled("a.csv", "messages", Container.CSV, 1),
    Bundled("b.ndjson", "messages", Container.NDJSON, 3),
    Bundled("c.json", "calls", Container.JSON_ARRAY),
)


def bundle(files: dict[str, bytes], step: int = 5) -> bytes:
    whole = io.BytesIO()
    with Bundle(lambda chunk: whole.write(chunk) and None) as writer:
        for name, data in files.items():
            writer.begin(name)
            for at in range(0, len(data), step):
                writer.write(data[at : at + step])
            writer.end()
        writer.finish()
    return whole.getvalue()
