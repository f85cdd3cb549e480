"""Two loopback servers: one hands out the prepared files by sendfile, one is an export API that is always ready.

The file server is nginx where it is installed, else a small one of our own; the table says which.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from exports import Export

API_KEY = "zv_bench_0123456789"


@contextmanager
def serve_files(folder: Path, scratch: Path) -> Iterator[tuple[str, str]]:
    """Serve the folder; yield the server's address and what it is, in words."""
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if nginx is None:
        with _background(ThreadingHTTPServer(("127.0.0.1", 0), partial(_FileHandler, folder))) as url:
            yield url, "a small server of our own with sendfile"
        return
    with _nginx(nginx, folder, scratch) as url:
        yield url, "nginx with sendfile"


@contextmanager
def serve_api(exports: list[Export], files_url: str) -> Iterator[dict[int, str]]:
    """Serve one simulated Zavu API for each export; yield their addresses by megabytes."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), partial(_ApiHandler, export, files_url)) for export in exports]
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield {
            export.megabytes: f"http://127.0.0.1:{server.server_address[1]}"
            for export, server in zip(exports, servers, strict=True)
        }
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _ApiHandler(BaseHTTPRequestHandler):
    """Every export it is asked for is complete at once and has the prepared file behind its link."""

    def __init__(self, export: Export, files_url: str, *rest: Any) -> None:
        self._export = export
        self._files_url = files_url
        super().__init__(*rest)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer({"export": self._describe(asked)})

    def do_GET(self) -> None:
        name = self.path.removeprefix("/v1/exports").partition("?")[0].strip("/")
        self._answer({"export": self._describe({}, name)} if name else {"items": [], "nextCursor": None})

    def _describe(self, asked: dict[str, Any], name: str = "") -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "id": name or f"exp_{time.time_ns()}",
            "status": "completed",
            "createdAt": now.isoformat(),
            "expiresAt": (now + timedelta(hours=24)).isoformat(),
            "fileSize": self._export.size,
            "downloadUrl": f"{self._files_url}/{self._export.path.name}",
            **asked,
        }

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _FileHandler(BaseHTTPRequestHandler):
    def __init__(self, folder: Path, *rest: Any) -> None:
        self._folder = folder
        super().__init__(*rest)

    def do_GET(self) -> None:
        path = self._folder / Path(self.path).name
        self.send_response(200)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        self.wfile.flush()
        with path.open("rb") as file:
            self.connection.sendfile(file)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _background(server: ThreadingHTTPServer) -> Iterator[str]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


_NGINX = """\
daemon off; master_process off; pid {scratch}/nginx.pid; error_log {scratch}/nginx.log;
{user}
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/zip;
  client_body_temp_path {scratch}/body; proxy_temp_path {scratch}/proxy; fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi; scgi_temp_path {scratch}/scgi;
  server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


@contextmanager
def _nginx(program: str, folder: Path, scratch: Path) -> Iterator[str]:
    port = _free_port()
    config = scratch / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    config.write_text(_NGINX.format(scratch=scratch, folder=folder, port=port, user=user))
    process = subprocess.Popen([program, "-c", str(config), "-p", str(scratch)], stderr=subprocess.DEVNULL)
    try:
        _await_port(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _await_port(port: int) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("nginx did not start")
