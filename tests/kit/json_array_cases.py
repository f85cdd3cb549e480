"""Arrays that inspection accepts."""

from __future__ import annotations

import json

from kit.zip_files import dump, record

RECORDS = [record(n, status="sent\\\\", nested={"id": n, "createdAt": "1999-01-01T00:00:00Z"}) for n in range(40)]


NESTED = [{"id": "m", "createdAt": record(1)["createdAt"], "parts": [record(n) for n in range(3_000)]}]


TRICKY = [record(n, text='},{"id":"fake"},[{"id":' + "\\" * (n % 5) + '"') for n in range(40)]


GOOD = {
    "compact": dump(RECORDS),
    "ascii": json.dumps(RECORDS).encode(),
    "indented": json.dumps(RECORDS, indent=2).encode(),
    "spaced": json.dumps(RECORDS, separators=(" , ", " : ")).encode(),
    "crlf": json.dumps(RECORDS, indent="\t").replace("\n", "\r\n").encode(),
    "empty": b"[]",
    "empty, spaced": b" \r\n[ \t\n ] \n",
    "one": dump(RECORDS[:1]),
    "empty records": b"[{},{},{}]",
    "mark": b"\xef\xbb\xbf" + dump(RECORDS),
    "mark and space": b"\xef\xbb\xbf \n" + dump(RECORDS),
    "strings that look like records": dump(TRICKY),
    "nested with the same first key": dump(NESTED * 2),
    "nested lists": dump([record(n, parts=[{"id": i, "x": 1} for i in range(60)]) for n in range(9)]),
    "empty records, many": b"[" + b",".join([b"{}"] * 900) + b"]",
    "no time in some": dump([*RECORDS, {"id": "x"}, *RECORDS]),
    "another first key": dump([dict(reversed(r.items())) if i % 7 else r for i, r in enumerate(RECORDS)]),
    "first key changes for good": dump([*RECORDS, *[{"to": 1, **r} for r in RECORDS]]),
    "unicode": dump([record(1, text="你好 😀 é\u2028\x7f", ключ=None)] * 30),
    "half a pair": dump(RECORDS)[:-1] + b',{"id":"s","text":"\\ud83d"},' + dump(RECORDS)[1:],
    "half a pair in each": json.dumps([record(n, text="\udc00") for n in range(40)]).encode(),
    "a pair": b'[{"id":"\\ud83d\\ude00"}]',
    "wide numbers": b'[{"id":1,"n":123456789012345678901234567890},{"id":2,"n":-1e999}]',
    "many digits": b'[{"id":1,"n":' + b"7" * 5_000 + b"}]",
    "trailing space": dump(RECORDS) + b" \n" * 3_000,
    "leading space": b" \n" * 3_000 + dump(RECORDS),
    "zero in text": b'[{"id":"\\u0000"}]',
}  # fmt: skip
