"""A release: the same bytes from two trees, sums that hold, a signature that stock tools check, and what it lists."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import strongroom
from kit.release_trees import HOME_URL, build, copy_tree
from kit.systemd_units import ROOT, tool
from release.bill import libraries, license_of, render_licenses
from release.long_description import describe
from release.pinned import entries
from release.signature import public_pem
from strongroom.evidence.note import Signer, open_note

pytestmark = pytest.mark.timeout(900)  # the build is shared, and its time counts for the first test
SIGNER = Signer("strongroom-releases", b"\7" * 32)
CHECK = re.compile(r"<!-- tested: check-release -->\n```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_two_trees_give_the_same_bytes(built_release: Path, tmp_path: Path) -> None:
    parts = ("--only", "python", "--only", "verifier", "--only", "bill")
    again = build(copy_tree(tmp_path / "other" / "tree"), tmp_path / "out", *parts, umask=0o077)
    sums = (built_release / "SHA256SUMS").read_text().splitlines()
    assert (again / "SHA256SUMS").read_text().splitlines() == [line for line in sums if not line.endswith(".deb")]


@pytest.mark.slow
def test_every_file_of_a_release_is_in_the_sums_and_as_they_say(built_release: Path) -> None:
    sums = dict(line.split("  ")[::-1] for line in (built_release / "SHA256SUMS").read_text().splitlines())
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in built_release.iterdir()}
    del files["SHA256SUMS"]
    assert sums == files
    assert len(sums) >= 6


@pytest.mark.slow
def test_the_wheel_says_where_the_project_is_and_shows_its_description(built_release: Path) -> None:
    (path,) = built_release.glob("*.whl")
    stated = zipfile.ZipFile(path).read(f"strongroom-{strongroom.__version__}.dist-info/METADATA").decode()
    fields = Parser().parsestr(stated)
    urls = dict(each.split(", ") for each in fields.get_all("Project-URL", []))
    assert urls["Homepage"] == HOME_URL
    assert {"Documentation", "Changelog", "Security"} < set(urls)
    assert fields["Description-Content-Type"] == "text/markdown"
    page = MarkdownIt("gfm-like", {"linkify": False}).render(str(fields.get_payload()))
    targets = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert f"{HOME_URL}/raw/v{strongroom.__version__}/docs/pictures/overview.svg" in targets
    assert [each for each in targets if not each.startswith("https://")] == []


@pytest.mark.slow
def test_the_source_package_holds_what_the_repository_holds(built_release: Path) -> None:
    (path,) = built_release.glob("*.tar.gz")
    with tarfile.open(path) as source:
        held = {name.partition("/")[2] for name in source.getnames()}
    wanted = {"Makefile", "README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "packaging/release/build.py"}
    assert wanted | {"docs/releasing.md", "tests/conftest.py", "requirements.lock"} <= held


@pytest.mark.slow
def test_the_verifier_is_the_one_file_that_runs_alone(built_release: Path, tmp_path: Path) -> None:
    (path,) = built_release.glob("strongroom-verify-*.py")
    assert path.stat().st_mode & 0o111
    (tmp_path / "log.jsonl").write_text("{}\n")
    done = subprocess.run([sys.executable, "-I", path, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_bill_lists_every_library_that_runs_with_its_pinned_hashes(built_release: Path) -> None:
    (path,) = built_release.glob("*.cdx.json")
    bill = json.loads(path.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    pinned = entries(ROOT / "requirements.lock")
    parts = {part["name"]: part for part in bill["components"]}
    assert {"cryptography", "textual", "apprise", "cffi"} <= set(parts) < set(pinned)
    assert not {"hatchling", "pytest", "starlette"} & set(parts)
    for name, part in parts.items():
        (files,) = part["externalReferences"]
        assert {each["content"] for each in files["hashes"]} == set(re.findall(r"sha256:(\w{64})", pinned[name])), name
        assert part["licenses"], name
    depends = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert len(depends["strongroom"]) == len(parts)


def test_a_library_that_is_not_installed_as_pinned_stops_the_bill(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text((ROOT / "requirements.lock").read_text().replace("click==", "click==0."))
    with pytest.raises(LookupError, match="click is not installed as it is pinned"):
        libraries(lock)


def test_every_library_has_a_license_that_is_named() -> None:
    found = libraries(ROOT / "requirements.lock")
    page = render_licenses(found)
    assert "| cryptography |" in page and "Apache-2.0 OR BSD-3-Clause" in page
    assert not [each.name for each in found if "GPL" in each.license.upper()]


@pytest.mark.parametrize(
    ("fields", "license"),
    [
        (["License-Expression: MIT", "License: something"], "MIT"),
        (["License: MIT License"], "MIT"),
        (["Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)"], "MPL-2.0"),
        (["Classifier: License :: OSI Approved :: BSD License"], "BSD License"),
        ([], "see its license file"),
    ],
)
def test_a_license_is_what_the_library_states(fields: list[str], license: str) -> None:
    assert license_of(Parser().parsestr("\n".join(["Name: x", *fields, "", ""]))) == license  # type: ignore[arg-type]


def test_without_an_address_the_description_keeps_the_words_of_links() -> None:
    text = "![a picture](docs/a.svg)\n[words](docs/b.md#c), [age](https://age-encryption.org) and [here](#see)"
    assert describe(text, "", "1.0") == "\nwords, [age](https://age-encryption.org) and here"


@pytest.mark.slow
def test_the_documented_line_checks_a_signed_release(built_release: Path, tmp_path: Path) -> None:
    tool("openssl")
    names = ["SHA256SUMS", *(line.split("  ")[1] for line in (built_release / "SHA256SUMS").read_text().splitlines())]
    for name in names:
        (tmp_path / name).write_bytes((built_release / name).read_bytes())
    sums = (tmp_path / "SHA256SUMS").read_text()
    note = SIGNER.sign(sums)
    assert open_note(note, SIGNER.verifier) == sums
    (tmp_path / "SHA256SUMS.note").write_text(note)
    (tmp_path / "strongroom-release.pem").write_text(public_pem(SIGNER.verifier))
    found = CHECK.search((ROOT / "docs" / "releasing.md").read_text())
    assert found is not None

    def check() -> int:
        command = ["bash", "-o", "pipefail", "-c", found[1]]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    assert check() == 0
    (tmp_path / "LICENSES.md").write_text("something else")
    assert check() != 0, "a file that was changed"
    (tmp_path / "LICENSES.md").write_bytes((built_release / "LICENSES.md").read_bytes())
    (tmp_path / "SHA256SUMS").write_text(sums.replace("a", "b", 1))
    assert check() != 0, "sums that nobody signed"


def test_a_key_that_others_can_read_signs_nothing(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(SIGNER.reveal())
    key.chmod(0o644)
    command = [sys.executable, "-m", "release.signature", "public", str(key)]
    done = subprocess.run(command, cwd=ROOT / "packaging", capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "expected mode 0600" in done.stderr and "PRIVATE" not in done.stderr
    key.chmod(0o600)
    shown = subprocess.run(command, cwd=ROOT / "packaging", capture_output=True, text=True, check=True).stdout
    assert str(SIGNER.verifier) in shown and "BEGIN PUBLIC KEY" in shown and "PRIVATE" not in shown
