from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from kit.http_policies import KEY, NOW, QUICK, SMALL, TOKEN, StopAfter, make_policy
from kit.scripted_server import Script, Seen, Server, always, answer, hang, reset
from strongroom.model.errors import (
    AuthRefused,
    CodingRefused,
    Interrupted,
    LinkDead,
    StrongroomError,
    TransferError,
    Transient,
)
from strongroom.model.provider import Container, Part
from strongroom.providers.contract_fixture import leaks, taped
from strongroom.providers.download import download
from strongroom.providers.limits import Bounds, Pace
from strongroom_sandbox.encoders import coding_label, encode

DATA = bytes(range(256)) * 40  # 10,240 bytes
ETAG = '"v1"'


@dataclass
class Taken:
    """What a download gave."""

    data: bytearray = field(default_factory=bytearray)
    size: int = -1
    error: StrongroomError | None = None


def take(
    url: str,
    size: int | None = None,
    *,
    bounds: Bounds = SMALL,
    stop: Callable[[], bool] = lambda: False,
    authenticated: bool = False,
    api: str = "",
) -> Taken:
    taken = Taken()
    part = Part(f"{url}/export.zip?token={TOKEN}", "export.zip", Container.ZIP_OF_JSON, authenticated, size)
    try:
        taken.size = download(make_policy(api or url, bounds=bounds), part, taken.data.extend, stop)
    except StrongroomError as error:
        assert not leaks(error, KEY, TOKEN)
        taken.error = error
    return taken


def play(*scripts: Script) -> Script:
    """Play one script for each request, the last one for all that follow."""
    left = list(scripts)
    return lambda seen, plug: (left.pop(0) if len(left) > 1 else left[0])(seen, plug)


def rest_of(
    start: int, end: int = len(DATA) - 1, total: int = len(DATA), etag: str = ETAG, skip: int | None = None, **more: str
) -> Script:
    """Answer 206 with the bytes from `start` to `end`; the Content-Range may claim something else by `skip`."""
    said = f"bytes {start if skip is None else skip}-{end}/{total}"
    return always(206, DATA[start : end + 1], -1, ETag=etag, Content_Range=said, **more)


def first(count: int, etag: str | None = ETAG, length: int | None = len(DATA)) -> Script:
    """Answer 200 and break off after `count` bytes."""
    return always(200, DATA[:count], length) if etag is None else always(200, DATA[:count], length, ETag=etag)


@pytest.mark.parametrize("size", [None, len(DATA)])
@pytest.mark.parametrize("length", [-1, None])
def test_a_whole_file_arrives_as_it_is(size: int | None, length: int | None) -> None:
    with Server(always(200, DATA, length, Content_Type="application/zip")) as storage, taped() as tape:
        taken = take(storage.url, size)
    assert (taken.size, bytes(taken.data)) == (len(DATA), DATA)
    (seen,) = storage.seen
    assert seen.target == f"/export.zip?token={TOKEN}"
    assert seen.headers["accept-encoding"] == "identity"
    assert {"authorization", "range", "cookie"}.isdisjoint(seen.headers)
    assert ("its size was not announced" in tape.text) == (size is None and length is None)
    assert TOKEN not in tape.text


def test_an_empty_file_is_a_file() -> None:
    with Server(always(200)) as storage:
        assert take(storage.url, 0).size == 0


