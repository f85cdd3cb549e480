"""Containers of an image without any container program but crun or runc: unpacked, limited, and cut off."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
HOST = ROOT / ".venv/bin/strongroom"
MEMORY = 256_000_000  # bytes
STOPPED_WITHIN = 10.0  # seconds
PATIENCE = 300.0  # seconds for what a slow machine must still do
FOLDERS = {"vault": "/var/lib/strongroom", "configuration": "/etc/strongroom", "secrets": "/run/secrets"}
"""Of the test, and where the containers have them."""
NAME = f"strongroom-test-image-{os.getpid()}"


class Skipped(Exception):
    """This machine cannot run the test; the text says why."""


class Machine(NamedTuple):
    """What the containers share."""

    runtime: str  # crun or runc
    rootfs: Path
    config: dict[str, Any]  # of the image
    work: Path
    user: int  # of the containers, at random
    key: str  # of the simulated provider


class Done(NamedTuple):
    """What a command of the program did."""

    code: int
    out: str
    err: str


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextmanager
def prepare(work: Path) -> Iterator[Machine]:
    """Unpack the image, and make a network with the provider in it."""
    if os.getuid() != 0:
        raise Skipped("it needs root, to start a container")
    runtime = next((name for name in ("crun", "runc") if shutil.which(name)), None)
    if runtime is None or shutil.which("ip") is None:
        raise Skipped("crun or runc, or ip, is not here (Debian: apt-get install crun iproute2)")
    images = sorted((ROOT / "dist").glob("*-image-*.tar"))
    if not images:
        raise Skipped("dist/ has no image: `make dist` says why")
    config = unpack(images[0], work / "rootfs")
    with provider() as key, memory_limit():
        yield Machine(runtime, work / "rootfs", config, work, 100_000 + secrets.randbelow(900_000), key)


def unpack(file: Path, rootfs: Path) -> dict[str, Any]:
    """Unpack an image as a runtime would, and return its configuration."""
    with tarfile.open(file) as image:

        def blob(described: dict[str, Any]) -> bytes:
            opened = image.extractfile(f"blobs/{described['digest'].replace(':', '/')}")
            data = opened.read() if opened else b""
            require(described["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}", "a digest is wrong")
            return data

        opened = image.extractfile("index.json")
        require(opened is not None, "there is no index")
        manifest = json.loads(blob(json.loads(opened.read())["manifests"][0]))  # type: ignore[union-attr]
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(blob(layer))) as files:
                files.extractall(rootfs, filter="fully_trusted")  # noqa: S202 - what this repository built
        return dict(json.loads(blob(manifest["config"]))["config"])


def require(holds: bool, otherwise: str) -> None:
    """Stop where something does not hold."""
    if not holds:
        raise SystemExit(f"FAIL: {otherwise}")


@contextmanager
def provider() -> Iterator[str]:
    """A network with nothing in it but the simulated provider, on the loopback address; yields its API key."""
    made = subprocess.run(["ip", "netns", "add", NAME], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Skipped(f"no network namespace can be made: {made.stderr.strip()}")
    try:
        subprocess.run(["ip", "-n", NAME, "link", "set", "lo", "up"], check=True)
        command = ["ip", "netns", "exec", NAME, str(HOST), "sandbox"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as sandbox:
            said = [sandbox.stdout.readline().split() for _ in range(2)] if sandbox.stdout else []
            require(bool(said and said[1]), "the simulated provider does not start")
            try:
                yield said[1][-1]
            finally:
                sandbox.terminate()
    finally:
        subprocess.run(["ip", "netns", "delete", NAME], check=False)


GROUPS = (("memory.limit_in_bytes", "memory.max_usage_in_bytes"), ("memory.max", "memory.peak"))
"""Names in the first and the second version of control groups: what limits memory, and the most that was used."""
PLACES = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))


def group() -> tuple[Path, str, str] | None:
    """Return our control group with the names of its two files, or None where it has none."""
    for place, (limit, most) in zip(PLACES, GROUPS, strict=True):
        if (place / NAME / limit).exists():
            return place / NAME, limit, most
    return None


@contextmanager
def memory_limit() -> Iterator[None]:
    """A control group that everything in a container belongs to. Without one, memory is not limited, which is said."""
    for place, (limit, _) in zip(PLACES, GROUPS, strict=True):
        with suppress(OSError):
            (place / NAME).mkdir()
            if (place / NAME / limit).exists():
                (place / NAME / limit).write_text(str(MEMORY))
                break
            (place / NAME).rmdir()
    if group() is None:
        say("memory is not limited: this machine has no control group for it")
    try:
        yield
    finally:
        for place in PLACES:
            with suppress(OSError):
                (place / NAME).rmdir()


def limited(command: list[str]) -> list[str]:
    """Return a command that puts itself, and what it starts, under the limit."""
    found = group()
    return ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(found[0] / "cgroup.procs"), *command] if found else command


def bundle(it: Machine, arguments: list[str], allowed: tuple[str, ...]) -> Path:
    """Write what a runtime needs: the image's own settings, and the least of everything else."""
    folder = Path(tempfile.mkdtemp(dir=it.work))
    kinds = ["pid", "mount", "ipc", "uts"]
    spec = {
        "ociVersion": "1.0.2",
        "root": {"path": str(it.rootfs), "readonly": True},
        "hostname": "strongroom",
        "process": {
            "args": arguments,
            "env": it.config["Env"],
            "cwd": it.config["WorkingDir"],
            "user": {"uid": it.user, "gid": it.user},
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), allowed),
            "noNewPrivileges": True,
        },
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},  # noqa: S108
            *(
                {"destination": at, "type": "none", "source": str(it.work / name), "options": ["bind"]}
                for name, at in FOLDERS.items()
            ),
        ],
        "linux": {
            "namespaces": [*({"type": kind} for kind in kinds), {"type": "network", "path": f"/run/netns/{NAME}"}],
        },
    }
    (folder / "config.json").write_text(json.dumps(spec))
    return folder


