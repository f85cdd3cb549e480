"""A time-stamp authority of our own: `openssl ts` with fresh certificates, served over loopback HTTP."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_CONFIG = """
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[tsa]
extendedKeyUsage = critical, timeStamping
keyUsage = critical, digitalSignature
[tsa_config]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    """Certificates in a folder, and the answers of whoever holds their keys."""

    def __init__(self, folder: Path, name: str = "Test Authority") -> None:
        self.folder = folder
        folder.mkdir()
        self._config = folder / "openssl.cnf"
        self._config.write_text(_CONFIG.format(folder=folder))
        (folder / "serial").write_text("01\n")
        key = ("-newkey", "rsa:2048", "-nodes", "-config", self._config)
        ca = (
            "-x509",
            *key,
            "-keyout",
            folder / "ca.key",
            "-out",
            self.certificates,
            "-days",
            "30",
            "-extensions",
            "ca",
        )
        self._run("req", *ca, "-subj", f"/CN={name} Root")
        self._run(
            "req", "-new", *key, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr", "-subj", f"/CN={name}"
        )
        signed = ("-CA", self.certificates, "-CAkey", folder / "ca.key", "-CAcreateserial", "-days", "30")
        extensions = ("-extfile", self._config, "-extensions", "tsa")
        self._run("x509", "-req", "-in", folder / "tsa.csr", *signed, *extensions, "-out", folder / "tsa.pem")

    @property
    def certificates(self) -> Path:
        return self.folder / "ca.pem"

    def answer(self, query: bytes) -> bytes:
        (self.folder / "query.tsq").write_bytes(query)
        reply = ("-reply", "-queryfile", self.folder / "query.tsq", "-config", self._config, "-section", "tsa_config")
        self._run("ts", *reply, "-out", self.folder / "reply.tsr")
        return (self.folder / "reply.tsr").read_bytes()

    def _run(self, *arguments: object) -> None:
        subprocess.run(["openssl", *(str(each) for each in arguments)], check=True, capture_output=True)


class Receiver:
    """A loopback web server that remembers what it was handed and answers what it is told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, str, bytes]] = []  # method, path, media type, body
        self.status = 200
        self.answer = lambda _body: b""
        self.url = ""

    @contextmanager
    def serving(self) -> Iterator[Receiver]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                receiver.seen.append((self.command, self.path, self.headers["Content-Type"], body))
                told = receiver.answer(body)
                self.send_response(receiver.status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_POST = do_PUT = _take  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()
