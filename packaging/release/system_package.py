"""The deb and the rpm: one tree of files, with a private environment that every Python of a list can run."""

from __future__ import annotations

import gzip
import json
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, NamedTuple

from release.bill import installed_names, libraries
from release.manuals import manual_pages
from release.pinned import entries
from release.unused import is_unused

PYTHONS = ("3.11", "3.12", "3.13")
"""The versions of Python for which every library has a wheel."""

KINDS = ("deb", "rpm")
HOME = "usr/lib/strongroom"
DOCUMENTS = "usr/share/doc/strongroom"
CHECKOUT_PROGRAM = "/opt/strongroom/bin/strongroom"
ABOUT = """Archives the exports of messaging providers, and proves that none is missing
Strongroom archives what Zavu, HookBridge and Qlara export before they delete
it, sealed to public keys, and proves that nothing is missing or altered."""
UNFETCHED = "the pinned libraries cannot be fetched"


class Package(NamedTuple):
    """What goes into a package."""

    root: Path  # of the repository
    wheel: Path  # of the program
    version: str
    epoch: int  # seconds since 1970: the date of every file
    maintainer: str


class Clash(Exception):
    """Two wheels hold different files of the same name."""


def download(lock: Path, python: str, target: Path) -> list[Path]:
    """Fetch the pinned wheels of all that runs, for one version of Python. Raises SystemExit with pip's words."""
    pinned, wanted = entries(lock), target / "wanted.txt"
    target.mkdir(parents=True)
    wanted.write_text("\n".join(pinned[name] for name in sorted(installed_names())))
    command = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--python-version", python, "--require-hashes"]
    command += ["--dest", str(target), "-r", str(wanted)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"error: {UNFETCHED}: {done.stderr.strip()}")
    return sorted(target.glob("*.whl"))


def unpack(wheels: Iterable[Path], target: Path) -> None:
    """Unpack wheels into one folder. Those of several Pythons differ in compiled files, whose names tell them apart.

    Raises Clash.
    """
    for path in wheels:
        with zipfile.ZipFile(path) as wheel:
            for member in wheel.infolist():
                script = ".data/scripts/" in member.filename  # no program but ours is offered
                if not (member.is_dir() or script or is_unused(member.filename)):
                    _unpack_member(wheel.read(member), target / _named_for_its_python(member.filename, path.name))


def _named_for_its_python(member: str, wheel: str) -> str:
    """Return a name that says which Python a compiled file is for, which some wheels for one Python leave out."""
    tag = re.search(r"-cp(3\d+)-cp\1-.*?(x86_64|aarch64)\.whl$", wheel)
    return member.replace(".abi3.so", f".cpython-{tag[1]}-{tag[2]}-linux-gnu.so") if tag else member


def _unpack_member(data: bytes, path: Path) -> None:
    if path.exists():
        if not _first_serves_all(path) and path.read_bytes() != data:
            raise Clash(f"{path.name} is not the same for every Python: {path}")
        return
    if re.search(r"\.data/|^\.\.", str(path)):
        raise Clash(f"{path} would have to be installed elsewhere")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _first_serves_all(path: Path) -> bool:
    """Return whether the file of the oldest Python serves newer ones: the stable ABI, and the wheel's own records."""
    records = path.parent.name.endswith(".dist-info") and path.name in ("RECORD", "WHEEL")
    return records or path.name.endswith(".abi3.so")


def build_tree(package: Package, tree: Path, pythons: tuple[str, ...], work: Path) -> None:
    """Lay out every file as it will be installed."""
    build_environment(package, tree, pythons, work)
    _add_units(package.root / "packaging", tree)
    _add_manuals(package.root / "packaging", tree)
    _add_documents(package, tree / DOCUMENTS)


def build_environment(package: Package, tree: Path, pythons: tuple[str, ...], work: Path) -> None:
    """Lay out the private environment and its programs."""
    home = tree / HOME
    for python in pythons:
        unpack(download(package.root / "requirements.lock", python, work / python), home / "site-packages")
        (home / "lib" / f"python{python}").mkdir(parents=True)
        (home / "lib" / f"python{python}" / "site-packages").symlink_to("../../site-packages")
    unpack([package.wheel], home / "site-packages")
    _make_environment(home, tree / "usr/bin")


