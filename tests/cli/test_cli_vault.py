"""Verify, restore and retry: on sound archives, on damaged ones, with and without an identity."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from kit.cli_home import TEXT, Home, Invoke


def payload_of(home: Home, archive: str) -> Path:
    return home.vault / "archives" / archive[-2:] / f"{archive}.age"


def test_verify_without_and_with_an_identity(home: Home, invoke: Invoke) -> None:
    fixity = json.loads(invoke("--config", home.config, "verify", "--json").stdout)
    content = json.loads(invoke("--config", home.config, "verify", "--content", "--json").stdout)
    assert (fixity["sound"], fixity["content"], len(fixity["archives"])) == (True, False, 4)
    assert (content["sound"], content["content"], len(content["archives"])) == (True, True, 4)


def test_verify_one(home: Home, invoke: Invoke) -> None:
    archive = home.archives()[0]
    result = invoke("--config", home.config, "verify", archive[-8:], "--identity", home.identity)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"ok     {archive[-8:]}")
    assert "50 records read again" in result.stderr


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])), "digest"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "size"),
        (lambda path: path.unlink(), "missing"),
    ],
)
def test_verify_finds_damage(damage: object, code: str, own_home: Home, invoke: Invoke) -> None:
    archive = own_home.archives()[0]
    damage(payload_of(own_home, archive))  # type: ignore[operator]
    result = invoke("--config", own_home.config, "verify")
    assert result.exit_code == 1
    assert f"FAULT  {archive[-8:]}" in result.stdout
    document = json.loads(invoke("--config", own_home.config, "verify", "--json").stdout)
    faults = [fault for each in document["archives"] for fault in each["faults"]]
    assert [(fault["archive"], fault["code"]) for fault in faults] == [(archive, code)]


def test_restore_gives_the_delivered_bytes(home: Home, invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "november.zip"
    result = invoke("--config", home.config, "restore", home.archives()[0], "--to", target)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{target}\n"
    assert hashlib.sha256(target.read_bytes()).hexdigest() in result.stderr
    with zipfile.ZipFile(target) as delivered:
        assert TEXT in delivered.read("messages.json").decode()


def test_restore_never_overwrites(home: Home, invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "november.zip"
    target.write_text("precious")
    result = invoke("--config", home.config, "restore", home.archives()[0], "--to", target)
    assert result.exit_code == 2
    assert target.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [target]


def test_restore_extracts_into_a_new_folder(home: Home, invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "members"
    args = ["--config", home.config, "restore", home.archives()[0], "--to", folder, "--extract", "--json"]
    document = json.loads(invoke(*args).stdout)
    assert {Path(path).name for path in document["paths"]} == {"messages.json", "metadata.json"}
    assert len(json.loads((folder / "messages.json").read_bytes())) == 50
    assert invoke(*args).exit_code == 2


def test_restore_refuses_another_identity(home: Home, invoke: Invoke, tmp_path: Path) -> None:
    other = ["init", "--vault", tmp_path / "v", "--config", tmp_path / "c", "--no-passphrase", "--recovery-file"]
    assert invoke(*other, tmp_path / "r").exit_code == 0
    args = ["restore", home.archives()[0], "--to", tmp_path / "x", "--identity", tmp_path / "identity.age"]
    result = invoke("--config", home.config, *args)
    assert result.exit_code == 4
    assert not (tmp_path / "x").exists()


@pytest.mark.slow  # scrypt takes its second each time
def test_a_passphrase_opens_the_identity(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    sealed, right, wrong = tmp_path / "sealed.age", tmp_path / "right", tmp_path / "wrong"
    for path, text in ((right, "correct horse"), (wrong, "battery staple")):
        path.touch(mode=0o600)
        path.write_text(text)
    program = (
        "import os, sys; from pathlib import Path\n"
        "from strongroom.engine.core.identities import NewIdentity, identity_file\n"
        "secret = Path(sys.argv[1]).read_text().split()[-1]\n"
        "sealed = identity_file(NewIdentity('', secret), 'correct horse', os.urandom)\n"
        "os.umask(0o077); Path(sys.argv[2]).write_bytes(sealed)"
    )
    subprocess.run([sys.executable, "-c", program, str(own_home.identity), str(sealed)], check=True)
    args = ["--config", own_home.config, "restore", own_home.archives()[0], "--identity", sealed, "--to", tmp_path]
    assert invoke(*args, "--passphrase-file", wrong).exit_code == 4
    nobody = invoke(*args)
    assert nobody.exit_code == 2
    assert "--passphrase-file" in nobody.stderr
    opened = invoke(*args, "--passphrase-file", right)
    assert opened.exit_code == 0, opened.output
    assert "horse" not in opened.output


def test_an_identity_that_others_can_read_is_refused(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    own_home.identity.chmod(0o644)
    result = invoke("--config", own_home.config, "restore", own_home.archives()[0], "--to", tmp_path / "x")
    assert result.exit_code == 2
    assert "chmod 600" in result.stderr


@pytest.mark.skipif(not (shutil.which("age") and shutil.which("bash")), reason="stock age or bash is not installed")
def test_the_command_that_is_shown_opens_the_archive_in_bash(home: Home, invoke: Invoke, tmp_path: Path) -> None:
    archive = home.archives()[0]
    command = json.loads(invoke("--config", home.config, "archives", "show", archive, "--json").stdout)["open_with"]
    subprocess.run(["bash", "-c", command], cwd=tmp_path, check=True)
    (opened,) = tmp_path.iterdir()
    restored = invoke("--config", home.config, "restore", archive, "--to", tmp_path / "ours.zip", "--json")
    assert hashlib.sha256(opened.read_bytes()).hexdigest() == json.loads(restored.stdout)["sha256"]


def test_a_failed_job_is_tried_again_once(own_home: Home, invoke: Invoke) -> None:
    (failed,) = json.loads(invoke("--config", own_home.config, "jobs", "--state", "failed", "--json").stdout)["jobs"]
    result = invoke("--config", own_home.config, "jobs", "retry", failed["id"], "--json")
    assert result.exit_code == 0, result.output
    successor = json.loads(result.stdout)["job"]
    assert (successor["parent"], successor["state"]) == (failed["id"], "planned")
    assert successor["window"] == failed["window"]
    assert invoke("--config", own_home.config, "jobs", "retry", failed["id"]).exit_code == 2


def test_an_archived_job_is_not_tried_again(own_home: Home, invoke: Invoke) -> None:
    document = json.loads(invoke("--config", own_home.config, "jobs", "--state", "archived", "--json").stdout)
    result = invoke("--config", own_home.config, "jobs", "retry", document["jobs"][0]["id"])
    assert result.exit_code == 2
    assert "only a failed job" in result.stderr


@pytest.mark.parametrize("files", ["gone", "kept"])
def test_verify_names_what_the_log_knows_and_the_catalogue_has_not(files: str, own_home: Home, invoke: Invoke) -> None:
    name = own_home.archives()[0]
    for path in [*own_home.vault.glob(f"*/*/{name}*")] if files == "gone" else []:
        path.unlink()
    with closing(sqlite3.connect(own_home.vault / "catalogue.sqlite")) as connection, connection:
        for table, column in (("retained", "archive"), ("coverage", "archive"), ("archives", "id")):
            connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (name,))
    for command in (("verify",), ("verify", name[-8:])):
        result = invoke("--config", own_home.config, *command)
        assert result.exit_code == 1, result.output
        told = " ".join(result.stdout.split())
        assert name in told
        assert "unlisted: the log says that it was archived on 2026-11-20" in told
        assert ("restore them from a copy" in told) == (files == "gone")
        assert "strongroom recover" in told
    document = json.loads(invoke("--config", own_home.config, "verify", "--json").stdout)
    (lost,) = [each for each in document["archives"] if each["id"] == name]
    assert [each["code"] for each in lost["faults"]] == ["unlisted"]
