"""Many small windows: CPU and wall time for each archive, and how often the disk and the catalogue are asked.

usage: python benchmarks/small_windows.py [--windows 200] [--kilobytes 100] [--workers 1,2,4] [--pace 0.2]

The provider is always ready: every export is complete when it is created, and the quota is far away. Each window is an
hour with a file of its own. One whole `strongroom run --once` processes all of them. With `strace` installed, a further
run counts the system calls of all processes that wait for the disk.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from measure import Command, Sample, measure

from strongroom.config.load import load_config
from strongroom.config.template import FreshSource
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, open_reading
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.engine.queries.lists import list_archives
from strongroom_sandbox.encoders import ZipWriter
from strongroom_sandbox.records import SlotSpan
from strongroom_sandbox.zavu_records import DataOptions, RecordSource, json_array

HOUR = timedelta(hours=1)
CPU, RATE = 0.06, 600  # targets: seconds for one archive, and archives a minute
SYNCS = ("fsync", "fdatasync", "sync_file_range", "msync")
_PROGRAM = Path(sys.executable).with_name("strongroom")
_ENV = {"STRONGROOM_BENCH_KEY": "zv_bench_0123456789"}
_COUNTING = """
import atexit, collections, json, os, sys
from strongroom.vault import catalogue
counts, folder = collections.Counter(), sys.argv.pop(1)
class Counting(catalogue.Catalogue):
    def __init__(self, connection, **known):
        connection.set_trace_callback(lambda query: counts.update([query.split(None, 1)[0].upper()]))
        super().__init__(connection, **known)
catalogue.Catalogue = Counting
def save():
    open(os.path.join(folder, "queries.json"), "w").write(json.dumps(counts))
leave = os._exit
os._exit = lambda code: (save(), leave(code))
atexit.register(save)
from strongroom.cli.main import main
main()
"""


@dataclass(frozen=True, slots=True)
class Windows:
    """The files of consecutive hours that have ended and settled."""

    files: dict[str, bytes]  # by the start of the window

    @property
    def since(self) -> str:
        """Return when the first begins."""
        return min(self.files)


def make_windows(count: int, kilobytes: int) -> Windows:
    """Return windows with files of about so many kilobytes."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    starts = [end - number * HOUR for number in range(count, 0, -1)]
    return Windows({_text(start): _export(start, kilobytes) for start in starts})


