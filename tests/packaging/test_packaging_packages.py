"""The deb and the rpm: what is in them, whose it is, and that the private environment runs by itself."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.systemd_units import PACKAGING, ROOT, tool
from release.bill import installed_names, libraries
from release.manuals import manual_pages
from release.pinned import entries, normal
from release.system_package import PYTHONS, Clash, Package, describe, unpack
from release.unused import is_unused
from strongroom.cli.main import SECTIONS

pytestmark = pytest.mark.timeout(900)  # the build is shared, and its time counts for the first test
SCRIPTS = PACKAGING / "system" / "scripts"
SITE = "usr/lib/strongroom/site-packages/"
MOST = 90_000_000  # bytes
OPEN_BUCKET = "from boto3 import client; client('s3', region_name='eu-west-1', endpoint_url='http://127.0.0.1:9')"


def archive_members(deb: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the members of a deb, which is an `ar` archive."""
    data = deb.read_bytes()
    assert data[:8] == b"!<arch>\n"
    at = 8
    while at < len(data):
        name, size = data[at : at + 16].decode().strip(" /"), int(data[at + 48 : at + 58])
        yield name, data[at + 60 : at + 60 + size]
        at += 60 + size + size % 2


@pytest.fixture(scope="module")
def deb(built_release: Path) -> Iterator[dict[str, tarfile.TarFile]]:
    (path,) = built_release.glob("*.deb")
    members = dict(archive_members(path))
    with (
        tarfile.open(fileobj=io.BytesIO(members["data.tar.gz"])) as data,
        tarfile.open(fileobj=io.BytesIO(members["control.tar.gz"])) as control,
    ):
        yield {"data": data, "control": control}


def read(archive: tarfile.TarFile, name: str) -> str:
    (member,) = [each for each in archive.getmembers() if each.name.removeprefix("./") == name]
    opened = archive.extractfile(member)
    assert opened is not None
    return opened.read().decode()


@pytest.mark.slow
def test_the_deb_holds_exactly_the_pinned_libraries_that_run(deb: dict[str, tarfile.TarFile]) -> None:
    infos = re.findall(rf"{SITE}([^/\n]+)\.dist-info/METADATA", "\n".join(deb["data"].getnames()))
    held = {normal(name): version for name, version in (info.split("-") for info in infos)}
    pinned = {name: re.findall(r"==([^\s;]+)", entry)[0] for name, entry in entries(ROOT / "requirements.lock").items()}
    program = held.pop("strongroom")
    assert held == {name: pinned[name] for name in installed_names()}
    assert program in read(deb["control"], "control")
    assert not {"pytest", "starlette", "uvicorn", "hatchling", "mypy", "nfpm"} & set(held)


@pytest.mark.slow
def test_the_deb_for_one_python_keeps_to_its_weight_without_what_is_never_used(deb: dict[str, tarfile.TarFile]) -> None:
    sizes = {member.name: member.size for member in deb["data"].getmembers() if not member.isdir()}
    assert sum(sizes.values()) <= MOST
    assert not [name for name in sizes if is_unused(name.partition("/site-packages/")[2])]


@pytest.mark.slow
def test_every_file_belongs_to_root_and_none_can_be_changed_by_others(deb: dict[str, tarfile.TarFile]) -> None:
    for member in deb["data"].getmembers():
        assert (member.uid, member.gid) == (0, 0), member.name
        assert member.issym() or not member.mode & 0o022, member.name
        assert not member.mode & 0o6000, member.name
        assert not member.name.endswith(".pyc"), member.name


@pytest.mark.slow
def test_the_deb_installs_what_a_server_needs_where_systems_look_for_it(deb: dict[str, tarfile.TarFile]) -> None:
    held = {name.removeprefix("./").rstrip("/") for name in deb["data"].getnames()}
    manuals = {f"usr/share/man/man{name[-1]}/{name}.gz" for name in manual_pages(ROOT)}
    assert manuals == {name for name in held if name.startswith("usr/share/man/") and name.endswith(".gz")}
    assert held >= {
        *("usr/bin/strongroom", "usr/bin/strongroom-verify", "etc/strongroom/config.toml"),
        *(f"usr/lib/systemd/system/strongroom{end}" for end in (".service", "-once.service", "-once.timer")),
        *("usr/lib/sysusers.d/strongroom.conf", "usr/lib/tmpfiles.d/strongroom.conf"),
        *("usr/share/bash-completion/completions/strongroom", "usr/share/zsh/vendor-completions/_strongroom"),
        *("usr/share/fish/vendor_completions.d/strongroom.fish", "usr/share/doc/strongroom/copyright"),
        *("usr/share/doc/strongroom/docs/recovery/README.md", "usr/share/doc/strongroom/config.example.toml"),
    }
    assert not [name for name in held if ".wants/" in name], "the service is not enabled"
    assert not [name for name in held if name.startswith(("var/", "opt/", "home/", "root/"))]
    assert read(deb["control"], "conffiles").split() == ["/etc/strongroom/config.toml"]
    unit = read(deb["data"], "usr/lib/systemd/system/strongroom.service")
    assert "ExecStart=/usr/bin/strongroom --config /etc/strongroom/config.toml daemon\n" in unit
    assert "/opt/" not in unit


