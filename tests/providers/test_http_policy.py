from __future__ import annotations

import json
import socket

import pytest

from kit.http_policies import KEY, NOW, SMALL, TOKEN, fetch, make_policy
from kit.scripted_server import Seen, Server, always, answer, redirect
from strongroom.model.errors import AuthRefused, LinkRefused, Transient, UsageError
from strongroom.providers.contract_fixture import leaks
from strongroom.providers.limits import Bounds, Paths
from strongroom.providers.policy import USER_AGENT, HttpPolicy

HEADERS = [("Authorization", f"Bearer {KEY}"), ("X-Api-Key", KEY), ("X-Custom", KEY)]


# --- what is sent -----------------------------------------------------------------------------------------------


def test_a_request_carries_the_credential_and_nothing_it_should_not() -> None:
    with Server(always(200, b"{}", Set_Cookie="a=b")) as api:
        policy = make_policy(api.url + "/base/")
        for _ in range(2):
            policy.call("POST", "/v1/exports", query={"q": "a b"}, body={"dataTypes": ["messages"]})
    first, second = api.seen
    assert (first.method, first.target) == ("POST", "/base/v1/exports?q=a+b")
    assert json.loads(first.body) == {"dataTypes": ["messages"]}
    assert first.headers == second.headers
    assert first.headers == {
        "host": f"127.0.0.1:{api.port}",
        "user-agent": USER_AGENT,
        "accept": "application/json",
        "accept-encoding": "identity",
        "connection": "close",
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "content-length": str(len(first.body)),
    }


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(always(200, b"{}")) as api, Server(always(200, b'{"proxied": true}')) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert make_policy(api.url).call("GET", "/").content() == {}
    assert not proxy.seen


@pytest.mark.parametrize(
    "value", ["", "Bearer a\r\nX-Evil: 1", "Bearer a\n", "Bearer schlüssel", " Bearer a", "a\x00b"]
)
def test_a_credential_that_no_header_can_carry_is_refused_unsent(value: str) -> None:
    with Server(always(200, b"{}")) as api, pytest.raises(AuthRefused) as caught:
        make_policy(api.url, header=("Authorization", value)).call("GET", "/")
    assert not api.seen
    assert not value.strip() or not leaks(caught.value, value)


# --- credentials and redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("authenticated", [True, False])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_credential_leaves_the_origin_and_none_comes_back(
    header: tuple[str, str], authenticated: bool, status: int
) -> None:
    """The chain is API, API, storage, mirror, and back to the API, where the file is."""

    def api_script(seen: Seen, plug: socket.socket) -> None:
        where = {"/a": "/b", "/b": storage.url + "/c"}.get(seen.target)
        plug.sendall(answer(status, Location=where) if where else answer(200, b"file"))

    with (
        Server(api_script) as api,
        Server(redirect(lambda: api.url + "/end", status)) as mirror,
        Server(redirect(lambda: mirror.url + "/d", status)) as storage,
    ):
        policy = make_policy(api.url, header=header)
        assert fetch(policy, api.url + "/a", authenticated=authenticated) == b"file"
    name = header[0].lower()
    assert [name in seen.headers for seen in api.seen] == [authenticated, authenticated, False]
    for host in (storage, mirror):
        assert len(host.seen) == 1
        assert KEY.encode() not in host.seen[0].raw
        assert {"authorization", "cookie", "x-api-key", "referer"}.isdisjoint(host.seen[0].headers)


@pytest.mark.parametrize("header", HEADERS)
def test_an_api_answer_from_another_origin_is_no_answer(header: tuple[str, str]) -> None:
    with (
        Server(always(200, b'{"items": []}')) as other,
        Server(redirect(other.url + "/v1/exports")) as api,
        pytest.raises(Transient, match="redirects to another place"),
    ):
        make_policy(api.url, header=header).call("GET", "/v1/exports")
    assert not other.seen


@pytest.mark.parametrize("path", ["http://localhost:{port}/x", "https://127.0.0.1:{port}/x"])
def test_another_name_or_scheme_for_the_same_port_is_another_origin(path: str) -> None:
    with (
        Server(lambda seen, plug: plug.sendall(answer(302, Location=path.format(port=api.port)))) as api,
        pytest.raises(Transient, match="redirects to another place"),
    ):
        make_policy(api.url).call("GET", "/")
    assert len(api.seen) == 1


def test_reads_follow_redirects_at_home_and_writes_never_do() -> None:
    def script(seen: Seen, plug: socket.socket) -> None:
        plug.sendall(answer(200, b'{"ok": 1}') if seen.target == "/new" else answer(307, Location="/new"))

    with Server(script) as api:
        policy = make_policy(api.url)
        assert policy.call("GET", "/old").content() == {"ok": 1}
        assert policy.call("POST", "/old", body={}).status == 307
    assert [seen.target for seen in api.seen] == ["/old", "/new", "/old"]


def test_circles_end() -> None:
    with Server(redirect("/again")) as api:
        policy = make_policy(api.url)
        with pytest.raises(Transient, match="circle"):
            policy.call("GET", "/again")
        assert len(api.seen) == SMALL.redirects + 1
        with pytest.raises(Transient, match="circle"):
            fetch(policy, api.url + "/again")
    assert len(api.seen) == 2 * (SMALL.redirects + 1)


