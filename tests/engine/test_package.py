"""A package is opened and checked by somebody who has nothing of ours: stock age, and the verifier that lies in it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.evidence_chain import (
    AT,
    PERSON,
    Keep,
    codes,
    copy_keep,
    forge_note,
    hand_to,
    make_keep,
    run_alone,
    sum_anew,
    ticking,
)
from kit.sealed_vault import as_csv, message
from strongroom.age.keys import X25519Identity
from strongroom.config.schema import SourceSettings
from strongroom.config.secrets import SecretRef
from strongroom.engine.access.index import IndexProgress, build_segments
from strongroom.engine.access.key_files import KeyExport, export_keys
from strongroom.engine.access.restore import require_outside, restore, restore_members
from strongroom.engine.core.identities import load_identities
from strongroom.engine.proof.checkpoints import Issuer, issuer_of, sign_log
from strongroom.engine.proof.inclusion_proofs import custody_of
from strongroom.engine.proof.package_readme import write_custody
from strongroom.engine.retention.holds import archives_under, place, release
from strongroom.evidence.line import Entry
from strongroom.evidence.note import Signer
from strongroom.model.errors import SealError, UsageError, VaultError
from strongroom.model.hold import HoldRule
from strongroom.vault.archives import get_archive
from strongroom.vault.log import add_entry

STRANGER = X25519Identity.generate(os.urandom)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Keep:
    keep = make_keep(tmp_path_factory.mktemp("keep") / "here")
    hand_to(keep, keep.base / "sealed", recipients=(str(STRANGER.recipient),))
    hand_to(keep, keep.base / "plain", plain=True)
    return keep


@pytest.fixture
def keep(untouched: Keep, tmp_path: Path) -> Keep:
    return copy_keep(untouched, tmp_path / "here")


def lone(keep: Keep, package: Path, tmp_path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Move a package into an empty folder and check it with the program that lies in it."""
    target = tmp_path / "elsewhere" / "package"
    shutil.copytree(package, target)
    given = ["--key", keep.key, "--checkpoint", str(keep.outside)]
    return run_alone(target / "strongroom-verify.py", target, *given, *more)


def test_the_verifier_that_lies_in_it_is_enough(keep: Keep, tmp_path: Path) -> None:
    told = lone(keep, keep.base / "sealed", tmp_path)
    assert codes(told) == []
    assert told.stdout.count("PROVEN      archive ") == 3
    assert "the package's log goes on from outside.note, signed by a trusted key" in told.stdout
    assert "NOT PROVEN  that no event of an archive was left out" in told.stdout
    assert "NOT PROVEN  that the keys, sealed again, open the payloads" in told.stdout
    assert told.stdout.endswith("nothing is wrong\n")


def test_the_verifier_that_lies_in_it_is_not_trusted_with_its_own_key(keep: Keep, tmp_path: Path) -> None:
    told = run_alone(keep.base / "sealed" / "strongroom-verify.py", keep.base / "sealed")
    assert told.returncode == 3
    assert "NOT PROVEN  who made this" in told.stdout


@pytest.mark.skipif(shutil.which("age") is None, reason="the stock age tool is not installed here")
def test_the_stock_tool_opens_it_with_the_recipients_identity_alone(keep: Keep, tmp_path: Path) -> None:
    identity = tmp_path / "identity.txt"
    identity.write_text(f"{STRANGER}\n")
    readme = (keep.base / "sealed" / "README.txt").read_text()
    commands = [line.strip() for line in readme.splitlines() if line.startswith("  age -d")]
    assert len(commands) == 3
    for command in commands:
        if "zstd" in command and shutil.which("zstd") is None:
            pytest.skip("the stock zstd tool is not installed here")
        script = command.replace("IDENTITY", str(identity))
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=keep.base / "sealed", check=False)
        assert done.returncode == 0
    opened = sorted(path.read_bytes() for path in keep.base.glob("*export.csv"))  # beside the package, not in it
    assert opened == sorted(as_csv([message(each) for each in range(count)]) for count in (3, 4, 9))


def test_stock_sha256sum_finds_it_whole(keep: Keep) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=keep.base / "sealed", capture_output=True, check=False
    )
    assert done.returncode == 0
    told = {line.split()[1] for line in (keep.base / "sealed" / "SHA256SUMS").read_text().splitlines()}
    there = {
        str(path.relative_to(keep.base / "sealed")) for path in (keep.base / "sealed").rglob("*") if path.is_file()
    }
    assert there - told == {"SHA256SUMS"}


