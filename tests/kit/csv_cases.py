"""Tables that inspection reads, and how each is written."""

from __future__ import annotations

from kit.csv_files import sound_csv

HEAD = b"id,created_at,text\n"


ROW = b"m1,2026-03-01T10:00:00Z,hello\n"


def rows(*lines: bytes) -> bytes:
    return HEAD + b"".join(lines)


READ = [
    (rows(ROW), 1, "delimiter=comma quote=double newline=lf encoding=utf-8"),
    (sound_csv(30), 30, "delimiter=comma quote=double newline=crlf encoding=utf-8"),
    (rows(ROW).replace(b",", b";"), 1, "delimiter=semicolon quote=double newline=lf encoding=utf-8"),
    (rows(ROW).replace(b",", b"\t"), 1, "delimiter=tab quote=double newline=lf encoding=utf-8"),
    (rows(ROW).replace(b"\n", b"\r"), 1, "delimiter=comma quote=double newline=cr encoding=utf-8"),
    (b"\xef\xbb\xbf" + rows(ROW), 1, "delimiter=comma quote=double newline=lf encoding=utf-8-bom"),
    (rows(ROW).decode().encode("utf-16"), 1, "delimiter=comma quote=double newline=lf encoding=utf-16-le-bom"),
    (b"\xfe\xff" + rows(ROW).decode().encode("utf-16-be"), 1,
     "delimiter=comma quote=double newline=lf encoding=utf-16-be-bom"),
    (rows(b"m1,2026-03-01T10:00:00Z,caff\xe8\n"), 1, "delimiter=comma quote=double newline=lf encoding=windows-1252"),
    (b"'id','created_at','text'\n'm1','2026-03-01T10:00:00Z','it''s, so'\n", 1,
     "delimiter=comma quote=single newline=lf encoding=utf-8"),
    (b'id;created_at;"text, long"\n1;2026-03-01T10:00:00Z;1,5\n', 1,
     "delimiter=semicolon quote=double newline=lf encoding=utf-8"),
    (HEAD, 0, "delimiter=comma quote=double newline=lf encoding=utf-8"),
    (rows(ROW, b"\n", ROW, b"\n\n"), 2, "delimiter=comma quote=double newline=lf encoding=utf-8"),
    (rows('m1,2026-03-01T10:00:00Z,"\u2028\x0b\x85 one cell"\n'.encode()), 1,
     "delimiter=comma quote=double newline=lf encoding=utf-8"),
    (rows('m1,2026-03-01T10:00:00Z,a\u2028b\x0bc\x1cd\n'.encode()), 1,
     "delimiter=comma quote=double newline=lf encoding=utf-8"),
]  # fmt: skip