RESUMED: list[tuple[str, list[Script], type[StrongroomError] | None]] = [
    ("once", [first(4000), rest_of(4000)], None),
    ("twice", [first(4000), always(206, DATA[4000:6000], 6240, ETag=ETAG, Content_Range="bytes 4000-10239/10240"),
               rest_of(6000)], None),
    ("in pieces that the host chose", [first(4000), rest_of(4000, 7999), rest_of(8000)], None),
    ("no etag", [first(4000, None), rest_of(4000)], TransferError),
    ("weak etag", [first(4000, 'W/"v1"'), rest_of(4000, etag='W/"v1"')], TransferError),
    ("odd etag", [first(4000, "v1"), rest_of(4000, etag="v1")], TransferError),
    ("nothing came yet", [first(0), rest_of(0)], TransferError),
    ("other etag", [first(4000), rest_of(4000, etag='"v2"')], TransferError),
    ("etag gone", [first(4000), rest_of(4000, etag="")], TransferError),
    ("from elsewhere", [first(4000), rest_of(4000, skip=3999)], TransferError),
    ("other total", [first(4000), rest_of(4000, total=len(DATA) + 1)], TransferError),
    ("end past the total", [first(4000), rest_of(4000, end=len(DATA))], TransferError),
    ("unknown total", [first(4000), always(206, DATA[4000:], ETag=ETAG, Content_Range="bytes 4000-10239/*")],
     TransferError),
    ("no range given", [first(4000), always(206, DATA[4000:], ETag=ETAG)], TransferError),
    ("other unit", [first(4000), always(206, DATA[4000:], ETag=ETAG, Content_Range="items 4000-10239/10240")],
     TransferError),
    ("wrong length", [first(4000), always(206, DATA[4000:5000], ETag=ETAG, Content_Range="bytes 4000-10239/10240")],
     TransferError),
    ("encoded", [first(4000), rest_of(4000, Content_Encoding="gzip")], TransferError),
    ("multipart", [first(4000), rest_of(4000, Content_Type="multipart/byteranges; boundary=x")], TransferError),
    ("whole file again", [first(4000), always(200, DATA, ETag=ETAG)], TransferError),
    ("range refused", [first(4000), always(416, Content_Range="bytes */10240")], TransferError),
    ("precondition", [first(4000), always(412)], TransferError),
    ("trouble", [first(4000), always(503)], TransferError),
    ("link died", [first(4000), always(403, b"<Error/>", Content_Type="application/xml")], LinkDead),
    ("link gone", [first(4000), always(404)], LinkDead),
    ("link expired", [first(4000), always(410)], LinkDead),
]  # fmt: skip


@pytest.mark.parametrize(("scripts", "error"), [row[1:] for row in RESUMED], ids=[row[0] for row in RESUMED])
def test_a_broken_transfer_resumes_only_where_that_is_provably_right(
    scripts: list[Script], error: type[StrongroomError] | None
) -> None:
    with Server(play(*scripts)) as storage:
        taken = take(storage.url, len(DATA))
    if error is None:
        assert (taken.size, bytes(taken.data)) == (len(DATA), DATA)
        assert [seen.headers.get("if-range") for seen in storage.seen] == [None, *[ETAG] * (len(scripts) - 1)]
        assert storage.seen[1].headers["range"] == "bytes=4000-"
    else:
        assert type(taken.error) is error
        assert bytes(taken.data) == DATA[: len(taken.data)], "the sink never gets bytes out of order"


@pytest.mark.parametrize("size", [None, len(DATA)])
def test_a_reset_in_the_middle_resumes(size: int | None) -> None:
    def broken(_seen: Seen, plug: socket.socket) -> None:
        plug.sendall(answer(200, DATA[:4000], len(DATA), ETag=ETAG))
        time.sleep(0.05)
        reset(plug)

    with Server(play(broken, rest_of(4000))) as storage:
        assert take(storage.url, size).size == len(DATA)


def test_a_short_body_without_length_is_seen_when_the_size_was_announced() -> None:
    with Server(play(first(4000, length=None), rest_of(4000))) as storage:
        assert take(storage.url, len(DATA)).size == len(DATA)
    with Server(first(4000, None, None)) as storage:
        assert isinstance(take(storage.url, len(DATA)).error, TransferError)
        assert take(storage.url, None).size == 4000, "nothing tells: its content must"