def test_every_file_is_told_in_the_readme_and_for_the_owner_alone(keep: Keep) -> None:
    for name in ("sealed", "plain"):
        readme = (keep.base / name / "README.txt").read_text()
        for path in (keep.base / name).rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
            assert path.is_dir() or path.name in f"{readme} README.txt"


def test_nothing_lies_in_the_clear_unless_it_was_asked_for(keep: Keep) -> None:
    for path in (keep.base / "sealed").rglob("*"):
        assert path.is_dir() or b"hello 1" not in path.read_bytes()
    delivered = sorted((keep.base / "plain").glob("archives/*/delivered"))
    assert sorted(path.read_bytes() for path in delivered) == sorted(
        as_csv([message(each) for each in range(count)]) for count in (3, 4, 9)
    )


def test_custody_is_told_for_people_and_for_programs(keep: Keep) -> None:
    for archive in keep.archives:
        folder = keep.base / "sealed" / "archives" / archive
        events = json.loads((folder / "custody.json").read_text())["events"]
        assert [json.loads(event["line"])["kind"] for event in events] == ["job.proven"]
        text = (folder / "custody.txt").read_text()
        assert archive in text
        assert re.search(
            rf"^ +{events[0]['index'] + 1}  2026-03-03T00:00:00Z +job.proven  job.proven$", text, re.MULTILINE
        )


def test_the_log_has_who_gave_what_to_whom_and_no_name(keep: Keep) -> None:
    bodies = [json.loads(line) for line in keep.log.read_bytes().splitlines()]
    made = [body for body in bodies if body["kind"] == "handover.made"]
    sums = {
        name: hashlib.sha256((keep.base / name / "SHA256SUMS").read_bytes()).hexdigest() for name in ("sealed", "plain")
    }
    assert sorted(body["archive"] for body in made[:3]) == sorted(keep.archives)
    assert {body["facts"]["package_sha256"] for body in made[:3]} == {sums["sealed"]}
    assert {body["facts"]["package_sha256"] for body in made[3:]} == {sums["plain"]}
    assert made[0]["facts"]["recipients"] == [str(STRANGER.recipient)]
    assert made[0]["facts"]["by"] == PERSON.token
    assert PERSON.name.encode() not in keep.log.read_bytes()


def edit_custody(package: Path, change: Callable[[dict[str, object]], None]) -> None:
    path = next(iter(sorted(package.glob("archives/*/custody.json"))))
    document = json.loads(path.read_text())
    change(document["events"][0])
    path.write_text(json.dumps(document))


def forge_line(package: Path) -> None:
    edit_custody(package, lambda event: event.update(line=str(event["line"]).replace("job.proven", "job.broken")))


def move_line(package: Path) -> None:
    edit_custody(package, lambda event: event.update(index=0))


def drop_proof(package: Path) -> None:
    edit_custody(package, lambda event: event.update(proof=[]))


def drop_events(package: Path) -> None:
    path = next(iter(sorted(package.glob("archives/*/custody.json"))))
    path.write_text(json.dumps({"events": []}))


def no_json(package: Path) -> None:
    next(iter(package.glob("archives/*/custody.json"))).write_text("[")


def replace_payload(package: Path) -> None:
    one, other, *_ = sorted(package.glob("archives/*/payload.age"))
    one.write_bytes(other.read_bytes())


def swap_manifest(package: Path) -> None:
    one, other, *_ = sorted(package.glob("archives/*/manifest.json"))
    one.write_bytes(other.read_bytes())


def lose_manifest(package: Path) -> None:
    next(iter(package.glob("archives/*/manifest.json"))).unlink()


def forge_root(package: Path) -> None:
    path = package / "checkpoint.note"
    lines = path.read_text().split("\n")
    lines[1] = str(int(lines[1]) - 1)
    path.write_text("\n".join(lines))


def sign_by_a_stranger(package: Path) -> None:
    text = (package / "checkpoint.note").read_text().partition("\n\n")[0] + "\n"
    foreign = Signer.generate("strongroom", os.urandom)
    (package / "checkpoint.note").write_text(foreign.sign(text))
    (package / "public-key.txt").write_text(str(foreign.verifier))


def other_first_line(package: Path) -> None:
    path = package / "package.json"
    document = json.loads(path.read_text())
    document["first"]["line"] = document["first"]["line"].replace("2026", "2025")
    path.write_text(json.dumps(document))


def no_consistency(package: Path) -> None:
    path = package / "package.json"
    document = json.loads(path.read_text())
    document["consistency"] = {}
    path.write_text(json.dumps(document))


def forge_consistency(package: Path) -> None:
    path = package / "package.json"
    document = json.loads(path.read_text())
    document["consistency"] = {size: ["00" * 32, *hashes[1:]] for size, hashes in document["consistency"].items()}
    path.write_text(json.dumps(document))


