"""A provider whose storage gzip-codes exports, through the whole program: from the export to the package."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from kit.cli_home import Home, Invoke, sandbox_settings
from strongroom.cli.main import cli
from strongroom_sandbox.faults import FaultKind
from strongroom_sandbox.options import QlaraOptions
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox

pytestmark = pytest.mark.slow

SPAN = ("--from", "2026-11-01", "--to", "2026-11-02", "--patience", "60s")
KINDS = {"zavu": "messages", "qlara": "message-history"}


@pytest.fixture(scope="module")
def both() -> Iterator[Sandbox]:
    settings = sandbox_settings(pace=0.02)
    rows = RowOptions(per_day={"api": 30, "campaign": 10, "console": 2, "contacts": 2})
    with Sandbox(replace(settings, qlara=QlaraOptions(pace=0.02), rows=rows)) as running:
        yield running


def make_home(folder: Path, sandbox: Sandbox, kind: str) -> Home:
    home = Home(folder)
    folder.mkdir()
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text({"zavu": sandbox.settings.api_key, "qlara": sandbox.settings.qlara_key}[kind])
    url = {"zavu": sandbox.api_url, "qlara": sandbox.qlara_url}[kind]
    args = [
        *("init", "--config", home.config, "--vault", home.vault, "--identity", home.identity, "--no-passphrase"),
        *("--recovery-file", folder / "recovery.txt", "--provider", kind, "--source", "main"),
        *("--api-key", f"file:{key}", "--dataset", KINDS[kind], "--since", "2026-11-01"),
        *("--base-url", url, "--allow-private-addresses"),
    ]
    result = CliRunner().invoke(cli, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    return home


@pytest.mark.parametrize("kind", KINDS)
def test_a_coded_export_is_archived_and_every_reader_gets_the_file(
    both: Sandbox, invoke: Invoke, tmp_path: Path, kind: str
) -> None:
    home = make_home(tmp_path / kind, both, kind)

    def told(*args: str | Path, code: int = 0) -> str:
        result = invoke("--config", home.config, *args)
        assert result.exit_code == code, result.output
        return result.stdout

    def archive() -> dict[str, Any]:
        found = json.loads(told("archives", "--json"))["archives"]
        return json.loads(told("archives", "show", found[0]["id"], "--json"))["archive"]  # type: ignore[no-any-return]

    both.faults.clear()
    both.faults.add(FaultKind.CODED, times=None, count=2)
    both.faults.add(FaultKind.CUT, at=100)  # the first download breaks off, and resumes in the coded bytes
    told("export", "main", *SPAN)
    assert ("range", "bytes=100-") in both.requests.downloads[-1].headers
    coded = archive()
    assert coded["format"] == 2
    assert coded["delivered"]["coding"] == "gzip"
    assert [each["code"] for each in coded["findings"] if each["code"].startswith(("gzip", "size"))] == ["gzip-coded"]
    both.faults.clear()
    told("export", "main", *SPAN, "--again")
    plain = archive()
    assert "coding" not in plain["delivered"]
    assert plain["counts"] == coded["counts"]
    assert coded["counts"]["records"] > 20

    out, name = tmp_path / "out", coded["delivered"]["name"]
    out.mkdir()
    restored = json.loads(told("restore", coded["id"], "--to", out, "--json"))
    asis = json.loads(told("restore", coded["id"], "--to", out, "--as-delivered", "--json"))
    content, packed = (out / name).read_bytes(), (out / f"{name}.gz").read_bytes()
    assert gzip.decompress(packed) == content
    assert (len(packed), len(content)) == (coded["delivered"]["size"], coded["delivered"]["decoded_size"])
    assert restored["sha256"] == hashlib.sha256(content).hexdigest()
    assert restored["delivered_sha256"] == asis["sha256"] == hashlib.sha256(packed).hexdigest()
    assert zipfile.is_zipfile(out / name) == (kind == "zavu")
    told("restore", coded["id"], "--to", tmp_path / "x", "--extract", "--as-delivered", code=2)
    if kind == "zavu":
        told("restore", coded["id"], "--to", tmp_path / "members", "--extract")
        assert len(json.loads((tmp_path / "members" / "messages.json").read_text())) == coded["counts"]["records"]

    lines = told("records", coded["stream"], *SPAN[:4]).splitlines()
    assert len(lines) == coded["counts"]["in_window"]
    told("diff", coded["id"], plain["id"])
    told("verify", "--content")
    assert "gunzip" in told("archives", "show", coded["id"])
    told("handover", "--archives", coded["id"], "--to", tmp_path / "package", "--plain")
    folder = tmp_path / "package" / "archives" / coded["id"]
    assert (folder / "delivered").read_bytes() == packed
    assert (folder / "decoded").read_bytes() == content
    assert "decoded" in (tmp_path / "package" / "README.txt").read_text()
    assert verifier(tmp_path / "package") == 3
    (folder / "decoded").write_bytes(content + b" ")
    assert verifier(tmp_path / "package") == 1
    assert verifier(home.vault) == 3
    before = json.loads(told("archives", "--json"))
    told("rebuild")
    assert json.loads(told("archives", "--json")) == before
    assert json.loads(told("archives", "show", coded["id"], "--json"))["archive"] == coded
    told("verify", "--content")


def verifier(path: Path) -> int:
    module = "from strongroom.evidence.verifier import main; import sys; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", module, str(path)], capture_output=True, check=False).returncode


def test_a_coded_file_that_is_cut_is_fetched_again(both: Sandbox, invoke: Invoke, tmp_path: Path) -> None:
    """The host's own Content-Length agrees with the cut: only the coding tells."""
    home = make_home(tmp_path / "home", both, "qlara")
    both.faults.clear()
    both.faults.add(FaultKind.CODED, times=None)
    both.faults.add(FaultKind.CUT, at=300, length="cut")
    result = invoke("--config", home.config, "export", "main", *SPAN)
    assert result.exit_code == 0, result.output
    both.faults.clear()
    found = json.loads(invoke("--config", home.config, "archives", "--json").stdout)["archives"]
    assert sorted(each["holding"] for each in found) == ["held", "quarantined"]
    codes = invoke("--config", home.config, "archives", "show", found[-1]["id"]).stdout
    assert "gzip-truncated" in codes
