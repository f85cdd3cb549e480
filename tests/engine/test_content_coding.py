"""A file that came gzip-coded is sealed as it came; every reader gets the file, and both digests are checked."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.sealed_vault import CSV_SHAPE, JSON_SHAPE, House, as_csv, as_zip, message
from strongroom.age.identity_file import ArchiveKey
from strongroom.age.keys import X25519Identity
from strongroom.engine.access.browse import Browser
from strongroom.engine.access.compare import compare
from strongroom.engine.access.content import check_content, content_digest
from strongroom.engine.access.restore import restore, restore_members
from strongroom.formats.bundle import Bundle
from strongroom.model.archive import Archive, Holding
from strongroom.model.errors import SealError, VaultError
from strongroom.model.inspection import Bundled
from strongroom.model.provider import Container
from strongroom.vault.archives import get_archive
from strongroom.vault.manifest import read_manifest, write_manifest

RECORDS = [message(number, text=hashlib.sha256(b"%d" % number).hexdigest()) for number in range(300)]
CSV = as_csv(RECORDS)
ZIP = as_zip(messages=RECORDS)
PLAIN = {Container.CSV: (CSV, (CSV_SHAPE,)), Container.ZIP_OF_JSON: (ZIP, (JSON_SHAPE,))}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(tmp_path_factory.mktemp("house"))
    yield house
    house.vault.close()


def coded(data: bytes, members: int = 1) -> bytes:
    step = -(-len(data) // members)
    return b"".join(gzip.compress(data[at : at + step], mtime=0) for at in range(0, len(data), step))


def deflated(data: bytes, wbits: int) -> bytes:
    machine = zlib.compressobj(6, zlib.DEFLATED, wbits)
    return machine.compress(data) + machine.flush()


CODERS = {
    "gzip": coded,
    "gzip in members": lambda data: coded(data, 7),
    "deflate": lambda data: deflated(data, 15),
    "raw-deflate": lambda data: deflated(data, -15),
}


def codes(archive: Archive) -> set[str]:
    return {finding.code for finding in archive.inspection.findings}


@pytest.mark.parametrize("container", PLAIN)
@pytest.mark.parametrize("coder", CODERS)
def test_every_way_back_gives_the_file(house: House, tmp_path: Path, container: Container, coder: str) -> None:
    data, shapes = PLAIN[container]
    packed, coding = CODERS[coder](data), coder.split()[0]
    archive, plain = house.seal(packed, shapes, container), house.seal(data, shapes, container)
    seal, vault, identities = archive.seal, house.vault, house.identities
    assert archive.holding is Holding.HELD
    assert (seal.delivered_coding, seal.size, seal.decoded_size) == (coding, len(packed), len(data))
    assert (seal.coding, archive.inspection.members) == ("", plain.inspection.members)
    assert codes(archive) == {f"{coding.removeprefix('raw-')}-coded"}
    assert get_archive(vault.catalogue, archive.id) == archive
    restored = restore(vault, archive, identities, tmp_path)
    assert restored.paths[0].read_bytes() == data
    assert restored.paths[0].name == seal.delivered_name
    assert (restored.size, restored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert restored.coded == hashlib.sha256(packed).hexdigest()
    original = restore(vault, archive, identities, tmp_path, as_delivered=True)
    assert original.paths[0].read_bytes() == packed
    assert original.paths[0].name == f"{seal.delivered_name}.{'gz' if coding == 'gzip' else 'deflate'}"
    assert check_content(vault, archive, identities) == []
    assert compare(vault, plain, archive, identities, lambda size: bytes(size)).alike
    with Browser(vault, archive, identities) as browser:
        shelf = browser.read(290, 20)
        assert (len(shelf.records), shelf.records[-1]["text"]) == (10, RECORDS[-1]["text"])
        assert browser.read(0, 1).records[0]["text"] == RECORDS[0]["text"]
    if container is Container.ZIP_OF_JSON:
        restore_members(vault, archive, identities, tmp_path / "members")
        assert json.loads((tmp_path / "members" / "messages.json").read_text()) == RECORDS


def test_older_programs_refuse_its_manifest_and_others_stay_as_they_were(house: House) -> None:
    archive, plain = house.seal(coded(CSV)), house.seal(CSV)
    text, before = write_manifest(archive), write_manifest(plain)
    assert (json.loads(text)["format"], json.loads(before)["format"]) == (2, 1)
    assert read_manifest(text) == archive
    assert read_manifest(before) == plain
    assert set(json.loads(before)["delivered"]) == {"name", "size", "digest"}
    with pytest.raises(VaultError, match="format 3"):
        read_manifest(text.replace(b'"format": 2', b'"format": 3'))


@pytest.mark.parametrize("container", PLAIN)
@pytest.mark.parametrize(
    ("form", "code"),
    [("coded", "gzip-coded"), ("decoded", "gzip-coded"), ("neither", "size-mismatch"), (None, "gzip-coded")],
)
def test_the_announced_size_may_be_of_either_form(
    house: House, container: Container, form: str | None, code: str
) -> None:
    data, shapes = PLAIN[container]
    packed = coded(data)
    size = {"coded": len(packed), "decoded": len(data), "neither": len(data) - 1}.get(form or "")
    archive = house.seal(packed, shapes, container, size=size)
    assert code in codes(archive)
    assert (archive.holding is Holding.HELD) == (form != "neither")
    (words,) = (finding.message for finding in archive.inspection.findings if finding.code == code)
    assert form in (None, "neither") or f"the size of the {form} file" in words


CASES = {
    "cut": (lambda packed: packed[:-9], "gzip-truncated"),
    "cut in its trailer": (lambda packed: packed[:-1], "gzip-truncated"),
    "cut in its header": (lambda packed: packed[:7], "gzip-truncated"),
    "flipped": (lambda packed: packed[:900] + bytes([packed[900] ^ 255]) + packed[901:], "gzip-damaged"),
    "followed": (lambda packed: packed + b"<Error/>", "gzip-trailing-bytes"),
}


@pytest.mark.parametrize("container", PLAIN)
@pytest.mark.parametrize("name", CASES)
def test_what_is_not_whole_is_quarantined_as_it_came(
    house: House, tmp_path: Path, container: Container, name: str
) -> None:
    data, shapes = PLAIN[container]
    spoil, code = CASES[name]
    packed = spoil(coded(data))
    archive = house.seal(packed, shapes, container)
    assert archive.holding is Holding.QUARANTINED
    assert code in codes(archive)
    assert (archive.seal.decoded_size, archive.seal.decoded_digest) == (None, "")
    assert read_manifest(write_manifest(archive)) == archive
    restored = restore(house.vault, archive, house.identities, tmp_path, as_delivered=True)
    assert restored.paths[0].read_bytes() == packed
    with pytest.raises(SealError, match="cannot be removed") as caught:
        restore(house.vault, archive, house.identities, tmp_path)
    assert "--as-delivered" in caught.value.hint
    assert check_content(house.vault, archive, house.identities) == []


@pytest.mark.parametrize("wbits", [15, -15])
def test_a_deflate_coding_that_is_not_whole_is_quarantined(house: House, tmp_path: Path, wbits: int) -> None:
    packed = deflated(CSV, wbits)
    cases = {"deflate-truncated": packed[:-1], "deflate-trailing-bytes": packed + b"<Error/>"}
    if wbits > 0:  # bare deflate has no checksum
        cases["deflate-damaged"] = packed[:-4] + bytes(4)
    for code, delivered in cases.items():
        archive = house.seal(delivered)
        assert (archive.holding, archive.seal.decoded_size) == (Holding.QUARANTINED, None)
        assert code in codes(archive)
        path = restore(house.vault, archive, house.identities, tmp_path / code, as_delivered=True).paths[0]
        assert path.read_bytes() == delivered


def test_an_unsound_file_inside_a_sound_coding_is_judged_like_any_other(house: House, tmp_path: Path) -> None:
    archive = house.seal(coded(CSV[:-2]))
    assert archive.holding is Holding.QUARANTINED
    assert "csv-unterminated" in codes(archive)
    assert restore(house.vault, archive, house.identities, tmp_path).paths[0].read_bytes() == CSV[:-2]


def test_a_bomb_is_quarantined(house: House) -> None:
    archive = house.seal(coded(CSV + bytes(20 << 20)))
    assert archive.holding is Holding.QUARANTINED
    assert "gzip-bomb" in codes(archive)


def test_files_of_a_bundle_are_decoded_one_by_one(house: House, tmp_path: Path) -> None:
    more = as_csv([message(number) for number in range(4_000, 4_010)])
    parts = {"a.csv": CSV, "b.csv": more, "c.csv": more}
    packed = {"a.csv": coded(CSV, 3), "b.csv": more, "c.csv": deflated(more, 15)}
    sealed = bytearray()
    with Bundle(sealed.extend) as bundle:
        for name, content in packed.items():
            bundle.begin(name)
            bundle.write(content)
            bundle.end()
        bundle.finish()
    files = tuple(Bundled(name, "messages", Container.CSV, size=len(parts[name])) for name in parts)
    archive = house.seal(bytes(sealed), container=Container.BUNDLE, files=files)
    assert archive.holding is Holding.HELD
    assert {report.member: report.coding for report in archive.inspection.members} == {
        "a.csv": "gzip",
        "b.csv": "",
        "c.csv": "deflate",
    }
    assert archive.inspection.records == len(RECORDS) + 20
    assert json.loads(write_manifest(archive))["format"] == 2
    assert get_archive(house.vault.catalogue, archive.id) == archive
    restore_members(house.vault, archive, house.identities, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == parts
    with Browser(house.vault, archive, house.identities) as browser:
        assert len(browser.read(295, 50).records) == 25
    assert check_content(house.vault, archive, house.identities) == []
    wrong = (replace(files[0], size=9), *files[1:])
    assert "size-mismatch" in codes(house.seal(bytes(sealed), container=Container.BUNDLE, files=wrong))


def test_a_decoded_digest_that_is_another_is_found(house: House, tmp_path: Path) -> None:
    archive = house.seal(coded(CSV))
    forged = replace(archive, seal=replace(archive.seal, decoded_digest="0" * 64))
    (fault,) = check_content(house.vault, forged, house.identities)
    assert "decompressed file" in fault.message
    with pytest.raises(SealError, match="its content is not what was archived"):
        restore(house.vault, forged, house.identities, tmp_path)
    assert list(tmp_path.iterdir()) == []
    unknown = replace(archive, seal=replace(archive.seal, delivered_coding="brotli"))
    with pytest.raises(SealError, match="unknown co"):
        restore(house.vault, unknown, house.identities, tmp_path)


def test_a_digest_is_that_of_the_whole_content_wherever_the_reader_stands() -> None:
    key = ArchiveKey("0" * 26, b"s" * 32, X25519Identity.generate(os.urandom))
    content = os.urandom(300_000)
    wanted = hmac.new(key.salt, hashlib.sha256(content).digest(), hashlib.sha256).hexdigest()
    seen: list[int] = []
    for at in (0, 1, len(content)):
        reader = io.BytesIO(content)
        reader.seek(at)
        assert content_digest(reader, key, seen.append) == wanted  # type: ignore[arg-type]
    assert sum(seen) == 3 * len(content)