def _export(start: datetime, kilobytes: int) -> bytes:
    source = RecordSource(DataOptions(target_bytes=kilobytes * 6_000))
    span = SlotSpan.between(start, start + HOUR - timedelta(milliseconds=1))
    file = io.BytesIO()
    writer = ZipWriter(file, level=6)
    writer.add("messages.json", json_array(source.records("messages", span)), start + HOUR)
    writer.add("metadata.json", [b"{}"], start + HOUR)
    writer.close()
    return file.getvalue()


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Handler(BaseHTTPRequestHandler):
    """A Zavu API and its file host."""

    protocol_version = "HTTP/1.1"
    windows: Windows
    exports: dict[str, dict[str, Any]]

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, now = f"exp_{len(self.exports)}_{os.urandom(4).hex()}", datetime.now(UTC)
        start = asked["dateFrom"].partition(".")[0].rstrip("Z") + "Z"
        self.exports[name] = {
            "id": name,
            "status": "completed",
            "createdAt": now.isoformat(),
            "expiresAt": (now + timedelta(hours=24)).isoformat(),
            "fileSize": len(self.windows.files[start]),
            "downloadUrl": f"http://127.0.0.1:{self.server.server_address[1]}/files/{start}",
            **asked,
        }
        self._answer(json.dumps({"export": self.exports[name]}).encode())

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/files/"):
            self._answer(self.windows.files[path.removeprefix("/files/")])
        elif name := path.removeprefix("/v1/exports").strip("/"):
            self._answer(json.dumps({"export": self.exports[name]}).encode())
        else:
            newest = [*self.exports.values()][-50:]
            self._answer(json.dumps({"items": newest, "nextCursor": None}).encode())

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.wfile.write(f"{head}Date: {self.date_time_string()}\r\n\r\n".encode() + body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(windows: Windows) -> Iterator[str]:
    """Serve the windows; yield the address."""
    handler = type("Handler", (_Handler,), {"windows": windows, "exports": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def make_vault(folder: Path, url: str, windows: Windows) -> Path:
    """Make a vault whose plan wants every window, and return its configuration."""
    folder.mkdir()
    source = FreshSource(
        "bench", "zavu", "env:STRONGROOM_BENCH_KEY", ("messages",), base_url=url, allow_private_addresses=True,
        since=windows.since,
    )  # fmt: skip
    config = folder / "config.toml"
    initialize(
        NewVault(folder / "vault", config, folder / "identity.age", None, source),
        make_identity(os.urandom),
        Dependencies(),
    )
    text = config.read_text().replace(
        "[[stream]]", "[source.limits]\nconcurrent = 100\nper_hour = 100000\n\n[[stream]]"
    )
    config.write_text(text.replace('window = "day"', 'window = "hour"') + 'settle = "1h"\n')
    return config


def run(folder: Path, url: str, windows: Windows, workers: int) -> Sample:
    """Process every window with one command in a new vault; measured."""
    config = make_vault(folder, url, windows)
    sample = measure(Command((str(_PROGRAM), *_arguments(config, workers)), folder, _ENV))
    with open_reading(load_config(config)) as vault:
        archives = list(list_archives(vault, most=len(windows.files) + 1))
    if len(archives) != len(windows.files) or any(not each.inspection.sound for each in archives):
        raise SystemExit(f"{len(archives)} archives of {len(windows.files)}")
    return sample


def _arguments(config: Path, workers: int) -> tuple[str, ...]:
    return ("--config", str(config), "run", "--once", "--quiet", "--workers", str(workers))


def count_queries(folder: Path, url: str, windows: Windows) -> Counter[str]:
    """Return how often which kind of statement ran in the engine, for all windows."""
    config = make_vault(folder, url, windows)
    command = [sys.executable, "-c", _COUNTING, str(folder), *_arguments(config, 1)]
    subprocess.run(command, check=True, env={**os.environ, **_ENV}, capture_output=True)
    return Counter(json.loads((folder / "queries.json").read_text()))


def count_calls(folder: Path, url: str, windows: Windows) -> Counter[str]:
    """Return how often all processes waited for the disk, for all windows; empty without strace."""
    if shutil.which("strace") is None:
        return Counter()
    config, trace = make_vault(folder, url, windows), folder / "trace"
    command = ["strace", "-f", "-e", f"trace={','.join(SYNCS)}", "-o", str(trace), str(_PROGRAM)]
    subprocess.run([*command, *_arguments(config, 1)], check=True, env={**os.environ, **_ENV}, capture_output=True)
    words = (line.split(None, 1)[1].partition("(")[0] for line in trace.read_text().splitlines())
    return Counter(word for word in words if word in SYNCS)


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=200)
    parser.add_argument("--kilobytes", type=int, default=100, help="of each file")
    parser.add_argument("--workers", type=lambda text: [int(each) for each in text.split(",")], default=[1, 2, 4])
    parser.add_argument("--no-counts", action="store_true", help="measure time only")
    options = parser.parse_args()
    few, many = make_windows(10, options.kilobytes), make_windows(options.windows + 10, options.kilobytes)
    mean = sum(map(len, many.files.values())) / len(many.files)
    print(f"{options.windows} windows of {mean / 1000:.0f} kB; start and end of the program are subtracted")
    with tempfile.TemporaryDirectory(prefix="windows-") as scratch, serve(few) as url, serve(many) as full:
        folder = Path(scratch)
        for number, workers in enumerate(options.workers):
            short = run(folder / f"few-{number}", url, few, workers)
            long = run(folder / f"many-{number}", full, many, workers)
            cpu = (long.cpu - short.cpu) / options.windows
            wall = (long.wall - short.wall) / options.windows
            print(f"{workers} workers: {cpu:.3f} s CPU, {60 / wall:.0f} archives a minute, {long.peak:.0f} MiB at most")
            print(f"  targets: {CPU} s {_met(cpu <= CPU)}, {RATE} a minute {_met(60 / wall >= RATE)}")
        if not options.no_counts:
            for what, count in (("statements", count_queries), ("waits for the disk", count_calls)):
                total = count(folder / f"all {what}", full, many)
                total.subtract(count(folder / f"some {what}", url, few))
                each = ", ".join(f"{n / options.windows:.1f} {word}" for word, n in total.most_common() if n > 0)
                print(f"{what} for each archive: {each or 'not counted, strace is not installed'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