def test_resumes_are_bounded() -> None:
    """Each answer brings one more byte, for ever."""

    def script(seen: Seen, plug: socket.socket) -> None:
        start = int(seen.headers.get("range", "bytes=0-")[6:-1])
        said = {"Content_Range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"} if start else {}
        plug.sendall(answer(206 if start else 200, DATA[start : start + 1], len(DATA) - start, ETag=ETAG, **said))

    with Server(script) as storage:
        taken = take(storage.url, len(DATA))
    assert isinstance(taken.error, TransferError)
    assert len(storage.seen) == SMALL.resumes + 1


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (always(400), LinkDead),
        (always(401), LinkDead),
        (always(403, b"<Error><Code>AccessDenied</Code></Error>", Content_Type="application/xml"), LinkDead),
        (always(404), LinkDead),
        (always(410), LinkDead),
        (always(200, b"<Error/>", Content_Type="application/xml"), LinkDead),
        (always(200, b"<Error/>", Content_Type="text/xml; charset=utf-8"), LinkDead),
        (always(200, b"<!doctype html>", Content_Type="text/html"), TransferError),
        (always(200, DATA, Content_Encoding="br"), CodingRefused),
        (always(200, DATA, Content_Encoding="br, aws-chunked"), CodingRefused),
        (always(200, DATA, Content_Encoding="deflate"), TransferError),
        (always(200, DATA[:100]), TransferError),
        (always(200, DATA + b"x"), TransferError),
        (always(200, DATA + b"x", None), TransferError),
        (always(204), TransferError),
        (rest_of(0), TransferError),
        (always(304), TransferError),
        (always(429, Retry_After="30"), Transient),
        (always(408), Transient),
        (always(500), Transient),
        (always(503, b"<html>", Content_Type="text/html"), Transient),
        (hang, Transient),
        (lambda _seen, plug: reset(plug), Transient),
        (lambda _seen, plug: plug.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), Transient),
    ],
)
def test_what_is_not_the_file_is_refused_by_its_family(script: Script, error: type[StrongroomError]) -> None:
    with Server(script) as storage:
        taken = take(storage.url, len(DATA), bounds=QUICK if script is hang else SMALL)
    assert type(taken.error) is error
    assert len(storage.seen) == 1
    if isinstance(taken.error, Transient) and taken.error.status == 429:
        assert taken.error.retry_at is not None
        assert (taken.error.retry_at - NOW).total_seconds() == 30


LABELS = ("identity", "aws-chunked", "UTF-8", "", "gzip", "binary", "gzip, aws-chunked", "none")
CODED = gzip.compress(DATA, mtime=0)


@pytest.mark.parametrize("label", LABELS)
def test_a_label_without_its_coding_is_no_coding(label: str) -> None:
    with Server(always(200, DATA, Content_Encoding=label)) as storage:
        assert take(storage.url, len(DATA)).data == DATA


@pytest.mark.parametrize("label", ["gzip", "x-gzip", "identity", "", None])
@pytest.mark.parametrize("length", [-1, None])
@pytest.mark.parametrize("announced", [None, len(DATA), len(CODED), 7])
def test_a_gzip_coded_file_is_taken_as_it_comes(label: str | None, length: int | None, announced: int | None) -> None:
    """Whatever its label; the announced size may be of either form, which is judged once both are known."""
    headers = {} if label is None else {"Content_Encoding": label}
    with Server(always(200, CODED, length, **headers)) as storage:
        taken = take(storage.url, announced)
    assert (bytes(taken.data), taken.size, taken.error) == (CODED, len(CODED), None)


ROWS = b"id,at,text\r\n" + b"".join(b"%d,2026-03-01,x\xc3\xa8\r\n" % number for number in range(900))


@pytest.mark.parametrize("coding", ["deflate", "raw-deflate", "gzip,aws-chunked"])
@pytest.mark.parametrize("announced", [None, len(ROWS), 7])
def test_a_coded_file_is_taken_whatever_its_label(coding: str, announced: int | None) -> None:
    packed = encode(ROWS, coding)
    for shown in (coding_label(coding), "none", "x-gzip"):
        with Server(always(200, packed, Content_Encoding=shown)) as storage:
            taken = take(storage.url, announced)
        assert (bytes(taken.data), taken.error) == (packed, None)


@pytest.mark.parametrize(
    ("coding", "shown", "words"),
    [
        ("br", "br", "does not undo: br (Brotli)"),
        ("br", "aws-chunked, BR", "does not undo: br (Brotli)"),
        ("zstd", "zstd", "does not undo: zstd"),
        ("zstd", "", "does not undo: zstd"),
        ("gzip,gzip", "gzip, gzip", "does not undo: gzip inside gzip"),
        ("zstd,gzip", "gzip", "does not undo: zstd inside gzip"),
        ("gzip,deflate", "", "does not undo: gzip inside deflate"),
        ("br,gzip", "br, gzip", "does not undo: br (Brotli)"),
    ],
)
def test_a_coding_that_no_reader_undoes_is_refused_by_name(coding: str, shown: str, words: str) -> None:
    with Server(always(200, encode(ROWS, coding), Content_Encoding=shown)) as storage:
        taken = take(storage.url)
    assert isinstance(taken.error, CodingRefused)
    assert words in taken.error.message
    assert "without Content-Encoding, or with gzip or deflate" in taken.error.hint
    assert not taken.data


