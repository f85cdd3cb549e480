"""A CSV is compressed before it is sealed, and every way back gives the delivered bytes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import replace

from kit.sealed_vault import JSON_SHAPE, House, as_csv, as_zip, message
from strongroom.age.keys import X25519Identity
from strongroom.age.reader import SealedReader
from strongroom.age.writer import seal_bytes
from strongroom.engine.access.content import check_content
from strongroom.engine.access.fixity import check_fixity
from strongroom.engine.access.restore import restore, restore_members
from strongroom.engine.worker.compression import WINDOW, Unpacked, make_encoder, open_clear
from strongroom.model.archive import Archive, Holding, Seal
from strongroom.model.errors import SealError, UsageError
from strongroom.model.provider import Container
from strongroom.vault.archives import get_archive
from strongroom.vault.manifest import read_manifest, write_manifest

RECORDS = [message(number, text=hashlib.sha256(b"%d" % number).hexdigest()) for number in range(20_000)]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.vault.close()


def restored(house: House, archive: Archive) -> bytes:
    return restore(house.vault, archive, house.identities, house.base / "out").paths[0].read_bytes()


@pytest.mark.parametrize("make", [
    lambda: as_csv(RECORDS), lambda: as_csv([]), lambda: "id;at\r\n1;2026-03-01T10:00:00Z\r\nè;\n".encode("utf-16"),
], ids=["large", "header", "utf-16"])  # fmt: skip
def test_a_csv_comes_back_byte_for_byte(house: House, make: Callable[[], bytes]) -> None:
    data = make()
    archive = house.seal(data)
    assert archive.inspection.sound
    assert (archive.seal.coding, archive.seal.size) == ("zstd", len(data))
    assert archive.inspection.members[0].size == len(data)
    assert get_archive(house.vault.catalogue, archive.id) == archive
    assert restored(house, archive) == data
    assert check_fixity(house.vault, archive) == []
    assert check_content(house.vault, archive, house.identities) == []


def test_a_csv_takes_less_room_and_a_zip_is_left_alone(house: House) -> None:
    archive = house.seal(as_csv(RECORDS))
    assert archive.inspection.records == len(RECORDS)
    assert archive.seal.sealed_size < 0.7 * archive.seal.size
    data = as_zip(messages=RECORDS[:9])
    zipped = house.seal(data, (JSON_SHAPE,), Container.ZIP_OF_JSON)
    assert (zipped.seal.coding, zipped.seal.size) == ("", len(data))
    assert zipped.seal.sealed_size > len(data)
    assert b"coding" not in house.vault.layout.manifest(zipped.id).read_bytes()


@pytest.mark.parametrize("data", [as_csv(RECORDS[:5]) + b"a,b\n", b""], ids=["ragged", "empty"])
def test_an_unsound_csv_is_kept_as_it_came(house: House, data: bytes) -> None:
    archive = house.seal(data)
    assert archive.holding is Holding.QUARANTINED
    assert restored(house, archive) == data


def test_a_csv_has_no_members(house: House) -> None:
    archive = house.seal(as_csv(RECORDS[:5]))
    with pytest.raises(UsageError, match="no members"):
        restore_members(house.vault, archive, house.identities, house.base / "folder")


@pytest.mark.skipif(not shutil.which("age") or not shutil.which("zstd"), reason="the stock tools are not installed")
def test_stock_tools_open_it(house: House) -> None:
    data = as_csv(RECORDS[:2_000])
    archive = house.seal(data)
    key, payload = house.vault.key_path(archive), house.vault.payload_path(archive)
    line = 'age -d -i <(age -d -i "$0" "$1") "$2" | zstd -d'
    command = ["bash", "-c", f"set -o pipefail; {line}", house.base / "identity.age", key, payload]
    assert subprocess.run(command, capture_output=True, check=True, timeout=60).stdout == data


IDENTITY = X25519Identity.generate(os.urandom)


def unpack(packed: bytes, size: int, coding: str = "zstd") -> Unpacked | SealedReader:
    sealed = SealedReader(io.BytesIO(seal_bytes(packed, [IDENTITY.recipient], os.urandom)), [IDENTITY])
    return open_clear(sealed, Seal(size, 0, "", "", "x", coding))


def read_all(reader: Unpacked | SealedReader) -> bytes:
    parts = []
    while part := reader.read(1 << 16):
        parts.append(part)
    return b"".join(parts)


def pack(data: bytes) -> bytes:
    encoder = make_encoder("zstd")
    return encoder.compress(data) + encoder.flush()


DATA = os.urandom(200_000) + bytes(300_000)


def test_it_can_be_read_again_from_the_beginning_only() -> None:
    reader = unpack(pack(DATA), len(DATA))
    assert reader.read(10) == DATA[:10]
    assert reader.seek(0) == 0
    assert read_all(reader) == DATA
    assert reader.read(1) == b""
    assert reader.seek(0) == 0
    assert read_all(reader) == DATA
    for offset, whence in ((5, os.SEEK_SET), (0, os.SEEK_END), (0, os.SEEK_CUR)):
        with pytest.raises(io.UnsupportedOperation):
            reader.seek(offset, whence)


@pytest.mark.parametrize("make", [
    lambda: pack(DATA)[:-9_000], lambda: pack(DATA[:-1]), lambda: pack(DATA + b"x"),
    lambda: pack(DATA + bytes(1 << 30)),  # made here alone: a gigabyte at import was one in every worker
    lambda: b"", lambda: b"id,at\n", lambda: DATA, lambda: pack(DATA)[:1000] + b"\xff" + pack(DATA)[1001:],
], ids=range(8))  # fmt: skip
def test_what_unpacks_to_other_bytes_is_refused(make: Callable[[], bytes]) -> None:
    damaged = unpack(make(), len(DATA))
    with pytest.raises(SealError):
        assert read_all(damaged) == DATA
        raise SealError("the same bytes")


def test_a_stream_that_wants_much_memory_is_refused() -> None:
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=False)
    machine = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    packed = machine.compress(DATA * 60) + machine.flush()
    assert len(DATA) * 60 > WINDOW
    with pytest.raises(SealError, match="not to a valid zstd"):
        read_all(unpack(packed, len(DATA) * 60))


def test_an_unknown_coding_is_told(house: House) -> None:
    archive = house.seal(as_csv(RECORDS[:2]))
    odd = replace(archive, seal=replace(archive.seal, coding="lz9"))
    with pytest.raises(SealError, match="lz9"):
        restore(house.vault, odd, house.identities, house.base / "out")
    assert [fault.code for fault in check_content(house.vault, odd, house.identities)] == ["content"]
    assert not (house.base / "out").exists()


def test_a_wrong_size_of_a_plain_archive_is_refused() -> None:
    with pytest.raises(SealError, match="read back 5 bytes"):
        unpack(b"abcde", 6, "")


def test_the_manifest_tells_what_is_needed_to_read_it_again_and_nothing_else(house: House) -> None:
    archive = house.seal(as_csv(RECORDS[:2]))
    told = json.loads(write_manifest(archive))
    assert told["sealed"]["coding"] == "zstd"
    assert told["members"][0]["dialect"] == "delimiter=comma quote=double newline=lf encoding=utf-8"
    assert "rows" not in told["expected"]
    announced = replace(archive, expectation=replace(archive.expectation, rows=2))
    assert read_manifest(write_manifest(announced)) == announced
    zipped = house.seal(as_zip(messages=RECORDS[:2]), (JSON_SHAPE,), Container.ZIP_OF_JSON)
    text = write_manifest(zipped)
    assert not [word for word in (b"coding", b"dialect", b"rows") if word in text]
    assert read_manifest(text) == zipped
