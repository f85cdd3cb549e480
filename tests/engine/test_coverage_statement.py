"""A coverage statement as a third person checks it: its signature, its own consistency, and the log it was made at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.engine_bench import Bench
from strongroom.cli.main import cli
from strongroom.config.secrets import resolve
from strongroom.engine.core.sources import plans_of
from strongroom.engine.ingest.planning import enter_due
from strongroom.evidence import verifier
from strongroom.evidence.note import Signer, open_note
from strongroom.evidence.verifier import STATEMENT, Key, Report, begins, check_statement

PERIOD = ["--from", "2026-11-16", "--to", "2026-11-20"]


def ask(bench: Bench, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(bench.config.file), *words])


def signer_of(bench: Bench) -> Signer:
    key = bench.config.vault.signing_key
    assert key is not None
    return Signer.parse(resolve(key).reveal())


def found(path: Path, key: str, log: Path | None = None) -> tuple[list[str], Report]:
    report = Report()
    assert begins(path, STATEMENT)
    report.check(path.name, lambda: check_statement(path, [Key(key)] if key else [], log, report))
    return [wrong.code for wrong in report.findings], report


FORGED: list[tuple[Callable[[str], str], list[str]]] = [
    (lambda text: text.replace("1 gap,", "no gap,"), ["count"]),
    (lambda text: text.replace("1 gap,", "2 gaps,"), ["count"]),
    (lambda text: text.replace("gap zavu-records 2026-11-16", "gap zavu-records 2026-11-17"), ["period"]),
    (lambda text: text.replace("gap zavu-records", "gap others"), ["stream"]),
    (lambda text: text.replace("archived zavu-records 2026-11-18", "archived zavu-records 2026-11-17"), ["period"]),
    (lambda text: text.replace("to 2026-11-20", "to 2026-12-20", 1), ["period"]),
    (lambda text: text.replace("to 2026-11-20", "to 2025-11-20", 1), ["form"]),
    (lambda text: text.replace("source account", "all is well: source account"), ["form"]),
    (lambda text: text.replace("statement 2", "statement 3"), ["form"]),
    (lambda text: text.replace("statement 2", "statement x"), ["form"]),
    (lambda text: text.replace("2026-11-16T00:00:00Z", "long ago"), ["form"]),
    (lambda text: text.replace("key strongroom+", "key strongroom+0"), ["key"]),
    (lambda text: text.partition("\n\nstream")[0] + "\n", ["form"]),
    (lambda text: text.replace("\n\nWhat", "\nstream zavu-records: no gap, 1 archive\n\nWhat"), ["twice"]),
]


@pytest.mark.slow
def test_a_statement_names_its_issuer_and_is_checked_offline(bench: Bench, tmp_path: Path) -> None:
    with bench.engine() as engine:
        while enter_due(engine, plans_of(bench.config)):
            bench.run(engine)
    text = bench.config.file.read_text()
    bench.config.file.write_text(text.replace("[vault]\n", '[vault]\norganization = "Acme & Co. KGaA"\n', 1))
    made, signer = ask(bench, "coverage", "statement", *PERIOD), signer_of(bench)
    assert made.exit_code == 1
    lines = made.output.splitlines()
    assert lines[:4] == [
        "strongroom coverage statement 2",
        "organization Acme & Co. KGaA",
        lines[2],
        f"key {signer.verifier}",
    ]
    assert lines[2].startswith("vault strongroom/")
    assert "source account zavu at the provider zavu" in made.output
    assert "What this means: for the periods marked archived" in made.output
    _check_public_key(bench, signer)

    path, log = tmp_path / "statement.txt", bench.config.vault.path / "log" / "log.jsonl"
    path.write_text(made.output)
    codes, report = found(path, str(signer.verifier), log)
    assert (codes, report.vouched) == ([], True)
    assert any("1 gap, 2 archives" in each for each in report.proven)
    assert any("of the log is the one that the statement was made at" in each for each in report.proven)
    codes, report = found(path, "")
    assert (codes, report.vouched) == ([], False)
    _check_forgeries(path, made.output, signer)
    _check_logs(path, made.output, signer, log)
    _check_program(path, signer, log)


def _check_public_key(bench: Bench, signer: Signer) -> None:
    assert ask(bench, "audit", "key").output == f"{signer.verifier}\n"
    document = json.loads(ask(bench, "audit", "key", "--json").output)
    assert document == {"public_key": str(signer.verifier), "in_first_entry": str(signer.verifier)}


def _check_forgeries(path: Path, note: str, signer: Signer) -> None:
    """A key that signs nonsense does not make it sound, and a change after signing is found."""
    text = open_note(note, signer.verifier)
    for forge, expected in FORGED:
        assert forge(text) != text
        path.write_text(signer.sign(forge(text)))
        assert found(path, str(signer.verifier))[0] == expected, forge(text)
    path.write_text(note.replace("1 gap,", "no gap,"))
    assert found(path, str(signer.verifier))[0] == ["signature"]
    other = Signer.generate("strongroom", os.urandom)
    path.write_text(other.sign(text))
    assert found(path, str(signer.verifier))[0] == ["signature"]
    assert found(path, str(other.verifier))[0] == ["key"]


def _check_logs(path: Path, note: str, signer: Signer, log: Path) -> None:
    path.write_text(note)
    lines = log.read_bytes().splitlines(keepends=True)
    other = path.with_name("other.jsonl")
    other.write_bytes(b"".join(lines[:-1]))
    assert found(path, str(signer.verifier), other)[0] == ["digest"]
    other.write_bytes(b"".join(lines[1:]))
    assert found(path, str(signer.verifier), other)[0] == ["sequence"]
    text = open_note(note, signer.verifier)
    path.write_text(signer.sign(text.replace("vault strongroom/", "vault strongroom/0")))
    assert found(path, str(signer.verifier), log)[0] == ["origin"]
    path.write_text(note)


def _check_program(path: Path, signer: Signer, log: Path) -> None:
    program = Path(verifier.__file__)
    for words, code in (
        (["--key", str(signer.verifier), "--log", str(log)], 0),
        ([], 3),
        (["--key", str(Signer.generate("other", os.urandom).verifier)], 1),
    ):
        done = subprocess.run([sys.executable, program, path, *words], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert not done.stderr


def test_a_statement_of_any_size_or_form_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "statement.txt"
    path.write_bytes(b"strongroom coverage statement 2\n")
    os.truncate(path, 20 << 30)  # sparse
    assert found(path, "")[0] == ["size"]
    assert not begins(tmp_path, STATEMENT)
    for content in (b"", b"\xff\xfe", b"\n\n", b"\n\n\xe2\x80\x94 x y\n", b"from\n\n"):
        path.write_bytes(b"strongroom coverage statement " + content)
        assert found(path, "")[0]