TABLE = [
    (forge_line, "inclusion"),
    (move_line, "inclusion"),
    (drop_proof, "inclusion"),
    (drop_events, "cut"),
    (no_json, "form"),
    (replace_payload, "payload"),
    (swap_manifest, "manifest"),
    (lose_manifest, "missing"),
    (forge_root, "signature"),
    (sign_by_a_stranger, "signature"),
    (other_first_line, "inclusion"),
    (no_consistency, "no-proof"),
    (forge_consistency, "root"),
]


@pytest.mark.parametrize(("attack", "expected"), TABLE, ids=[attack.__name__ for attack, _expected in TABLE])
def test_a_package_that_was_tampered_with_is_found(
    attack: Callable[[Path], None], expected: str, keep: Keep, tmp_path: Path
) -> None:
    attack(keep.base / "sealed")
    assert "sums" in codes(lone(keep, keep.base / "sealed", tmp_path))
    shutil.rmtree(tmp_path / "elsewhere")
    sum_anew(keep.base / "sealed")  # as any forger would
    assert codes(lone(keep, keep.base / "sealed", tmp_path)) == [expected]


def test_records_in_the_clear_are_compared_with_the_log(keep: Keep, tmp_path: Path) -> None:
    assert codes(lone(keep, keep.base / "plain", tmp_path)) == []
    path = next(iter(keep.base.glob("plain/archives/*/delivered")))
    path.write_bytes(path.read_bytes() + b"m99,2026-03-01T10:00:00Z,never said\n")
    sum_anew(keep.base / "plain")
    shutil.rmtree(tmp_path / "elsewhere")
    assert codes(lone(keep, keep.base / "plain", tmp_path)) == ["delivered"]


def test_an_older_package_contradicts_a_newer_checkpoint(keep: Keep, tmp_path: Path) -> None:
    with keep.opened() as vault:
        keep.outside.write_text(sign_log(vault, keep.signer, lambda: AT + timedelta(days=9)).note)
    assert codes(lone(keep, keep.base / "sealed", tmp_path)) == ["cut"]


def test_a_package_of_another_log_is_found(keep: Keep, tmp_path: Path) -> None:
    keep.outside.write_text(forge_note([b"another", b"log"], 2, keep.signer))
    assert codes(lone(keep, keep.base / "sealed", tmp_path)) == ["origin"]


