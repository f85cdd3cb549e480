from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from loopback_script import Script, Seen, Server, always, answer, hang, reset
from policy_maker import KEY, NOW, SHORT, TOKEN, leaks, make_policy, taped

from strongroom.model.errors import AuthRefused, Interrupted, ProviderError, Transient, Unanswered, UsageError
from strongroom.providers.bounds import Bounds, Paths
from strongroom.providers.policy import USER_AGENT, HttpPolicy

HEADERS = [("Authorization", f"Bearer {KEY}"), ("X-Api-Key", KEY), ("X-Custom", KEY)]


def redirect(location: Callable[[], str] | str, status: int = 302) -> Script:
    return lambda _seen, plug: plug.sendall(
        answer(status, Location=location if isinstance(location, str) else location())
    )


def fetch(policy: HttpPolicy, link: str, *, authenticated: bool = False) -> bytes:
    with policy.open(link, authenticated=authenticated) as opened:
        assert opened.status == 200
        return b"".join(opened.chunks())


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


@pytest.mark.parametrize("value", ["", "Bearer a\r\nX-Evil: 1", "Bearer a\n", "Bearer schlüssel", " Bearer a", "a\x00b"])
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
    with Server(always(200, b'{"items": []}')) as other, Server(redirect(other.url + "/v1/exports")) as api:
        with pytest.raises(Transient, match="redirects to another place"):
            make_policy(api.url, header=header).call("GET", "/v1/exports")
    assert not other.seen


@pytest.mark.parametrize("path", ["http://localhost:{port}/x", "https://127.0.0.1:{port}/x"])
def test_another_name_or_scheme_for_the_same_port_is_another_origin(path: str) -> None:
    with Server(lambda seen, plug: plug.sendall(answer(302, Location=path.format(port=api.port)))) as api:
        with pytest.raises(Transient):
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
        assert len(api.seen) == SHORT.redirects + 1
        with pytest.raises(Transient, match="circle"):
            fetch(policy, api.url + "/again")
    assert len(api.seen) == 2 * (SHORT.redirects + 1)


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
        with pytest.raises(Transient, match="download was not begun"):
            fetch(policy, f"https://files.example:{inside.port}/x?token={TOKEN}")
    assert not inside.seen


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "127.1", "2130706433"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_public_source_is_not_led_to_the_inside(host: str, scheme: str) -> None:
    policy = make_policy("https://api.example")
    with pytest.raises(Transient, match="download was not begun"):
        fetch(policy, f"{scheme}://{host}:9/x")


def test_a_redirect_is_checked_like_a_link() -> None:
    with Server(redirect("https://inside.example/x")) as api:
        policy = make_policy(api.url, table={"inside.example": ["10.9.9.9"]})
        with pytest.raises(Transient, match=r"10\.9\.9\.9"):
            fetch(policy, api.url + "/x")


