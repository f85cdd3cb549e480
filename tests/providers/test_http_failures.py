from __future__ import annotations

import re
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import strongroom.providers
from kit.http_policies import KEY, NOW, QUICK, SMALL, TOKEN, AheadClock, StopAfter, fetch, make_policy
from kit.scripted_server import Script, Seen, Server, always, hang, redirect, reset
from strongroom.model.errors import Interrupted, ProviderError, Transient, Unanswered
from strongroom.providers.contract_fixture import leaks, taped
from strongroom.providers.limits import Bounds, Paths
from strongroom.providers.policy import HttpPolicy

# --- sent or not, and how long it takes ------------------------------------------------------------------------------


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        return int(plug.getsockname()[1])


CLOCK = AheadClock()
DRIPS, STEP = 1000, 2.0  # bytes, and seconds that pass with each


def drip(_seen: Seen, plug: socket.socket) -> None:
    plug.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    send_slowly(plug, b" " * DRIPS)


def drip_head(_seen: Seen, plug: socket.socket) -> None:
    send_slowly(plug, b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * DRIPS)


def send_slowly(plug: socket.socket, content: bytes) -> None:
    for byte in content:
        plug.sendall(bytes([byte]))
        time.sleep(0.01)
        CLOCK.ahead += STEP


BROKEN: dict[str, Script] = {
    "hang": hang,
    "reset": lambda _seen, plug: reset(plug),
    "close": lambda _seen, _plug: None,
    "not http": lambda _seen, plug: plug.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"),
    "cut": always(202, b'{"export"', length=500),
    "cut chunks": lambda _seen, plug: plug.sendall(b'HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"'),
    "drip": drip,
    "drip head": drip_head,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_answer_leaves_a_write_uncertain_and_a_read_to_be_tried_later(how: str) -> None:
    with Server(BROKEN[how]) as api:
        policy = make_policy(api.url, bounds=QUICK, monotonic=CLOCK)
        began = CLOCK.ahead
        with pytest.raises(Unanswered):
            policy.call("POST", "/v1/exports", body={})
        with pytest.raises(Transient):
            policy.call("GET", "/v1/exports")
        assert CLOCK.ahead - began < DRIPS * STEP / 2, "neither answer was waited for to its end"
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
        policy = make_policy(f"https://127.0.0.1:{plain.port}", bounds=Bounds())
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
        names = {host: ["127.0.0.1"]}
        policy = make_policy(f"https://{host}:{api.port}", bounds=Bounds(), paths=paths, table=names)
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


@pytest.mark.parametrize("size", [SMALL.answer + 1, SMALL.answer * 20])
def test_an_endless_answer_is_cut(size: int) -> None:
    with Server(always(200, b'{"a": "' + b"x" * size + b'"}')) as api:
        reply = make_policy(api.url).call("GET", "/")
    assert not reply.whole
    assert len(reply.body) < SMALL.answer + (1 << 17)


def test_the_clock_difference_comes_from_the_date() -> None:
    with Server(always(200, b"{}", Date="Sun, 01 Nov 2026 12:07:00 GMT")) as api:
        policy = make_policy(api.url)
        assert policy.skew is None
        assert policy.call("GET", "/").now == NOW + timedelta(minutes=7)
        assert policy.skew == timedelta(minutes=7)


def test_a_stop_is_seen_while_nothing_comes() -> None:
    with Server(hang) as storage:
        policy = make_policy(storage.url, bounds=Bounds())
        with pytest.raises(Interrupted), policy.open(storage.url + "/x", stop=StopAfter(2)):
            pass


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [*BROKEN, "redirect out", "circle", "refused"])
@pytest.mark.parametrize("method", ["GET", "POST", "open"])
def test_no_secret_appears_in_errors_or_logs(how: str, method: str) -> None:
    scripts = BROKEN | {
        "redirect out": redirect(f"https://10.0.0.1/x?token={TOKEN}"),
        "circle": redirect(f"/x?token={TOKEN}"),
        "refused": always(400, f'{{"message": "key {KEY}, token {TOKEN}"}}'.encode()),
    }
    with Server(scripts[how]) as api, taped() as tape:
        policy = make_policy(api.url, header=("X-Api-Key", KEY), bounds=QUICK, monotonic=CLOCK)
        try:
            if method == "open":
                fetch(policy, f"{api.url}/file?token={TOKEN}", authenticated=True)
            else:
                shown = repr(policy.call(method, "/v1/exports", query={"cursor": TOKEN}))
                assert KEY not in shown
                assert TOKEN not in shown
        except Exception as error:  # noqa: BLE001  (whatever it is, it must not tell)
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
        make_policy(api.url, bounds=QUICK).call("POST", "/v1/exports", body={})
    assert caught.value.message == (
        "Zavu gave no answer to a request that may have arrived: nothing came for 0.3 seconds"
    )
    assert caught.value.hint


def test_the_http_libraries_stay_in_one_file() -> None:
    room = Path(strongroom.providers.__file__).parent
    users = {
        path.name for path in room.glob("*.py") if re.search(r"^(?:import|from) http", path.read_text(), re.MULTILINE)
    }
    assert users == {"wire.py"}