@pytest.mark.slow
def test_the_deb_says_under_which_license_each_library_is(deb: dict[str, tarfile.TarFile]) -> None:
    stated = read(deb["data"], "usr/share/doc/strongroom/copyright")
    for each in libraries(ROOT / "requirements.lock"):
        assert f"Comment: {each.name} {each.version} is under {each.license};" in stated


@pytest.mark.slow
def test_the_private_environment_runs_by_itself(deb: dict[str, tarfile.TarFile], tmp_path: Path) -> None:
    """With the Python of the tests in place of the system's, and nothing else."""
    deb["data"].extractall(tmp_path, filter="tar")
    home = tmp_path / "usr/lib/strongroom"
    base = Path(sys.base_prefix) / "bin"
    (home / "bin/python3").unlink()
    (home / "bin/python3").symlink_to(base / f"python3.{sys.version_info[1]}")
    (home / "pyvenv.cfg").write_text((home / "pyvenv.cfg").read_text().replace("/usr/bin", str(base)))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "somebody")}

    def run(program: str, *arguments: str, code: int = 0) -> str:
        script = [str(home / "bin/python3"), "-I", str(home / "bin" / program), *arguments]
        done = subprocess.run(script, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    (tmp_path / "somebody").mkdir()
    run("strongroom", "init", "--no-passphrase", "--recovery-file", "recovery.txt")
    run("strongroom", "verify")
    assert json.loads(run("strongroom", "--version", "--json"))["python"] == sys.version.split()[0]
    vault = tmp_path / "somebody/.local/share/strongroom/vault"
    run("strongroom-verify", str(vault), code=3)
    assert run("strongroom", "--help").startswith("Usage:")
    subprocess.run([home / "bin/python3", "-I", "-c", OPEN_BUCKET], env=environment, cwd=tmp_path, check=True)


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.sh")), ids=lambda path: path.stem)
def test_the_scripts_of_a_package_are_plain_shell_and_touch_no_vault(path: Path) -> None:
    done = subprocess.run([tool("sh"), "-n", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text = path.read_text()
    assert text.startswith("#!/bin/sh\n") and "\nset -e\n" in text
    removing = re.findall(r"^.*\brm\b.*$", text, re.MULTILINE)
    assert all("__pycache__" in line or "/run/strongroom-was-active" in line for line in removing)


def test_wheels_that_differ_in_more_than_compiled_files_are_refused(tmp_path: Path) -> None:
    for number in (1, 2):
        with zipfile.ZipFile(tmp_path / f"{number}.whl", "w") as wheel:
            wheel.writestr("one/__init__.py", f"VALUE = {number}\n")
    with pytest.raises(Clash, match="not the same for every Python"):
        unpack([tmp_path / "1.whl", tmp_path / "2.whl"], tmp_path / "tree")


def test_a_compiled_file_of_a_wheel_for_one_python_is_named_for_it(tmp_path: Path) -> None:
    """Debian 13 could not start a daemon: the file of Python 3.11, which claims to be for all, was there for 3.13."""
    tags = ("cp311-cp311", "cp313-cp313", "cp38-abi3")
    for number, tag in enumerate(tags):
        with zipfile.ZipFile(tmp_path / f"one-1.0-{tag}-manylinux_2_17_x86_64.whl", "w") as wheel:
            wheel.writestr(f"one{number // 2}.abi3.so", tag)
    unpack(sorted(tmp_path.glob("*.whl")), tmp_path / "tree")
    assert {path.name: path.read_text() for path in (tmp_path / "tree").iterdir()} == {
        "one0.cpython-311-x86_64-linux-gnu.so": "cp311-cp311",
        "one0.cpython-313-x86_64-linux-gnu.so": "cp313-cp313",
        "one1.abi3.so": "cp38-abi3",
    }


def test_a_package_names_the_pythons_that_it_was_built_for(tmp_path: Path) -> None:
    made = describe(Package(ROOT, tmp_path, "1.0", 0, "Somebody <a@b.example>"), tmp_path, PYTHONS)
    assert made["overrides"]["deb"]["depends"][:2] == ["python3 (>= 3.11)", "python3 (<< 3.14)"]
    assert made["overrides"]["rpm"]["depends"][:2] == ["python3 >= 3.11", "python3 < 3.14"]
    assert all(Path(path).exists() for path in made["scripts"].values())


def test_there_is_a_manual_page_for_every_command_and_both_formats(tmp_path: Path) -> None:
    pages = manual_pages(ROOT)
    commands = {name for names in SECTIONS.values() for name in names}
    assert set(pages) == {
        *(f"strongroom-{name}.1" for name in commands),
        *("strongroom.1", "strongroom-config.5", "strongroom-vault.5"),
    }
    assert "strongroom\\-archives \\- list archives" in pages["strongroom-archives.1"]
    keys = re.findall(r"^\\fB(\w+)\\fR$", pages["strongroom-config.5"], re.MULTILINE)
    assert {"recipients", "api_key", "retention", "window"} <= set(keys)
    if shutil.which("man") is None:
        pytest.skip("this machine has no man")
    for name in ("strongroom-archives.1", "strongroom-config.5", "strongroom-vault.5"):
        (tmp_path / name).write_text(pages[name])
        environment = {"MANWIDTH": "80", "MANPAGER": "cat", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        shown = subprocess.run(
            ["man", "--warnings", "--local-file", name], env=environment, cwd=tmp_path, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert (shown.returncode, shown.stderr) == (0, ""), name
        assert "NAME\n       strongroom-" in re.sub(r".\x08", "", shown.stdout)