def test_nothing_is_overwritten_and_nothing_half_made_is_left(keep: Keep, tmp_path: Path) -> None:
    target = tmp_path / "package"
    target.mkdir()
    with pytest.raises(UsageError, match="never overwritten"):
        hand_to(keep, target)
    with pytest.raises(UsageError, match="no folder"):
        hand_to(keep, tmp_path / "none" / "package")
    with pytest.raises(SealError):
        hand_to(keep, tmp_path / "other", recipients=("age1nobody",))
    payload = keep.place("archives", keep.archives[0])
    sealed = payload.read_bytes()
    payload.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))  # always another byte
    before = keep.log.read_bytes().count(b"handover.made")
    with pytest.raises(VaultError, match="not the one that was archived"):
        hand_to(keep, tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["here", "package"]
    assert keep.log.read_bytes().count(b"handover.made") == before


def test_without_the_signing_key_the_newest_checkpoint_must_cover_it(keep: Keep, tmp_path: Path) -> None:
    with keep.opened() as vault:
        sign_log(vault, keep.signer, lambda: AT + timedelta(days=9))
    (keep.base / "strongroom-signing.key").rename(keep.base / "away")
    made = hand_to(keep, tmp_path / "package")  # what happened to each archive was signed by the daemon before
    with keep.opened() as vault:
        assert made.checkpoint < vault.catalogue.read("SELECT max(seq) AS last FROM entries")[0]["last"]
    assert not (tmp_path / "package" / "public-key.txt").exists()
    with pytest.raises(UsageError, match="covers"):
        hand_to(keep, tmp_path / "again")  # but not that they were handed over


def test_a_matter_names_what_its_holds_keep_and_the_custody_tells_of_them(keep: Keep, tmp_path: Path) -> None:
    with keep.opened() as vault:
        place(vault, "Doe v. Roe", HoldRule(archives=(keep.archives[1],)), PERSON, "a letter", AT, os.urandom)
        found = archives_under(vault, "Doe v. Roe")
        assert [each.id for each in found] == [keep.archives[1]]
        with pytest.raises(UsageError, match="has no active hold"):
            archives_under(vault, "another")
    hand_to(keep, tmp_path / "package", matter="Doe v. Roe")
    told = (tmp_path / "package" / "archives" / keep.archives[1] / "custody.txt").read_text()
    assert "hold.placed" in told
    assert "hold.placed" not in (tmp_path / "package" / "archives" / keep.archives[0] / "custody.txt").read_text()
    assert b"Doe" not in keep.log.read_bytes()


def test_no_word_in_a_custody_begins_a_line_or_steers_a_terminal(keep: Keep) -> None:
    with keep.opened() as vault:
        archive = get_archive(vault.catalogue, keep.archives[0])
        assert archive is not None
        events = custody_of(vault, archive)
    words = "said\n     99  2026-03-09T00:00:00Z  archive.cleared\r\x1b[2K\u202e\u2028end"
    text = write_custody(archive, events, lambda _event: words, Issuer("a\nb", "\x1b[2K"))
    assert text.replace("\n", "").isprintable()
    assert len(text.split("\n")) == len(write_custody(archive, events, lambda _event: "", Issuer()).split("\n"))


@pytest.mark.parametrize("words", ["two\nlines", "\x1b[2K", "\u202eturned", "long" * 51])
def test_a_hold_is_placed_and_released_in_one_short_line_each(words: str, keep: Keep) -> None:
    with keep.opened() as vault:
        for matter, reason in ((words, "a letter"), ("a matter", words)):
            with pytest.raises(UsageError, match="one line of at most 200 characters"):
                place(vault, matter, HoldRule(), PERSON, reason, AT, os.urandom)
        hold = place(vault, "m" * 200, HoldRule(), PERSON, "r" * 200, AT, os.urandom).hold
        with pytest.raises(UsageError, match="one line of at most 200 characters"):
            release(vault, hold.id, PERSON, words, AT)


def test_nothing_is_taken_out_into_the_vault_itself(keep: Keep, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(keep.root / "tmp")
    identities = load_identities(keep.base / "identity.age", lambda: "")
    with keep.opened() as vault:
        archive = get_archive(vault.catalogue, keep.archives[0])
        assert archive is not None
        before = sorted(keep.root.rglob("*"))
        for folder in (keep.root, keep.root / "tmp", keep.root / "keys" / ".." / "tmp", tmp_path / "link"):
            for act in (
                lambda to: restore(vault, archive, identities, to),
                lambda to: restore_members(vault, archive, identities, to),
                lambda to: export_keys(vault, KeyExport((archive.id,), (), to), identities, os.urandom, AT),
                lambda to: hand_to(keep, to),
                lambda to: require_outside(vault, to),
            ):
                with pytest.raises(UsageError, match=r"inside the vault|no members"):
                    act(folder / "x")
        assert sorted(keep.root.rglob("*")) == before
        require_outside(vault, keep.base / "vault-beside" / "x")
        require_outside(vault, tmp_path)


def test_a_package_names_an_account_by_the_former_name_of_its_source(keep: Keep) -> None:
    source = SourceSettings("now", "zavu", SecretRef.parse("env:KEY"))
    with keep.opened() as vault:
        with vault.catalogue.transaction():
            add_entry(vault.catalogue, Entry("source.renamed", AT, facts={"from": "old", "to": "middle"}))
            add_entry(vault.catalogue, Entry("source.renamed", AT, facts={"from": "middle", "to": source.name}))
        issuer = issuer_of(replace(keep.config, sources=(source,)), vault)
    for name in ("old", "middle"):
        assert issuer.account(name) == f"{issuer.account(source.name)}, formerly named {name}"
    assert issuer.account("other") == "other (not in the configuration)"


def test_the_segment_of_an_archive_goes_along_and_is_compared_with_the_log(keep: Keep, tmp_path: Path) -> None:
    with keep.opened() as vault:
        identities = load_identities(keep.base / "identity.age", lambda: "")
        archives = [found for each in keep.archives if (found := get_archive(vault.catalogue, each)) is not None]
        list(build_segments(vault, archives, identities, ticking(), IndexProgress()))
        segments = [vault.layout.segment(each.id) for each in archives]
        segments[0].write_bytes(b"damaged")  # it is left out, and the package is whole without it
    package = hand_to(keep, keep.base / "searched").path
    there = [package / "archives" / each.id / "segment.idx.age" for each in archives]
    assert [path.exists() for path in there] == [False, *(True for _each in archives[1:])]
    assert there[1].read_bytes() == segments[1].read_bytes()
    assert codes(lone(keep, package, tmp_path)) == []
    shutil.rmtree(tmp_path / "elsewhere")
    shutil.copy(there[1], there[0])  # that of another archive
    there[1].write_bytes(there[1].read_bytes()[:-1])
    sum_anew(package)
    assert codes(lone(keep, package, tmp_path)) == ["segment", "segment"]
