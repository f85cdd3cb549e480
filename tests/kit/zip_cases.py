"""ZIP files that inspection accepts."""

from __future__ import annotations

import struct
import zlib

from kit.zip_files import (
    Part,
    build_zip,
    deflate,
    dump,
    record,
)

GOOD = Part(data=dump([record(1), record(2)]))


META = Part(name=b"metadata.json", data=b"{}")


EMPTY_TEXT = b"[" + b" " * 60_000 + b"]"


def made(*parts: Part, **options: object) -> bytes:
    return build_zip([*parts, META], **options)  # type: ignore[arg-type]


def truth(part: Part, form: str = "<4s3L") -> bytes:
    packed = deflate(part.data)
    values = (zlib.crc32(part.data), len(packed), len(part.data))
    return struct.pack(form, *((b"PK\x07\x08", *values) if form.startswith("<4s") else values))


def streamed(descriptor: bytes) -> Part:
    return Part(data=GOOD.data, flags=8, local={"crc": 0, "size": 0, "compressed": 0}, descriptor=descriptor)


ACCEPTED = {
    "deflated": made(GOOD),
    "stored": made(Part(data=GOOD.data, method=0)),
    "empty array": made(Part(data=b"[]")),
    "comment": made(GOOD, comment=b"made by an exporter"),
    "folder entry": made(GOOD, Part(name=b"folder/", data=b"", method=0, mode=0o040755)),
    "unexpected member": made(GOOD, Part(name=b"extra/notes.txt", data=b"hello")),
    "names differ by case": made(GOOD, Part(name=b"Messages.JSON", data=b"hello")),
    "gap": made(Part(data=GOOD.data, gap=b"????")),
    "repetitive but small": made(Part(data=EMPTY_TEXT)),
    "descriptor": made(streamed(truth(GOOD))),
    "descriptor, bare": made(streamed(truth(GOOD, "<3L"))),
    "descriptor, wide": made(streamed(truth(GOOD, "<4sL2Q"))),
    "descriptor, wide and bare": made(streamed(truth(GOOD, "<L2Q"))),
    "metadata is a list": build_zip([GOOD, Part(name=b"metadata.json", data=b"[1]")]),
    "metadata with mark": build_zip([GOOD, Part(name=b"metadata.json", data=b"\xef\xbb\xbf{}")]),
    "metadata with half a pair": build_zip([GOOD, Part(name=b"metadata.json", data=b'"\\ud800"')]),
}