def start(it: Machine, name: str, arguments: list[str], allowed: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start a container in the foreground. `allowed` are its capabilities."""
    made = bundle(it, arguments, allowed)
    command = [it.runtime, *manager(it), "run", "--bundle", str(made), f"{NAME}-{name}"]
    pipe = subprocess.PIPE
    return subprocess.Popen(limited(command), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def manager(it: Machine) -> list[str]:
    """Let the runtime make no control group of its own: ours has the limit already."""
    return ["--cgroup-manager=disabled"] if it.runtime == "crun" else []


def inside(it: Machine, *arguments: str, program: str = "strongroom", allowed: tuple[str, ...] = ()) -> Done:
    """Run a command in a container of its own."""
    with start(it, "command", [f"/usr/bin/{program}", *arguments], allowed) as container:
        out, err = container.communicate(timeout=PATIENCE)
    return Done(container.returncode, out, err)


@contextmanager
def running(it: Machine) -> Iterator[None]:
    """A daemon in a container, which must stop in time."""
    with start(it, "daemon", it.config["Entrypoint"] + it.config["Cmd"]) as daemon:
        try:
            wait_for(lambda: execute(it, "strongroom-alive").code == 0 or daemon.poll() is not None, "an answer")
            require(daemon.poll() is None, "the daemon ended at once")
            yield
        except BaseException:
            subprocess.run([it.runtime, "delete", "--force", f"{NAME}-daemon"], capture_output=True, check=False)
            say(daemon.communicate()[1][-3000:])
            raise
        stop = signal.Signals[it.config["StopSignal"]].name
        began = time.monotonic()
        subprocess.run([it.runtime, "kill", f"{NAME}-daemon", stop], check=True)
        _, err = daemon.communicate(timeout=PATIENCE)
        took = time.monotonic() - began
    require(daemon.returncode == 0, f"the daemon stopped with {daemon.returncode}: {err[-2000:]}")
    require(took <= STOPPED_WITHIN, f"the daemon took {took:.1f} s to stop")
    say(f"    stopped in {took:.2f} s")


def execute(it: Machine, program: str, *arguments: str) -> Done:
    """Run a command in the daemon's container, as a probe does."""
    user = ["--user", f"{it.user}:{it.user}"]
    command = [it.runtime, *manager(it), "exec", *user, f"{NAME}-daemon", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def archived(it: Machine) -> int:
    """Count the sealed archives in the vault."""
    return len(list((it.work / "vault/vault/archives").rglob("*.age")))


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds, looking every fifth of a second."""
    until = time.monotonic() + PATIENCE
    while not holds():
        require(time.monotonic() < until, f"waited for {what} in vain")
        time.sleep(0.2)


def works(done: Done) -> str:
    """Return what a command printed, where it succeeded."""
    require(done.code == 0, f"exit code {done.code}: {done.out[-2000:]}{done.err[-2000:]}")
    return done.out