@pytest.mark.parametrize("location", ["", "ftp://127.0.0.1/", "https://u:p@127.0.0.1/", "file:///etc/passwd"])
def test_redirects_to_nowhere_are_refused(location: str) -> None:
    with Server(redirect(location)) as api, pytest.raises(Transient):
        fetch(make_policy(api.url, bounds=Bounds(redirects=1)), api.url + "/x")


# --- where connections may go ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.1.2.3"], ["8.8.8.8", "10.1.2.3"], ["::ffff:127.0.0.1"]])
def test_a_public_name_with_a_private_address_is_not_contacted(addresses: list[str]) -> None:
    with Server(always(200, b"{}")) as inside:
        policy = make_policy(f"https://api.example:{inside.port}", table={"api.example": addresses})
        with pytest.raises(Transient, match="was not contacted"):
            policy.call("POST", "/v1/exports", body={})
        policy = make_policy("https://api.example", table={"files.example": addresses})
        with pytest.raises(LinkRefused, match="download did not start"):
            fetch(policy, f"https://files.example:{inside.port}/x?token={TOKEN}")
    assert not inside.seen


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "127.1", "2130706433"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_public_source_is_not_led_to_the_inside(host: str, scheme: str) -> None:
    policy = make_policy("https://api.example")
    with pytest.raises(LinkRefused, match="download did not start"):
        fetch(policy, f"{scheme}://{host}:9/x")


def test_a_redirect_is_checked_like_a_link() -> None:
    with Server(redirect("https://inside.example/x")) as api:
        policy = make_policy(api.url, table={"inside.example": ["10.9.9.9"]})
        with pytest.raises(LinkRefused, match=r"10\.9\.9\.9"):
            fetch(policy, api.url + "/x")


def test_the_checked_address_is_the_one_connected_to() -> None:
    """A name that means something else at the second look-up gets no second look-up."""
    looked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        looked.append(host)
        return ["127.0.0.1"] if len(looked) == 1 else ["10.0.0.1"]

    with Server(always(200, b"file")) as storage:
        policy = HttpPolicy(
            "Zavu",
            f"http://localhost:{storage.port}",
            lambda: ("X-Api-Key", KEY),
            clock=lambda: NOW,
            bounds=SMALL,
            resolve=resolve,
        )
        assert fetch(policy, f"http://localhost:{storage.port}/x") == b"file"
    assert looked == ["localhost"]
    assert storage.seen[0].headers["host"] == f"localhost:{storage.port}"


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with Server(always(200, b"{}")) as api:
        policy = make_policy(f"http://localhost:{api.port}", table={"localhost": ["127.0.0.2", "127.0.0.1"]})
        assert policy.call("GET", "/").status == 200
    assert len(api.seen) == 1


def test_download_hosts_are_held_to_the_list_and_the_api_is_always_on_it() -> None:
    with Server(always(200, b"file")) as storage, Server(redirect(storage.url + "/x")) as api:
        policy = make_policy(api.url, paths=Paths(download_hosts=("zavu.dev",)))
        with pytest.raises(LinkRefused, match="allowed download hosts"):
            fetch(policy, api.url + "/x", authenticated=True)
    assert len(api.seen) == 1
    assert not storage.seen


@pytest.mark.parametrize(
    "url",
    ["", "api.zavu.dev", "http://api.zavu.dev", "http://10.0.0.1", "https://api.zavu.dev/?k=1", "https://k@zavu.dev"],
)
def test_a_base_url_that_is_no_safe_origin_is_a_mistake(url: str) -> None:
    with pytest.raises(UsageError, match="base_url"):
        make_policy(url)


@pytest.mark.parametrize(
    "paths",
    [
        Paths(proxy="socks5://127.0.0.1:1080"),
        Paths(proxy="proxy:3128"),
        Paths(ca_file="/no/such/file.pem"),
        Paths(ca_file=__file__),
    ],
)
def test_ways_that_cannot_be_gone_are_a_mistake(paths: Paths) -> None:
    with pytest.raises(UsageError):
        make_policy("https://api.example", paths=paths)


def test_a_proxy_is_used_when_configured_and_never_for_loopback() -> None:
    with Server(always(403)) as proxy, Server(always(200, b"{}")) as api:
        through = Paths(proxy=proxy.url.replace("//", "//name:pass%40word@"))
        with pytest.raises(Transient, match="proxy"):
            make_policy("https://api.example", paths=through).call("POST", "/v1/exports", body={})
        assert make_policy(api.url, paths=through).call("GET", "/").status == 200
        with pytest.raises(LinkRefused, match="download did not start"):
            fetch(make_policy("https://api.example", paths=through), "https://10.0.0.1/x")
    (seen,) = proxy.seen
    assert (seen.method, seen.target) == ("CONNECT", "api.example:443")
    assert seen.headers["proxy-authorization"] == "Basic bmFtZTpwYXNzQHdvcmQ="
    assert KEY.encode() not in seen.raw
    assert "pass" not in repr(through)
