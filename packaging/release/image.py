"""The image for containers: Debian's Python, the pinned libraries and the program, and what a container starts with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from release.debian import LIBRARY, PYTHON, DebianPackage, describe, fetch, triplet, unpack
from release.oci import Entry, Layer, make_layer, pack_image, tree_entries
from release.system_package import HOME, Package, architecture, build_environment

USER = 10001
"""The user of the image. Any other number works as well, where the volumes belong to it."""

MOST = 120_000_000
"""Bytes of an image at most, unpacked: as much as it takes on a node."""

VAULT, CONFIGURATION = "var/lib/strongroom", "etc/strongroom"
SECRETS = "run/secrets"
_SECOND = 1_000_000_000  # the image format counts nanoseconds

UNUSED = re.compile(
    r"certifi/tests/|jeepney/(io/)?tests/|boto3/(examples/|data/(?!s3/))|apprise/assets/themes/|textual/demo/"
    r"|pygments/lexers/(?!__init__|_mapping|python|special|data|shell|configs)"
    r"|.*\.(pyi|c|cpp|h|pxd|pyx|mo|po|pot)$|[^/]+\.dist-info/RECORD$"
)
"""What no part of the program reads, beside what every package leaves out: tests, what only compilers and translators
read, how other languages are colored, and lists of files that are no longer true."""

UNCOMPILED = re.compile(
    r"encodings/|pygments/(lexers|styles|formatters)/|multiprocessing/|xml/dom/"
    r"|/(cffi|jaraco|jeepney|keyring|more_itertools|oauthlib|pycparser|secretstorage|strongroom_sandbox)/"
    r"|/sqlite_utils/cli\.py$|/boto3/(dynamodb|ec2)/|/(_pydatetime|_pyio|doctest|mailbox|optparse|pdb|pickletools|pydoc|statistics)\.py$"
)
"""What is hardly ever imported. Compiled files take a fifth of the image."""

PASSWD = f"root:x:0:0:root:/root:/usr/sbin/nologin\nstrongroom:x:{USER}:{USER}::/{VAULT}:/usr/sbin/nologin\n"
GROUP = f"root:x:0:\nstrongroom:x:{USER}:\n"


class Built(NamedTuple):
    """A finished image."""

    file: bytes
    unpacked: int  # bytes
    debian: tuple[DebianPackage, ...]


class TooLarge(Exception):
    """The image is larger than it may be."""


def image_name(version: str) -> str:
    """Return what `load` names the image. It belongs to no registry, so nothing is fetched by mistake."""
    return f"localhost/strongroom:{version}"


def settings(version: str) -> dict[str, Any]:
    """Return what a container starts with, as the image format has it."""
    return {
        "User": f"{USER}:{USER}",
        "Entrypoint": ["/usr/bin/strongroom"],
        "Cmd": ["daemon"],
        "WorkingDir": f"/{VAULT}",
        "Env": [
            "PATH=/usr/bin",
            "LANG=C.UTF-8",
            f"HOME=/{VAULT}",
            f"STRONGROOM_CONFIG=/{CONFIGURATION}/config.toml",
            f"CREDENTIALS_DIRECTORY=/{SECRETS}",
            "PYTHONDONTWRITEBYTECODE=1",
            "PYTHONFAULTHANDLER=1",
        ],
        "Volumes": {f"/{VAULT}": {}, f"/{CONFIGURATION}": {}},
        "StopSignal": "SIGTERM",
        "Healthcheck": {
            "Test": ["CMD", "/usr/bin/strongroom", "status", "--quiet"],
            "Interval": 300 * _SECOND,
            "Timeout": 60 * _SECOND,
            "StartPeriod": 900 * _SECOND,
            "Retries": 3,
        },
        "Labels": {
            "org.opencontainers.image.title": "strongroom",
            "org.opencontainers.image.version": version,
            "org.opencontainers.image.licenses": "Apache-2.0",
        },
    }


def build_image(package: Package, work: Path) -> Built:
    """Build the image. Raises NoDebian where Debian cannot be had here, and TooLarge."""
    debs = fetch(work / "debs")
    debian, program = work / "debian", work / "program"
    unpack(debs, debian)
    build_environment(package, program, (PYTHON,), work)
    _leave_out(program / HOME / "site-packages")
    _add_probe(package.root, program)
    _compile(debian, debian / LIBRARY)
    _compile(debian, program / HOME / "site-packages")
    layers = {
        f"Debian packages: {' '.join(deb.name for deb in debs)}": _layer(debian, package.epoch, *fixed_entries()),
        f"strongroom {package.version} and its pinned libraries": _layer(program, package.epoch),
    }
    unpacked = sum(layer.unpacked for layer in layers.values())
    if unpacked > MOST:
        raise TooLarge(f"the image has {unpacked:,} bytes unpacked, expected at most {MOST:,}")
    file = pack_image(image_name(package.version), architecture(), settings(package.version), layers, package.epoch)
    return Built(file, unpacked, tuple(map(describe, debs)))


def fixed_entries() -> Iterator[Entry]:
    """Yield what belongs to no package: users, volumes, certificates, and the names of folders that merged."""
    yield Entry("etc/passwd", 0o644, PASSWD.encode())
    yield Entry("etc/group", 0o644, GROUP.encode())
    yield Entry("etc/nsswitch.conf", 0o644, b"passwd: files\ngroup: files\nhosts: files dns\n")
    yield Entry("etc/ssl", 0o755)
    yield Entry("etc/ssl/certs", 0o755)
    for link in ("etc/ssl/certs/ca-certificates.crt", "etc/ssl/cert.pem"):
        yield Entry(link, 0o777, link=f"/{HOME}/site-packages/certifi/cacert.pem")
    yield Entry("usr/lib/ssl", 0o777, link="/etc/ssl")
    for name in ("bin", "lib", "lib64"):
        yield Entry(name, 0o777, link=f"usr/{name}")
    yield Entry("tmp", 0o1777)
    yield Entry("run", 0o755)
    yield Entry(SECRETS, 0o755)
    yield Entry(CONFIGURATION, 0o750, gid=USER)
    yield Entry(VAULT, 0o700, uid=USER, gid=USER)


def _layer(tree: Path, epoch: int, *more: Entry) -> Layer:
    return make_layer([*tree_entries(tree), *more], epoch)


def _leave_out(site: Path) -> None:
    for path in [path for path in site.rglob("*") if path.is_file()]:
        if UNUSED.match(path.relative_to(site).as_posix()):
            path.unlink()
    for path in sorted(site.rglob("*.so")):
        subprocess.run(["strip", "--strip-unneeded", str(path)], check=True)
    for folder in sorted((path for path in site.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()


def _add_probe(root: Path, program: Path) -> None:
    script = program / HOME / "bin/alive.py"
    shutil.copyfile(root / "packaging/image/alive.py", script)
    probe = program / "usr/bin/strongroom-alive"
    script.write_text(f"#!/usr/bin/python3 -ISs\n{script.read_text()}")
    script.chmod(0o755)
    probe.symlink_to(f"../lib/strongroom/bin/{script.name}")


def _compile(debian: Path, folder: Path) -> None:
    """Compile with the image's own Python, whatever the machine has, and for good: the sources cannot change."""
    top = debian if folder.is_relative_to(debian) else folder.parents[len(Path(HOME).parts)]
    shared = debian / "usr/lib" / triplet()
    (loader,) = shared.glob("ld-linux-*")
    command = [str(loader), "--library-path", str(shared), str(debian / f"usr/bin/python{PYTHON}")]
    command += ["-sSB", "-m", "compileall", "-q", "-j", "1", "-s", str(top), "-p", "/"]
    command += ["-x", UNCOMPILED.pattern, "--invalidation-mode", "unchecked-hash", str(folder)]
    # One seed for the order of sets, which compiled files contain.
    fixed = {"PYTHONHOME": str(debian / "usr"), "PYTHONHASHSEED": "0", "PATH": os.defpath}
    subprocess.run(command, env=fixed, check=True)
