"""A package that was handed over."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from strongroom_verify.files import compare_file, file_sha256, parse_entry, read_plain, sha256
from strongroom_verify.findings import Report, Wrong
from strongroom_verify.log import Log, read_checkpoints
from strongroom_verify.notes import Checkpoint, Key
from strongroom_verify.tree import climb, goes_on

_FILES = {"payload.age": "sealed_sha256", "key.age": "key_sha256", "manifest.json": "manifest_sha256"}
_SEGMENT = "segment.idx.age"  # an archive may have none
_PARTS = {*_FILES, _SEGMENT, "custody.json", "custody.txt", "delivered", "decoded", "salt.txt"}
_PAPERS = {"README.txt", "package.json", "checkpoint.note", "checkpoint.tsr", "public-key.txt", "strongroom-verify.py"}

_ABOUT = ["The entries below come f", "requested from the provi", "checks each entry agains"]


def check_package(root: Path, keys: list[Key], outside: list[Path], report: Report) -> None:
    """Check a package that was handed over: each event of each archive by its proof, each file by the events."""
    package = json.loads(read_plain(root / "package.json"))
    archives = {each["id"]: each["events"] for each in package["archives"]}
    if not archives or not all(re.fullmatch("[0-9a-z]{26}", each) for each in archives):
        raise Wrong("archives", "package.json", "expected archives by their ids, found none or another name")
    report.findings += _strays(root, archives)
    keys_wanted = [f"archives/{each}/key.age" for each in archives]
    for name in ("README.txt", "SHA256SUMS", *keys_wanted):
        if not (root / name).is_file():
            report.findings.append(Wrong("missing", name, "every package has this file, and it is not there"))
    report.check("SHA256SUMS", partial(check_sums, root, report))
    own = Checkpoint.read(root / "checkpoint.note", keys)
    report.vouched = own.signed
    check_first(own, package["first"], "package.json")
    for old in read_checkpoints(outside, keys, report):
        report.check(old.where, partial(check_older, own, package["consistency"], old))
    for archive, count in archives.items():
        report.check(archive, partial(_check_handed, root / "archives" / archive, own, archive, count, package))
    report.unproven += [
        "that no event of an archive was left out, such as a newer key or hold: only the whole log can show that",
        "the words of README.txt and custody.txt: only number, time and kind of each event are proven",
    ]
    if package["recipients"]:
        report.unproven.append("that the keys, sealed again, open the payloads: open them to see")


def check_older(own: Checkpoint, proofs: dict[str, list[str]], other: Checkpoint) -> str:
    """Check that the log of a package goes on from a checkpoint that was kept elsewhere."""
    if own.origin.rpartition("/")[2] != other.origin.rpartition("/")[2]:
        raise Wrong("origin", other.where, "it is a checkpoint of another log")
    if other.size > own.size:
        raise Wrong("cut", other.where, f"expected at least {other.size} entries, the package's log has {own.size}")
    if other.size != own.size and str(other.size) not in proofs:
        raise Wrong("no-proof", other.where, f"the package has no proof from {other.size} entries on")
    if not goes_on(
        other.size, other.root, own.size, own.root, [bytes.fromhex(each) for each in proofs.get(str(other.size), [])]
    ):
        raise Wrong("root", other.where, f"its first {other.size} entries are not those of the package's log")
    return f"the package's log goes on from {other.words}"


def check_first(own: Checkpoint, first: dict[str, Any], where: str) -> None:
    """Check that the first entry is in the log of a checkpoint, whose origin names it."""
    check_event(own, {**first, "index": 0}, where)
    if own.origin.rpartition("/")[2] != sha256(first["line"].encode()).hex()[:16]:
        raise Wrong("origin", own.where, "the checkpoint is of a log that begins with another line")


def check_event(own: Checkpoint, event: dict[str, Any], where: str) -> dict[str, Any]:
    """Check that an entry is in the log of a checkpoint; return it."""
    line, index = event["line"].encode(), event["index"]
    nodes = climb(index, own.size - 1, [sha256(b"\0" + line)], [bytes.fromhex(each) for each in event["proof"]])
    if not 0 <= index < own.size or nodes != [own.root]:
        raise Wrong("inclusion", where, f"event {index + 1} is not in the log of {own.where}")
    return parse_entry(line, where)


def _strays(root: Path, archives: Iterable[str]) -> Iterable[Wrong]:
    folders = {"archives", *(f"archives/{each}" for each in archives)}
    files = {*_PAPERS, "SHA256SUMS", *(f"archives/{each}/{part}" for each in archives for part in _PARTS)}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        known = name in folders if path.is_dir() else path.is_file() and name in files
        if path.is_symlink() or not known:
            yield Wrong("stray", name, "it is not part of the package: nothing here proves it")


def check_sums(root: Path, report: Report) -> None:
    """Compare every file with SHA256SUMS, where there is one."""
    if (root / "SHA256SUMS").exists():
        lines = read_plain(root / "SHA256SUMS").decode().splitlines()
        listed = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        paths = [path for path in root.rglob("*") if path.is_file() and path != root / "SHA256SUMS"]
        found = {path.relative_to(root).as_posix(): file_sha256(path).hex() for path in paths}
        for name in sorted(name for name in {*listed, *found} if listed.get(name) != found.get(name)):
            report.findings.append(Wrong("sums", name, "it is not the file listed in SHA256SUMS"))


def _check_custody(path: Path, archive: str, rows: list[str]) -> None:
    """Compare custody.txt with what the proven events render to; the words after that are not in the log."""
    lines = read_plain(path).decode().split("\n")
    title, end = f"Chain of custody of archive {archive}", ["", "Each of these entries, byte for byte", ""]
    issuer = ["Organization: ", "Vault: ", "Signing key: ", "Source account: ", ""]
    parts = ["Stream ", "From ", ""]
    heads = [
        [title, "", *issuer, *parts, "", *_ABOUT, "", "Entry "],
        [title, "", *parts, "", "Entry "],
    ]  # 0.4, and before
    same = any(
        len(lines) == len(expected) and all(map(str.startswith, [line + "  " for line in lines], expected))
        for expected in ([*head, *rows, *end] for head in heads)
    )
    if not same or not "".join(lines).isprintable():
        raise Wrong("custody", f"{archive}/custody.txt", "it lists other events than those that are proven")


def _check_handed(folder: Path, own: Checkpoint, archive: str, count: int, package: dict[str, Any]) -> str:
    log, last, rows, events = Log(), -1, [], []
    for event in json.loads(read_plain(folder / "custody.json"))["events"]:
        body = check_event(own, event, f"{archive}/custody.json")
        if event["index"] <= last:  # or an older digest could be passed off as the newest
            raise Wrong("order", f"{archive}/custody.json", f"event {event['index'] + 1} comes after a later one")
        last = event["index"]
        log.learn(body)
        rows.append(f"{last + 1:>7}  {body['at']:<28}  {body['kind']}  ")
        events.append(f"{last + 1} {body['at']} {body['kind']}")
    if len(rows) != count:
        raise Wrong("cut", f"{archive}/custody.json", f"package.json lists {count} events, here are {len(rows)}")
    _check_custody(folder / "custody.txt", archive, rows)
    for name, fact in _FILES.items():
        if name != "key.age" or not package["recipients"]:  # a key file that was sealed anew is not the vault's
            newest = log.archives.get(archive, {}).get(fact)
            compare_file(folder / name, f"{archive}/{name}", newest, name.partition(".")[0])
    if (folder / _SEGMENT).exists():
        newest = log.archives.get(archive, {}).get("index_sha256")
        compare_file(folder / _SEGMENT, f"{archive}/{_SEGMENT}", newest, "segment")
    if (folder / "delivered").exists() or (folder / "decoded").exists():
        salt = bytes.fromhex(read_plain(folder / "salt.txt").decode())
        delivered = json.loads(read_plain(folder / "manifest.json"))["delivered"]
        for name, fact in (("delivered", "digest"), ("decoded", "decoded_digest")):
            path = folder / name
            if path.exists() and hmac.new(salt, file_sha256(path), hashlib.sha256).hexdigest() != delivered.get(fact):
                raise Wrong("delivered", f"{archive}/{name}", "these are not the bytes that the provider delivered")
    return f"archive {archive}: its files are those recorded by {own.words} in these events: {', '.join(events)}"
