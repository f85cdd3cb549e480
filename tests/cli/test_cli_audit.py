"""`audit` and `handover` as a person types them."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from kit.cli_home import TEXT, Home, Invoke
from strongroom.evidence.tree import leaf_hash, root_by_inclusion


@pytest.fixture
def signed(own_home: Home, invoke: Invoke) -> Home:
    assert invoke("--config", own_home.config, "audit", "checkpoint").exit_code == 0
    return own_home


def ask(home: Home, invoke: Invoke, *words: str | Path) -> dict[str, object]:
    result = invoke("--config", home.config, *words, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, object] = json.loads(result.stdout)
    return document


def test_how_it_stands(own_home: Home, invoke: Invoke) -> None:
    assert ask(own_home, invoke, "audit") == {"signing": True, "checkpoint": None, "trouble": "", "targets": []}
    result = invoke("--config", own_home.config, "audit")
    assert "not yet" in result.stdout
    assert "nowhere" in result.stdout
    invoke("--config", own_home.config, "audit", "checkpoint")
    standing = ask(own_home, invoke, "audit")["checkpoint"]
    assert isinstance(standing, dict)
    assert standing["size"] > 10
    result = invoke("--config", own_home.config, "status", "--json")
    assert result.exit_code == 1, "a window failed"
    whole = json.loads(result.stdout)
    assert whole["evidence"]["checkpoint"] == standing
    assert "entries" in invoke("--config", own_home.config, "status").stdout


def test_the_log_is_printed_byte_for_byte(signed: Home, invoke: Invoke) -> None:
    whole = (signed.vault / "log" / "log.jsonl").read_bytes()
    assert invoke("--config", signed.config, "audit", "log", "--json").stdout_bytes == whole
    some = invoke("--config", signed.config, "audit", "log", "--json", "--after", "2", "--limit", "3").stdout_bytes
    assert some == b"".join(line + b"\n" for line in whole.splitlines()[2:5])


def test_the_log_is_chosen_by_kind_archive_and_job(signed: Home, invoke: Invoke) -> None:
    archive = signed.archives()[0]

    def chosen(*words: str) -> list[dict[str, object]]:
        lines = invoke("--config", signed.config, "audit", "log", "--json", *words).stdout.splitlines()
        return [json.loads(line) for line in lines]

    assert {body["kind"] for body in chosen("--kind", "vault")} == {"vault.created"}
    assert {body["kind"] for body in chosen("--kind", "job.proven")} == {"job.proven"}
    assert {body["archive"] for body in chosen("--archive", archive[-8:])} == {archive}
    (job,) = {body["job"] for body in chosen("--archive", archive, "--kind", "job.proven")}
    assert {body["job"] for body in chosen("--job", str(job))} == {job}
    refused = invoke("--config", signed.config, "audit", "log", "--kind", "vaul")
    assert (refused.exit_code, "did you mean 'vault'?" in refused.stderr) == (2, True)
    told = invoke("--config", signed.config, "audit", "log", "--kind", "vault").stdout
    assert "the vault was created" in told


def test_everything_is_verified_and_damage_found(signed: Home, invoke: Invoke) -> None:
    report = ask(signed, invoke, "audit", "verify")
    assert (report["sound"], report["findings"]) == (True, [])
    result = invoke("--config", signed.config, "audit", "verify")
    assert "signed by a trusted key" in " ".join(result.stdout.split())
    assert "nothing is wrong" in result.stderr
    archive = signed.archives()[0]
    payload = signed.vault / "archives" / archive[-2:] / f"{archive}.age"
    data = payload.read_bytes()
    payload.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    result = invoke("--config", signed.config, "audit", "verify", "--json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["code"], finding["where"]) == ("payload", f"archives/{archive[-2:]}/{archive}.age")
    assert invoke("--config", signed.config, "audit", "verify", "--skip-payloads").exit_code == 0


def test_a_checkpoint_that_was_kept_elsewhere(signed: Home, invoke: Invoke, tmp_path: Path) -> None:
    (note,) = (signed.vault / "log" / "checkpoints").glob("*.note")
    kept = tmp_path / "kept.note"
    kept.write_bytes(note.read_bytes())
    key = json.loads((signed.vault / "log" / "log.jsonl").read_bytes().splitlines()[0])["facts"]["verifier"]
    given = ("audit", "verify", "--checkpoint", kept, "--public-key", key)
    assert invoke("--config", signed.config, *given).exit_code == 0
    kept.write_text(kept.read_text().replace("at 20", "at 30"))
    result = invoke("--config", signed.config, *given, "--json")
    assert [each["code"] for each in json.loads(result.stdout)["findings"]] == ["signature"]
    assert invoke("--config", signed.config, "audit", "verify", "--checkpoint", tmp_path / "none").exit_code == 1
    assert invoke("--config", signed.config, "audit", "verify", "--public-key", "nonsense").exit_code == 2


def test_without_the_signing_key_checkpoints_cannot_be_made_and_are_not_believed(signed: Home, invoke: Invoke) -> None:
    (signed.folder / "strongroom-signing.key").unlink()
    assert invoke("--config", signed.config, "audit", "checkpoint").exit_code == 2
    result = invoke("--config", signed.config, "audit", "verify")
    assert result.exit_code == 1
    assert "no public key to check them with" in " ".join(result.stdout.split())


def test_a_proof_leads_to_the_root_that_was_signed(signed: Home, invoke: Invoke) -> None:
    archive = signed.archives()[0]
    proof = ask(signed, invoke, "audit", "prove", archive[-8:])
    assert proof["archive"] == archive
    events = proof["events"]
    assert isinstance(events, list)
    assert len(events) > 5
    for event in events:
        path = [bytes.fromhex(each) for each in event["proof"]]
        root = root_by_inclusion(leaf_hash(event["line"].encode()), event["index"], int(str(proof["size"])), path)
        assert root.hex() == proof["root"]
    text = invoke("--config", signed.config, "audit", "prove", archive).stdout
    assert f"root {proof['root']}" in text
    assert str(proof["checkpoint"]) in text


def test_a_proof_needs_a_checkpoint(own_home: Home, invoke: Invoke) -> None:
    result = invoke("--config", own_home.config, "audit", "prove", own_home.archives()[0])
    assert result.exit_code == 2
    assert "strongroom audit checkpoint" in result.stderr


def test_a_target_that_fails_is_told_and_owed(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    text = own_home.config.read_text()
    target = tmp_path / "elsewhere"
    own_home.config.write_text(f'{text}\n[[evidence.send_to]]\nname = "disk"\ndirectory = "{target}"\n')
    result = invoke("--config", own_home.config, "audit", "checkpoint")
    assert result.exit_code == 1
    assert "disk: nothing yet; owed since 1 tries: the folder does not exist" in result.stderr
    checks = json.loads(invoke("--config", own_home.config, "doctor", "--offline", "--json").stdout)["checks"]
    told = [(each["verdict"], each["message"]) for each in checks if each["name"] == "checkpoints"]
    assert ("warn", "checkpoint target disk could not be read: No such file or directory") in told
    assert any(verdict == "warn" and message.startswith("disk: failed 1 time") for verdict, message in told)
    assert not [each for each in told if each[0] == "fail"]
    assert "WRONG" in invoke("--config", own_home.config, "audit", "verify", "--skip-payloads").stdout
    target.mkdir()
    assert invoke("--config", own_home.config, "audit", "checkpoint", "--json").exit_code == 0
    assert len(list(target.iterdir())) == 1


def test_handing_over(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    ids = own_home.archives()
    target = tmp_path / "package"
    made = ask(own_home, invoke, "handover", "--archives", ",".join(each[-8:] for each in ids), "--to", target)
    assert (made["path"], sorted(made["archives"])) == (str(target), ids)  # type: ignore[call-overload]
    assert made["sums_sha256"] == hashlib.sha256((target / "SHA256SUMS").read_bytes()).hexdigest()
    custody = (target / "archives" / ids[0] / "custody.txt").read_text()
    assert "planned" in custody
    assert "verified: read back and counted" in custody
    for path in target.rglob("*"):
        assert path.is_dir() or TEXT.encode() not in path.read_bytes()
    assert invoke("--config", own_home.config, "handover", "--archives", ids[0], "--to", target).exit_code == 2


def test_handing_over_in_the_clear_says_so(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    args = ("handover", "--archives", own_home.archives()[0], "--to", tmp_path / "package", "--plain")
    result = invoke("--config", own_home.config, *args)
    assert result.exit_code == 0, result.output
    assert "not encrypted" in result.stderr


@pytest.mark.parametrize("wish", [[], ["--archives", "x", "--matter", "y"], ["--archives", ","], ["--matter", "none"]])
def test_what_cannot_be_handed_over(wish: list[str], own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    assert invoke("--config", own_home.config, "handover", *wish, "--to", tmp_path / "package").exit_code == 2
    assert not (tmp_path / "package").exists()


def test_what_is_no_file_in_the_logs_place_is_refused_and_not_waited_for(own_home: Home, invoke: Invoke) -> None:
    log = own_home.vault / "log" / "log.jsonl"
    kept = log.rename(log.with_name("kept"))
    try:
        os.mkfifo(log)
        for words in (["audit", "verify"], ["audit", "checkpoint"]):
            result = invoke("--config", own_home.config, *words)
            assert result.exit_code in (1, 4), result.output
            assert "file" in result.output
    finally:
        log.unlink()
        kept.rename(log)


@pytest.mark.parametrize("option", ["--after", "--limit"])
def test_a_number_that_no_catalogue_can_hold_is_refused(option: str, own_home: Home, invoke: Invoke) -> None:
    assert invoke("--config", own_home.config, "audit", "log", option, "9" * 30).exit_code == 2
    assert invoke("--config", own_home.config, "audit", "log", option, str(2**63 - 1)).exit_code == 0


def test_a_manifest_that_was_changed_is_not_handed_over(own_home: Home, invoke: Invoke, tmp_path: Path) -> None:
    archive = own_home.archives()[0]
    manifest = own_home.vault / "manifests" / archive[-2:] / f"{archive}.json"
    before = manifest.read_bytes()
    try:
        manifest.write_bytes(before.replace(b"50", b"99", 1))
        assert manifest.read_bytes() != before
        target = tmp_path / "package"
        result = invoke("--config", own_home.config, "handover", "--archives", archive, "--to", target)
    finally:
        manifest.write_bytes(before)
    assert result.exit_code == 4
    assert "not the one recorded in the log" in " ".join(result.output.split())
    assert not target.exists()
    assert not list(tmp_path.glob(".*.part"))


def test_nothing_is_written_into_the_vault_by_who_takes_something_out(own_home: Home, invoke: Invoke) -> None:
    archive, place = own_home.archives()[0], own_home.vault / "tmp" / "x"
    for words in (
        ["restore", archive, "--to", place],
        ["restore", archive, "--extract", "--to", place],
        ["handover", "--archives", archive, "--to", place],
        ["key", "export", "--archives", archive, "--plain", "--to", place],
        ["records", "zavu-main-records", "--from", "2026-11-01", "--to", "2026-11-02", "--output", place],
    ):
        result = invoke("--config", own_home.config, *words)
        assert result.exit_code == 2, result.output
        assert "inside the vault" in " ".join(result.output.split())
        assert not place.exists()
