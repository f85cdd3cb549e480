"""Downloads: ranges as RFC 9110 has them, and each way a transfer can go wrong."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import httpx
import pytest

from kit.sandbox_bench import Bench

Open = Callable[..., Bench]


@pytest.fixture
def file(bench: Bench) -> tuple[Bench, str, bytes]:
    url = bench.url()
    content = bench.fetch(url).content
    bench.sandbox.forget_requests()
    return bench, url, content


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=50-999999999", 50, None),
        ("bytes=-999999999", 0, None),
    ],
)
def test_a_range_is_served_as_asked(file: tuple[Bench, str, bytes], text: str, start: int, stop: int | None) -> None:
    bench, url, content = file
    answer = bench.fetch(url, Range=text)
    assert answer.status_code == 206
    assert answer.content == content[start:stop]
    first, last = (range(len(content))[start:stop][i] for i in (0, -1))
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize("text", ["bytes=5-2", "bytes=", "bytes=-", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b"])
def test_a_range_that_means_nothing_is_ignored(file: tuple[Bench, str, bytes], text: str) -> None:
    bench, url, content = file
    answer = bench.fetch(url, Range=text)
    assert (answer.status_code, answer.content) == (200, content)


@pytest.mark.parametrize("text", ["bytes=999999999-", "bytes=-0"])
def test_a_range_past_the_end_is_a_416(file: tuple[Bench, str, bytes], text: str) -> None:
    bench, url, content = file
    answer = bench.fetch(url, Range=text)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(content)}"


def test_if_range_gives_the_whole_file_when_it_changed(file: tuple[Bench, str, bytes]) -> None:
    bench, url, _ = file
    etag = bench.fetch(url).headers["etag"]
    assert etag.startswith('"')
    assert bench.fetch(url, Range="bytes=5-", **{"If-Range": etag}).status_code == 206
    assert bench.fetch(url, Range="bytes=5-", **{"If-Range": '"other"'}).status_code == 200


def test_head_says_the_size(file: tuple[Bench, str, bytes]) -> None:
    bench, url, content = file
    answer = bench.plain.head(url)
    assert (int(answer.headers["content-length"]), answer.content) == (len(content), b"")


@pytest.mark.parametrize("at", [0, 1, 1000, 40_000])
def test_a_cut_body_with_its_true_length_is_noticed(file: tuple[Bench, str, bytes], at: int) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("cut", at=at)
    got = b""
    with bench.plain.stream("GET", url) as answer, pytest.raises(httpx.RemoteProtocolError):
        for chunk in answer.iter_raw():
            got += chunk
    assert got == content[:at]
    assert int(answer.headers["content-length"]) == len(content)
    assert bench.sandbox.requests.downloads[-1].sent == at


@pytest.mark.parametrize("length", ["cut", "absent"])
def test_a_cut_body_can_look_whole(file: tuple[Bench, str, bytes], length: str) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("cut", at=5000, length=length)
    answer = bench.fetch(url)
    assert answer.content == content[:5000]
    assert answer.headers.get("content-length") == ("5000" if length == "cut" else None)
    assert bench.fetch(url).content == content


def test_more_can_be_announced_than_there_is(file: tuple[Bench, str, bytes]) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("cut", length="over")
    with bench.plain.stream("GET", url) as answer, pytest.raises(httpx.RemoteProtocolError):
        answer.read()
    assert int(answer.headers["content-length"]) > len(content)


def test_a_connection_can_be_reset_in_the_middle(file: tuple[Bench, str, bytes]) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("cut", at=40_000, reset=True)
    got = b""
    with pytest.raises(httpx.ReadError), bench.plain.stream("GET", url) as answer:
        for chunk in answer.iter_raw():
            got += chunk
    assert content.startswith(got)
    assert len(got) <= 40_000


def test_a_cut_counts_in_the_whole_file_so_a_resumed_transfer_can_be_cut_again(file: tuple[Bench, str, bytes]) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("cut", at=3000, length="cut")
    answer = bench.fetch(url, Range="bytes=1000-")
    assert answer.status_code == 206
    assert answer.content == content[1000:3000]


def test_one_byte_can_arrive_changed(file: tuple[Bench, str, bytes]) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("flip", at=1234)
    got = bench.fetch(url).content
    assert [n for n in range(len(content)) if got[n] != content[n]] == [1234]


def test_the_etag_can_change_between_requests(file: tuple[Bench, str, bytes]) -> None:
    bench, url, _ = file
    bench.sandbox.faults.add("new-etag", nth=2)
    first = bench.fetch(url).headers["etag"]
    resumed = bench.fetch(url, Range="bytes=9-")
    assert resumed.status_code == 206
    assert resumed.headers["etag"] != first
    bench.sandbox.faults.add("new-etag")
    assert bench.fetch(url, Range="bytes=9-", **{"If-Range": first}).status_code == 200


def test_a_206_can_begin_somewhere_else(file: tuple[Bench, str, bytes]) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("wrong-range", by=100)
    answer = bench.fetch(url, Range="bytes=500-")
    assert answer.headers["content-range"].startswith("bytes 400-")
    assert answer.content == content[400:]


@pytest.mark.parametrize(("accept", "packed"), [("gzip", True), ("identity", False), ("", False)])
def test_gzip_is_used_where_the_client_allows_it(file: tuple[Bench, str, bytes], accept: str, packed: bool) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("gzip")
    with bench.plain.stream("GET", url, headers={"Accept-Encoding": accept}) as answer:
        raw = b"".join(answer.iter_raw())
    assert ("content-encoding" in answer.headers) is packed
    assert ("content-length" not in answer.headers) is packed
    assert (gzip.decompress(raw) if packed else raw) == content


def test_a_file_can_be_stored_coded_and_labelled_at_will(file: tuple[Bench, str, bytes]) -> None:
    bench, url, content = file

    def raw(**headers: str) -> tuple[httpx.Response, bytes]:
        with bench.plain.stream("GET", url, headers={"Accept-Encoding": "identity", **headers}) as answer:
            return answer, b"".join(answer.iter_raw())

    bench.sandbox.faults.add("coded", times=None, count=3)
    answer, packed = raw()
    assert gzip.decompress(packed) == content
    assert (answer.headers["content-encoding"], answer.headers["content-length"]) == ("gzip", str(len(packed)))
    answer, rest = raw(Range="bytes=50-")
    assert (rest, answer.headers["content-range"]) == (packed[50:], f"bytes 50-{len(packed) - 1}/{len(packed)}")
    bench.sandbox.faults.add("label", name="none", times=None)
    assert "content-encoding" not in raw()[0].headers
    bench.sandbox.faults.clear()
    bench.sandbox.faults.add("label", name="")
    bench.sandbox.faults.add("media-type", name="text/html")
    answer, plain = raw()
    assert (answer.headers["content-encoding"], answer.headers["content-type"], plain) == ("", "text/html", content)


@pytest.mark.parametrize("across", [False, True])
@pytest.mark.parametrize("hops", [1, 4])
def test_redirects_lead_to_the_file_over_so_many_hops(file: tuple[Bench, str, bytes], hops: int, across: bool) -> None:
    bench, url, content = file
    bench.sandbox.faults.add("redirect", hops=hops, across=across)
    answer = bench.plain.get(url, follow_redirects=True)
    assert answer.content == content
    assert [step.status_code for step in answer.history] == [302] * hops
    assert str(answer.url).startswith(bench.sandbox.mirror_url if across else bench.sandbox.storage_url)
    assert len(bench.sandbox.requests.downloads) == hops + 1


def test_a_redirect_can_lead_anywhere(file: tuple[Bench, str, bytes]) -> None:
    bench, url, _ = file
    bench.sandbox.faults.add("redirect", to="http://192.0.2.1/away")
    answer = bench.fetch(url)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://192.0.2.1/away")