def _make_environment(home: Path, programs: Path) -> None:
    """Make what `python -m venv` would, around the system's own Python."""
    (home / "bin").mkdir()
    (home / "bin/python3").symlink_to("/usr/bin/python3")
    (home / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
    programs.mkdir(parents=True)
    for name, module in (("strongroom", "strongroom.cli.start"), ("strongroom-verify", "strongroom.evidence.verifier")):
        script = home / "bin" / name
        script.write_text(f"#!/{HOME}/bin/python3 -I\nimport sys\nfrom {module} import main\n\nsys.exit(main())\n")
        script.chmod(0o755)
        (programs / name).symlink_to(f"../lib/strongroom/bin/{name}")


def _add_units(packaging: Path, tree: Path) -> None:
    units = tree / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for path in sorted((packaging / "systemd").glob("*.*")):
        (units / path.name).write_text(path.read_text().replace(CHECKOUT_PROGRAM, "/usr/bin/strongroom"))
    _copy(packaging / "sysusers.d/strongroom.conf", tree / "usr/lib/sysusers.d/strongroom.conf")
    _copy(packaging / "tmpfiles.d/strongroom.conf", tree / "usr/lib/tmpfiles.d/strongroom.conf")
    _copy(packaging / "system/config.toml", tree / "etc/strongroom/config.toml")
    _copy(packaging / "system/lintian-overrides", tree / "usr/share/lintian/overrides/strongroom")


def _add_manuals(packaging: Path, tree: Path) -> None:
    for name, page in manual_pages(packaging.parent).items():
        _compress(page.encode(), tree / f"usr/share/man/man{name[-1]}/{name}.gz")
    completions = {
        "bash": "bash-completion/completions/strongroom",
        "fish": "fish/vendor_completions.d/strongroom.fish",
        "zsh": "zsh/vendor-completions/_strongroom",
    }
    for shell, place in completions.items():
        _copy(packaging / f"completions/strongroom.{shell}", tree / "usr/share" / place)


def _add_documents(package: Package, target: Path) -> None:
    for path in sorted((package.root / "docs").rglob("*.md")):
        _copy(path, target / path.relative_to(package.root))
    for name in ("README.md", "CHANGELOG.md", "SECURITY.md", "config.example.toml"):
        _copy(package.root / name, target / name)
    found = libraries(package.root / "requirements.lock")
    parts = [f"Files: *\nCopyright: the authors of Strongroom\nLicense: Apache-2.0\n{_APACHE}"]
    parts += [
        f"Comment: {each.name} {each.version} is under {each.license}; see its .dist-info in /{HOME}" for each in found
    ]
    head = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: strongroom\n"
    (target / "copyright").write_text(f"{head}\n" + "\n".join([parts[0], "", *parts[1:]]) + "\n")
    date = format_datetime(_moment(package.epoch))
    entry = f"strongroom ({package.version}) unstable; urgency=medium\n\n  * See CHANGELOG.md in this folder.\n\n"
    _compress(f"{entry} -- {package.maintainer}  {date}\n".encode(), target / "changelog.Debian.gz")


_APACHE = " On Debian systems, see /usr/share/common-licenses/Apache-2.0.\n"


def _moment(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _compress(data: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(data, 9, mtime=0))


def contents(tree: Path) -> Iterator[dict[str, Any]]:
    """Yield every file of a tree as nfpm wants it."""
    for path in sorted(tree.rglob("*")):
        place = f"/{path.relative_to(tree)}"
        if path.is_symlink():
            yield {"src": str(path.readlink()), "dst": place, "type": "symlink"}
        elif path.is_file():
            mode = 0o755 if path.stat().st_mode & 0o100 and place.startswith(f"/{HOME}/bin/") else 0o644
            if place.startswith("/etc/"):
                yield {"src": str(path), "dst": place, "type": "config|noreplace", "file_info": {"mode": 0o640}}
            else:
                yield {"src": str(path), "dst": place, "file_info": {"mode": mode}}
        elif place.startswith((f"/{HOME}", "/etc/strongroom", f"/{DOCUMENTS}")):
            yield {"dst": place, "type": "dir", "file_info": {"mode": 0o755}}


def describe(package: Package, tree: Path, pythons: tuple[str, ...]) -> dict[str, Any]:
    """Return nfpm's configuration. JSON is YAML."""
    low, last = pythons[0], pythons[-1].split(".")
    high = f"{last[0]}.{int(last[1]) + 1}"
    scripts = package.root / "packaging/system/scripts"
    deb = {"depends": [f"python3 (>= {low})", f"python3 (<< {high})", "libc6 (>= 2.34)"]}
    rpm = {"depends": [f"python3 >= {low}", f"python3 < {high}", "glibc >= 2.34"]}
    moment = _moment(package.epoch).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "name": "strongroom",
        "arch": architecture(),
        "version": package.version,
        "release": "1",
        "section": "admin",
        "priority": "optional",
        "maintainer": package.maintainer,
        "description": ABOUT,
        "license": "Apache-2.0",
        "mtime": moment,
        "umask": 0o022,
        "contents": list(contents(tree)),
        "overrides": {"deb": deb, "rpm": rpm},
        "recommends": ["systemd"],
        "scripts": {
            name: str(scripts / f"{name}.sh") for name in ("preinstall", "postinstall", "preremove", "postremove")
        },
        "deb": {"compression": "gzip"},  # lintian knows no zstd
        "rpm": {"compression": "zstd", "buildhost": "strongroom", "summary": ABOUT.splitlines()[0]},
    }


def architecture() -> str:
    """Return what packages and images call this kind of machine."""
    return {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def build_packages(package: Package, out: Path, pythons: tuple[str, ...], kinds: tuple[str, ...], work: Path) -> None:
    """Write the deb, the rpm or both. Raises CalledProcessError where a library or nfpm fails."""
    tree = work / "tree"
    build_tree(package, tree, pythons, work)
    (work / "nfpm.json").write_text(json.dumps(describe(package, tree, pythons)))
    nfpm = Path(sys.executable).with_name("nfpm")
    for kind in kinds:
        command = [str(nfpm), "package", "--config", str(work / "nfpm.json"), "--packager", kind, "--target", str(out)]
        subprocess.run(command, check=True, capture_output=True, text=True)