def test_the_checked_address_is_the_one_connected_to() -> None:
    """A name that means something else at the second look-up gets no second look-up."""
    looked: list[str] = []
    with Server(always(200, b"file")) as storage:
        policy = make_policy(f"http://localhost:{storage.port}", table={})
        policy = HttpPolicy(
            "Zavu",
            f"http://localhost:{storage.port}",
            lambda: ("X-Api-Key", KEY),
            clock=lambda: NOW,
            bounds=SHORT,
            resolve=lambda host, _port: looked.append(host) or (["127.0.0.1"] if len(looked) == 1 else ["10.0.0.1"]),
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
        with pytest.raises(Transient, match="allowed download hosts"):
            fetch(policy, api.url + "/x", authenticated=True)
    assert len(api.seen) == 1
    assert not storage.seen


@pytest.mark.parametrize(
    "url", ["", "api.zavu.dev", "http://api.zavu.dev", "http://10.0.0.1", "https://api.zavu.dev/?k=1", "https://k@zavu.dev"]
)
def test_a_base_url_that_is_no_safe_origin_is_a_mistake(url: str) -> None:
    with pytest.raises(UsageError, match="base_url"):
        make_policy(url)


def test_a_proxy_is_used_when_configured_and_never_for_loopback() -> None:
    with Server(always(403)) as proxy, Server(always(200, b"{}")) as api:
        through = Paths(proxy=proxy.url.replace("//", "//name:pass%40word@"))
        with pytest.raises(Transient, match="proxy"):
            make_policy("https://api.example", paths=through).call("POST", "/v1/exports", body={})
        assert make_policy(api.url, paths=through).call("GET", "/").status == 200
        with pytest.raises(Transient, match="download was not begun"):
            fetch(make_policy("https://api.example", paths=through), "https://10.0.0.1/x")
    (seen,) = proxy.seen
    assert (seen.method, seen.target) == ("CONNECT", "api.example:443")
    assert seen.headers["proxy-authorization"] == "Basic bmFtZTpwYXNzQHdvcmQ="
    assert KEY.encode() not in seen.raw
    assert "pass" not in repr(through)


# --- sent or not, and how long it takes ------------------------------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        return int(plug.getsockname()[1])


def drip(_seen: Seen, plug: socket.socket) -> None:
    plug.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        plug.sendall(b" ")
        time.sleep(0.05)


def drip_head(_seen: Seen, plug: socket.socket) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 100:
        plug.sendall(bytes([byte]))
        time.sleep(0.05)


BROKEN: dict[str, Script] = {
    "hang": hang,
    "reset": lambda _seen, plug: reset(plug),
    "close": lambda _seen, _plug: None,
    "not http": lambda _seen, plug: plug.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "cut": always(202, b'{"export"', length=500),
    "cut chunks": lambda _seen, plug: plug.sendall(b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\""),
    "drip": drip,
    "drip head": drip_head,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_answer_leaves_a_write_uncertain_and_a_read_to_be_tried_later(how: str) -> None:
    with Server(BROKEN[how]) as api:
        policy = make_policy(api.url)
        began = time.monotonic()
        with pytest.raises(Unanswered):
            policy.call("POST", "/v1/exports", body={})
        with pytest.raises(Transient):
            policy.call("GET", "/v1/exports")
        assert time.monotonic() - began < 4 * SHORT.call
        assert [seen.method for seen in api.seen] == ["POST", "GET"]


def test_what_was_certainly_not_sent_is_told_apart() -> None:
    policy = make_policy(f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(Transient, match="connection refused"):
        policy.call("POST", "/v1/exports", body={})


def test_a_name_that_nobody_knows_was_not_sent_to() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    policy = HttpPolicy("Zavu", "https://a.example", lambda: ("A", KEY), clock=lambda: NOW, resolve=unknown)
    with pytest.raises(Transient, match="could not be resolved"):
        policy.call("POST", "/v1/exports", body={})


def test_a_failed_tls_handshake_was_not_sent_to() -> None:
    with Server(always(200), greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as plain:
        policy = make_policy(f"https://127.0.0.1:{plain.port}")
        with pytest.raises(Transient, match="TLS handshake failed"):
            policy.call("POST", "/v1/exports", body={})
    assert not plain.seen


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate with its key for api.example, trusted by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "api.example")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("api.example")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("host", "trusted", "message"),
    [
        ("api.example", True, ""),
        ("api.example", False, "its TLS certificate is not trusted"),
        ("other.example", True, "its TLS certificate is not trusted"),
    ],
)
def test_tls_is_held_against_the_name_and_not_the_address(
    certificate: Path, host: str, trusted: bool, message: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    paths = Paths(allow_private=True, ca_file=str(certificate) if trusted else None)
    with Server(always(200, b'{"a": 1}'), tls=context) as api:
        policy = make_policy(f"https://{host}:{api.port}", paths=paths, table={host: ["127.0.0.1"]})
        if message:
            with pytest.raises(Transient, match=message):
                policy.call("POST", "/v1/exports", body={})
        else:
            assert policy.call("POST", "/v1/exports", body={}).content() == {"a": 1}
            assert fetch(policy, f"https://{host}:{api.port}/x") == b'{"a": 1}'
    assert len(api.seen) == (0 if message else 2)


def test_a_write_that_is_refused_before_it_is_whole_keeps_its_status() -> None:
    """A refusal is definite even when its body breaks off."""
    with Server(always(429, b'{"code"', length=100, Retry_After="30")) as api:
        reply = make_policy(api.url).call("POST", "/v1/exports", body={})
    assert reply.status == 429
    assert reply.retry_at == NOW + timedelta(seconds=30)
    assert reply.loose_content() == {}


@pytest.mark.parametrize("size", [SHORT.answer + 1, SHORT.answer * 20])
def test_an_endless_answer_is_cut(size: int) -> None:
    with Server(always(200, b'{"a": "' + b"x" * size + b'"}')) as api:
        reply = make_policy(api.url).call("GET", "/")
    assert not reply.whole
    assert len(reply.body) < SHORT.answer + (1 << 17)


def test_the_clock_difference_comes_from_the_date() -> None:
    with Server(always(200, b"{}", Date="Sun, 01 Nov 2026 12:07:00 GMT")) as api:
        policy = make_policy(api.url)
        assert policy.skew is None
        assert policy.call("GET", "/").now == NOW + timedelta(minutes=7)
        assert policy.skew == timedelta(minutes=7)


def test_a_stop_is_seen_while_nothing_comes() -> None:
    asked = []
    with Server(hang) as storage:
        policy = make_policy(storage.url, bounds=Bounds())
        began = time.monotonic()
        with (
            pytest.raises(Interrupted),
            policy.open(storage.url + "/x", stop=lambda: asked.append(1) or len(asked) > 2),
        ):
            pass
        assert time.monotonic() - began < 2


# --- what is told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [*BROKEN, "redirect out", "circle", "refused"])
@pytest.mark.parametrize("method", ["GET", "POST", "open"])
def test_no_secret_is_told_by_errors_or_logs(how: str, method: str) -> None:
    scripts = BROKEN | {
        "redirect out": redirect(f"https://10.0.0.1/x?token={TOKEN}"),
        "circle": redirect(f"/x?token={TOKEN}"),
        "refused": always(400, f'{{"message": "key {KEY}, token {TOKEN}"}}'.encode()),
    }
    with Server(scripts[how]) as api, taped() as tape:
        policy = make_policy(api.url, header=("X-Api-Key", KEY))
        try:
            if method == "open":
                fetch(policy, f"{api.url}/file?token={TOKEN}", authenticated=True)
            else:
                shown = repr(policy.call(method, "/v1/exports", query={"cursor": TOKEN}))
                assert KEY not in shown
                assert TOKEN not in shown
        except Exception as error:
            assert not leaks(error, KEY, TOKEN)
    assert api.seen
    assert KEY not in tape.text
    assert TOKEN not in tape.text


def test_the_log_says_who_answered() -> None:
    with Server(always(404, b"{}")) as api, taped() as tape:
        make_policy(api.url).call("GET", "/v1/exports")
    assert f"GET {api.url} answered 404" in tape.text


def test_errors_are_words_for_a_person() -> None:
    with Server(hang) as api, pytest.raises(ProviderError) as caught:
        make_policy(api.url).call("POST", "/v1/exports", body={})
    assert caught.value.message == (
        "Zavu gave no answer to a request that may have arrived: nothing came for 0.3 seconds"
    )
    assert caught.value.hint
