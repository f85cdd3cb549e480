"""The Debian part of the image: Python and its libraries, without a shell, a package manager or any other program."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SUITE = "trixie"
PYTHON = "3.13"
"""The Python of that Debian."""

ROOTS = ("python3-minimal", f"libpython{PYTHON}-stdlib", "libstdc++6", "base-files")
KEPT = frozenset(
    {
        *("base-files", "netbase", "libc6", "libgcc-s1", "libstdc++6", "zlib1g", "libbz2-1.0", "liblzma5", "libzstd1"),
        *("libexpat1", "libffi8", "libssl3t64", "libsqlite3-0", "libuuid1"),
        *("python3-minimal", f"python{PYTHON}-minimal", f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib"),
    }
)
"""Of all that these depend on, what the program uses. The rest is there for a shell and for installing packages."""

LIBRARY = f"usr/lib/python{PYTHON}"
USED = (f"{LIBRARY}/", "usr/lib64/", "usr/lib/ld-linux-", "usr/bin/python3", "etc/protocols", "etc/services")
_MODULES = (
    *("_pydecimal.py", "_pyrepl/", "ensurepip/", "idlelib/", "pydoc_data/", "sitecustomize.py", "test/", "tkinter/"),
    *("turtle.py", "turtledemo/", "unittest/", "venv/", "xmlrpc/"),
    *(f"lib-dynload/{name}" for name in ("_curses", "_dbm", "_test", "_xx", "nis", "readline", "xx")),
)
_SHARED = (
    *("gconv/", "perl-base/", "audit/", "libc_malloc_debug.", "libmemusage.", "libmvec.", "libpcprofile."),
    *("libthread_db.", "engines-3/", "libexpatw.", "libnsl.", "libBrokenLocale."),
)


class DebianPackage(NamedTuple):
    """A package of Debian, as its file says."""

    name: str
    version: str
    architecture: str
    sha256: str  # of the file


class NoDebian(Exception):
    """Debian's packages cannot be had here; the text says why."""


def fetch(target: Path) -> list[Path]:
    """Fetch the packages into a folder, checked against Debian's signatures. Raises NoDebian.

    DEBIAN_MIRROR names another mirror, such as an archive of a past day.
    """
    if missing := [tool for tool in ("mmdebstrap", "dpkg-deb", "strip") if shutil.which(tool) is None]:
        raise NoDebian(f"{missing[0]} is not here (Debian: apt-get install mmdebstrap binutils)")
    target.mkdir(parents=True)
    command = ["mmdebstrap", "--quiet", "--variant=extract", "--format=null", f"--include={','.join(ROOTS)}"]
    command += [f"--extract-hook=sync-out /var/cache/apt/archives {target}", SUITE, "/dev/null"]
    command += [mirror] if (mirror := os.environ.get("DEBIAN_MIRROR")) else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoDebian(f"Debian {SUITE} cannot be fetched: {done.stderr.strip()[-300:]}")
    found = [path for path in sorted(target.glob("*.deb")) if path.name.partition("_")[0] in KEPT]
    if absent := KEPT - {path.name.partition("_")[0] for path in found}:
        raise NoDebian(f"Debian {SUITE} has no {', '.join(sorted(absent))}")
    return found


def describe(deb: Path) -> DebianPackage:
    """Return what a package file says of itself."""
    name, version, architecture = _dpkg("--showformat=${Package}\n${Version}\n${Architecture}", "--show", deb).split()
    return DebianPackage(name, version, architecture, hashlib.sha256(deb.read_bytes()).hexdigest())


def unpack(debs: list[Path], tree: Path) -> None:
    """Unpack what the program uses, and leave beside it which packages that was, where scanners look for it."""
    for deb in debs:
        packed = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(deb)], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as files:
            tree.mkdir(parents=True, exist_ok=True)
            files.extractall(tree, members=_used(files), filter=_placed)  # noqa: S202 - signed by Debian, and few of the files
        record = tree / "var/lib/dpkg/status.d" / describe(deb).name
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(_dpkg("--field", deb))


def _used(files: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    shared = f"usr/lib/{triplet()}/"
    unused = (*(f"{LIBRARY}/{name}" for name in _MODULES), *(f"{shared}{name}" for name in _SHARED))
    for member in files.getmembers():
        name = member.name.removeprefix("./")
        library = name.startswith(shared) and ".so" in name
        wanted = library or name.startswith(USED) or name.endswith(("/copyright", "/os-release"))
        if wanted and not member.isdir() and not name.startswith(unused):
            yield member


def _placed(member: tarfile.TarInfo, _target: str) -> tarfile.TarInfo:
    return member.replace(mode=0o755 if member.mode & 0o100 else 0o644, deep=False)


def triplet() -> str:
    """Return what Debian calls this kind of machine in the paths of libraries."""
    return f"{platform.machine()}-linux-gnu"


def _dpkg(*arguments: str | Path) -> str:
    command = ["dpkg-deb", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