@pytest.mark.parametrize("shown", ["br", "zstd", "gzip, br", "compress"])
def test_text_and_zips_under_a_wrong_label_are_taken(shown: str) -> None:
    for data in (ROWS, b"PK\x03\x04" + DATA):
        with Server(always(200, data, Content_Encoding=shown)) as storage:
            assert take(storage.url, len(data)).data == data


def test_a_tiny_gzip_coded_file_is_taken_whatever_was_announced() -> None:
    tiny = gzip.compress(b"", mtime=0)
    for announced in (0, 1000):
        with Server(always(200, tiny, None)) as storage:
            assert take(storage.url, announced).data == tiny


def test_a_gzip_coded_file_that_breaks_off_is_resumed_in_its_coded_bytes() -> None:
    label = {"Content_Encoding": "gzip", "ETag": ETAG}
    said = f"bytes 100-{len(CODED) - 1}/{len(CODED)}"
    script = play(always(200, CODED[:100], len(CODED), **label), always(206, CODED[100:], Content_Range=said, **label))
    with Server(script) as storage:
        assert take(storage.url, len(DATA)).data == CODED
    assert storage.seen[1].headers["range"] == "bytes=100-"
    with Server(always(200, CODED[:100], len(CODED))) as storage:
        assert isinstance(take(storage.url, len(DATA)).error, TransferError), "cut, and nothing to resume by"


@pytest.mark.parametrize(("size", "length", "requests"), [(None, -1, 1), (None, None, 1), (SMALL.export + 1, -1, 0)])
def test_no_file_is_larger_than_allowed(size: int | None, length: int | None, requests: int) -> None:
    with Server(always(200, bytes(SMALL.export + 1), length)) as storage:
        taken = take(storage.url, size)
    assert isinstance(taken.error, TransferError)
    assert "allowed are" in taken.error.message
    assert len(taken.data) <= SMALL.export
    assert len(storage.seen) == requests


@pytest.mark.parametrize("status", [401, 403])
def test_only_the_api_itself_can_refuse_the_key(status: int) -> None:
    with Server(always(status)) as api:
        assert type(take(api.url, authenticated=True).error) is AuthRefused
        assert type(take(api.url, authenticated=False).error) is LinkDead
    with Server(always(status)) as storage, Server(always(302, Location=storage.url)) as api:
        assert type(take(api.url, authenticated=True).error) is LinkDead
        assert type(take(storage.url, authenticated=True, api=api.url).error) is LinkDead


def slow(_seen: Seen, plug: socket.socket) -> None:
    plug.sendall(answer(200, b"", len(DATA)))
    for byte in DATA:
        plug.sendall(bytes([byte]))
        time.sleep(0.02)


def slow_chunk_head(_seen: Seen, plug: socket.socket) -> None:
    """Never a byte of the file, and never a pause long enough for a socket's own time-out."""
    plug.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
    for _ in range(500):
        plug.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize("script", [slow, slow_chunk_head, play(always(200, DATA[:10], len(DATA)))])
def test_a_file_that_comes_too_slowly_is_given_up(script: Script) -> None:
    with Server(script) as storage:
        taken = take(storage.url, bounds=QUICK)
    assert isinstance(taken.error, TransferError)


def test_a_slow_sink_is_not_a_slow_host() -> None:
    """The time that our own disk takes does not count."""
    passed = [0.0]

    def sink(_chunk: bytes) -> None:
        passed[0] += 1000

    bounds = replace(SMALL, pace=Pace(1_000_000, 0.5))
    with Server(always(200, DATA * 50)) as storage:
        policy = make_policy(storage.url, bounds=bounds, monotonic=lambda: time.monotonic() + passed[0])
        part = Part(f"{storage.url}/x", "x.zip", Container.ZIP_OF_JSON)
        assert download(policy, part, sink, lambda: False) == len(DATA) * 50
    assert passed[0] >= 2000


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_stop_ends_it(after: int) -> None:

    def script(_seen: Seen, plug: socket.socket) -> None:
        plug.sendall(answer(200, DATA[:4000], len(DATA)))
        plug.recv(1)

    with Server(script) as storage:
        taken = take(storage.url, bounds=Bounds(), stop=StopAfter(after))
    assert type(taken.error) is Interrupted
