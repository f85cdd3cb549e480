"""Checkpoints leave the host: into folders, programs, web addresses, and to an authority that stamps them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kit.evidence_chain import AT, Keep, codes, copy_keep, make_keep, read_lines
from kit.timestamp_authority import Authority, Receiver
from strongroom.config.load import load_config
from strongroom.config.problem import ConfigRefused
from strongroom.config.schema import Config
from strongroom.config.secrets import resolve
from strongroom.engine.proof.checkpoint_delivery import (
    ALERT_AFTER,
    FIRST_WAIT,
    build_targets,
    evidence_alarms,
    evidence_view,
    is_owed,
    keep_up,
    names_of,
    send_owed,
)
from strongroom.engine.proof.checkpoints import sign_log
from strongroom.model.alert import Level
from strongroom.vault.checkpoints import Sending, newest_checkpoint

NEEDS_OPENSSL = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, the authority, is not installed")
NOW = AT + timedelta(days=1)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    return make_keep(tmp_path_factory.mktemp("keep") / "here")


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    return copy_keep(untouched, tmp_path / "here")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().serving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "here")


def configure(keep: Keep, text: str) -> Config:
    path = keep.base / "strongroom.toml"
    path.write_text(f"{path.read_text()}\n[evidence]\n{text}\n")
    return load_config(path)


def send(keep: Keep, config: Config, now: datetime = NOW, *, at_once: bool = False) -> list[Sending]:
    with keep.opened() as vault:
        targets = build_targets(config, vault.layout, lambda ref: resolve(ref).reveal(), lambda: now)
        return send_owed(vault, targets, lambda: now, at_once=at_once)


def newest(keep: Keep) -> tuple[int, str]:
    with keep.opened() as vault:
        kept = newest_checkpoint(vault.catalogue)
    assert kept is not None
    return kept.size, kept.note


def sent(keep: Keep) -> list[dict[str, object]]:
    return [body["facts"] for body in read_lines(keep) if body["kind"] == "checkpoint.sent"]


def test_a_folder_gets_each_checkpoint_once(keep: Keep, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    config = configure(keep, f'[[evidence.send_to]]\nname = "disk"\ndirectory = "{folder}"')
    (failed,) = send(keep, config)
    assert (failed.tries, failed.failure) == (1, "the folder does not exist")
    folder.mkdir()
    assert send(keep, config) == []  # its time has not come
    size, note = newest(keep)
    (done,) = send(keep, config, NOW + FIRST_WAIT)
    assert done == Sending("disk", size, NOW + FIRST_WAIT)
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(f"{size}.note", note)]
    assert send(keep, config, NOW + timedelta(days=1)) == []
    assert sent(keep) == [{"entries": size, "target": "disk"}]


def test_what_is_there_already_is_not_overwritten(keep: Keep, tmp_path: Path) -> None:
    config = configure(keep, f'[[evidence.send_to]]\nname = "disk"\ndirectory = "{tmp_path}"')
    size, note = newest(keep)
    path = tmp_path / f"{size}.note"
    path.write_text("another")
    assert "exists already with different content" in send(keep, config)[0].failure
    assert path.read_text() == "another"
    path.write_text(note)
    assert send(keep, config, at_once=True)[0].failure == ""


def test_a_program_gets_the_note_on_its_input_and_nothing_of_our_environment(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_CANARY", "1")
    program = tmp_path / "take"
    program.write_text(f'#!/bin/sh\ncat > "{tmp_path}/got.$1"\nenv > "{tmp_path}/env"\n')
    program.chmod(0o700)
    config = configure(keep, f'[[evidence.send_to]]\nname = "own"\ncommand = ["{program}", "arg"]')
    assert send(keep, config)[0].failure == ""
    assert (tmp_path / "got.arg").read_text() == newest(keep)[1]
    assert "SECRET_CANARY" not in (tmp_path / "env").read_text()


def test_a_program_that_fails_is_owed_and_tried_with_more_and_more_patience(keep: Keep, tmp_path: Path) -> None:
    config = configure(keep, '[[evidence.send_to]]\nname = "own"\ncommand = ["/bin/false"]')
    now, waits = NOW, []
    for _ in range(ALERT_AFTER + 2):
        (failed,) = send(keep, config, now)
        assert failed.next_at is not None
        waits.append((failed.next_at - now) / FIRST_WAIT)
        with keep.opened() as vault:
            assert not is_owed(vault, names_of(config), now)
            assert is_owed(vault, names_of(config), failed.next_at)
        now = failed.next_at
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
    assert failed.failure == "the program ended with status 1"
    with keep.opened() as vault:
        (alarm,) = evidence_alarms(vault)
    assert (alarm.severity, alarm.key) == (Level.WARNING, "witness own")
    assert sent(keep) == []


def test_a_newer_checkpoint_takes_the_place_of_one_that_is_owed(keep: Keep, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    config = configure(keep, f'[[evidence.send_to]]\nname = "disk"\ndirectory = "{folder}"')
    send(keep, config)
    with keep.opened() as vault:
        later = sign_log(vault, keep.signer, lambda: NOW)
    folder.mkdir()
    send(keep, config, NOW + FIRST_WAIT)
    assert [path.name for path in folder.iterdir()] == [f"{later.size}.note"]


def test_a_web_address_gets_it_put_or_posted(keep: Keep, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", f"{receiver.url}/log?token=canary")
    targets = '[[evidence.send_to]]\nname = "one"\nurl = "env:PLACE"\n'
    config = configure(keep, targets + targets.replace("one", "two") + 'method = "post"\n')
    size, note = newest(keep)
    assert [each.failure for each in send(keep, config)] == ["", ""]
    media = "text/plain; charset=utf-8"
    assert receiver.seen == [
        ("PUT", f"/log/{size}.note?token=canary", media, note.encode()),
        ("POST", "/log?token=canary", media, note.encode()),
    ]


def test_a_web_address_that_refuses_is_owed_and_never_quoted(
    keep: Keep, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", f"{receiver.url}/log?token=canary")
    receiver.status = 503
    config = configure(keep, '[[evidence.send_to]]\nname = "one"\nurl = "env:PLACE"\n')
    assert send(keep, config)[0].failure == "the response was 503"
    receiver.status = 302
    assert send(keep, config, at_once=True)[0].failure == "the response was 302"
    with keep.opened() as vault:
        view = evidence_view(config, vault)
    assert "canary" not in repr(view)
    assert view.owed(view.targets[0])


def test_private_addresses_are_refused_unless_permitted(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "https://10.0.0.1/log")
    config = configure(keep, '[[evidence.send_to]]\nname = "one"\nurl = "env:PLACE"\n')
    assert "private or reserved" in send(keep, config)[0].failure


@NEEDS_OPENSSL
def test_an_authority_stamps_it_and_stock_openssl_agrees(keep: Keep, authority: Authority, receiver: Receiver) -> None:
    receiver.answer = authority.answer
    config = configure(keep, f'timestamp_url = "{receiver.url}"\ntimestamp_ca = "{authority.certificates}"')
    size, _note = newest(keep)
    assert [each.failure for each in send(keep, config)] == [""]
    assert [(method, media) for method, _path, media, _body in receiver.seen] == [
        ("POST", "application/timestamp-query")
    ]
    note, stamp = (keep.log.parent / "checkpoints" / f"{size}{suffix}" for suffix in (".note", ".tsr"))
    files = ("-data", note, "-in", stamp, "-CAfile", authority.certificates)
    done = subprocess.run(["openssl", "ts", "-verify", *map(str, files)], capture_output=True, text=True, check=False)
    assert "Verification: OK" in done.stdout + done.stderr
    (facts,) = sent(keep)
    assert (facts["target"], facts["entries"]) == ("timestamp", size)
    assert codes(keep.audit()) == []
    data = stamp.read_bytes()
    stamp.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert codes(keep.audit()) == ["checkpoint"]


@NEEDS_OPENSSL
@pytest.mark.parametrize("fault", ["silence", "nonsense", "another's", "older answer", "refusal"])
def test_an_authority_that_cannot_be_believed_blocks_nothing_and_is_owed(
    fault: str, keep: Keep, authority: Authority, receiver: Receiver, tmp_path: Path
) -> None:
    config = configure(keep, f'timestamp_url = "{receiver.url}"\ntimestamp_ca = "{authority.certificates}"')
    if fault == "nonsense":
        receiver.answer = lambda _body: b"what?"
    elif fault == "another's":
        receiver.answer = Authority(tmp_path / "other", "Another").answer
    elif fault == "older answer":
        from rfc3161_client import TimestampRequestBuilder

        old = authority.answer(TimestampRequestBuilder().data(b"older").build().as_bytes())
        receiver.answer = lambda _body: old
    elif fault == "refusal":
        receiver.status = 500
    size, _note = newest(keep)
    (failed,) = send(keep, config)
    assert failed.failure != ""
    assert not (keep.log.parent / "checkpoints" / f"{size}.tsr").exists()
    with keep.opened() as vault:
        view = evidence_view(config, vault)
        assert [view.owed(each) for each in view.targets] == [True]
        later = sign_log(vault, keep.signer, lambda: NOW)
    receiver.answer, receiver.status = authority.answer, 200
    assert send(keep, config, NOW + FIRST_WAIT)[0].failure == ""
    assert (keep.log.parent / "checkpoints" / f"{later.size}.tsr").exists()


@NEEDS_OPENSSL
def test_a_stamp_that_was_kept_but_not_remembered_is_checked_and_taken(
    keep: Keep, authority: Authority, receiver: Receiver
) -> None:
    receiver.answer = authority.answer
    config = configure(keep, f'timestamp_url = "{receiver.url}"\ntimestamp_ca = "{authority.certificates}"')
    send(keep, config)
    with keep.opened() as vault, vault.catalogue.transaction():
        vault.catalogue.write("DELETE FROM sendings")
    assert send(keep, config)[0].failure == ""
    assert len(receiver.seen) == 1


def test_the_daemon_sends_what_it_signed_and_forgets_targets_that_are_gone(keep: Keep, tmp_path: Path) -> None:
    config = configure(keep, f'[[evidence.send_to]]\nname = "disk"\ndirectory = "{tmp_path}"')
    with keep.opened() as vault:
        keep_up(config, vault, lambda ref: str(ref), lambda: NOW)
        kept = newest_checkpoint(vault.catalogue)
        assert kept is not None
        assert (tmp_path / f"{kept.size}.note").read_text() == kept.note
    path = keep.base / "strongroom.toml"
    path.write_text(path.read_text().replace('"disk"', '"tape"').replace(str(tmp_path), str(tmp_path / "none")))
    with keep.opened() as vault:
        keep_up(load_config(path), vault, lambda ref: str(ref), lambda: NOW)
        rows = vault.catalogue.read("SELECT target FROM sendings")
        assert [row["target"] for row in rows] == ["tape"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[evidence.send_to]]\nname = "x"', "exactly one of directory, command, url, notify"),
        ('[[evidence.send_to]]\nname = "x"\ndirectory = "/a"\ncommand = ["/b"]', "directory and command"),
        ('[[evidence.send_to]]\nname = "timestamp"\ndirectory = "/a"', "another name"),
        (
            '[[evidence.send_to]]\nname = "x"\ndirectory = "/a"\n[[evidence.send_to]]\nname = "x"\ndirectory = "/b"',
            "for the second time",
        ),
        ('[[evidence.send_to]]\nname = "x"\ncommand = ["tell"]', "absolute path"),
        ('timestamp_url = "https://tsa.example.com"', "timestamp_ca"),
        ('timestamp_url = "http://tsa.example.com"', "https"),
        ('every = "1m"', "every"),
    ],
)
def test_a_target_that_cannot_be_meant_is_refused(text: str, words: str, keep: Keep) -> None:
    with pytest.raises(ConfigRefused) as refused:
        configure(keep, text)
    assert words in "\n".join(str(problem) for problem in refused.value.problems)


def test_nothing_that_is_sent_names_anybody(keep: Keep) -> None:
    lines = newest(keep)[1].splitlines()
    assert len(lines) == 6
    assert json.loads(json.dumps(lines[1])).isdecimal()
