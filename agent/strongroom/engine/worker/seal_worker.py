"""The sealing process: seals one file, reads it back from the disk, and reports what is in it; then makes its segment.

The request comes as one line on the control pipe; the payload comes on standard input and is complete only when a
`finish` line follows on the control pipe. Without it everything written is removed, so an engine that died never leaves
a file that looks complete.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import queue
import threading
from collections.abc import Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from msgspec.structs import replace

from strongroom.age.identity_file import ArchiveKey, write_archive_key
from strongroom.age.keys import X25519Identity, X25519Recipient
from strongroom.age.reader import SealedReader
from strongroom.age.stanza import POINT
from strongroom.age.writer import SealedWriter, open_bytes, seal_bytes
from strongroom.engine.worker.compression import Unpacked, coding_for, decoder, make_encoder, open_delivered
from strongroom.engine.worker.lifetime import SEALER_CPU, CpuGrant
from strongroom.engine.worker.parse_worker import NICENESS, ForkedParser, forked_parser
from strongroom.engine.worker.protocol import (
    FINISH,
    Durable,
    Failed,
    Family,
    Indexed,
    Progress,
    SealRequest,
    Verified,
    WorkerReply,
    decode_request,
    encode,
)
from strongroom.engine.worker.segment_thread import SegmentThread
from strongroom.formats.compression import Gunzipped, judge_coded
from strongroom.formats.inspect import inspect_container
from strongroom.formats.pipe import ParserLost, PipedSink
from strongroom.model.archive import Seal
from strongroom.model.content_coding import OPENING, detect_coding
from strongroom.model.errors import SealError, StrongroomError, VaultError, WorldError
from strongroom.vault.durable import Flusher, create_in_vault, flush, in_words, remove, write_all
from strongroom.vault.files import create_descriptor, open_file, read_file

AHEAD = 8  # chunks that may wait for the hashing thread
BLOCK = 256 << 10  # bytes read at once; a quarter of the pipe, so that the engine never waits for an empty one
LONGEST_LINE = 1 << 20
_CHECK = "check the disk"


class HashThread:
    """Hashes the chunks it is given, in order. A context manager; chunks must not change afterwards."""

    def __init__(self) -> None:
        self._chunks: queue.Queue[bytes | memoryview | None] = queue.Queue(AHEAD)
        self._hash = hashlib.sha256()
        self._thread = threading.Thread(target=self._run, name="digest", daemon=True)

    def __enter__(self) -> HashThread:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread.is_alive():
            self._chunks.put(None)
            self._thread.join()

    def update(self, chunk: bytes | memoryview) -> None:
        """Take the next chunk; waits while too many are queued, so that memory stays bounded."""
        self._chunks.put(chunk)

    def result(self) -> bytes:
        """Wait for everything given so far and return the digest, 32 bytes. Nothing may follow."""
        self._chunks.put(None)
        self._thread.join()
        return self._hash.digest()

    def _run(self) -> None:
        while (chunk := self._chunks.get()) is not None:
            self._hash.update(chunk)


class Abandoned(Exception):
    """The engine ended or gave up: nothing may remain."""


class _Sink:
    """The sealed file: counts and hashes what is written, in this thread; the content is hashed in its own."""

    def __init__(self, fd: int, flusher: Flusher) -> None:
        self.fd = fd
        self.size = 0
        self.sha256 = hashlib.sha256()
        self._flusher = flusher

    def write(self, data: bytes | memoryview) -> int:
        write_all(self.fd, data)
        self.sha256.update(data)
        self.size += len(data)
        self._flusher.wrote(len(data))
        return len(data)


def prepare() -> None:
    """Do once what libraries prepare at the first use, with a key of zeros that protects nothing: every fork has it."""
    identity = X25519Identity(bytes(POINT))
    open_bytes(seal_bytes(b"rehearsal", [identity.recipient], bytes), [identity])
    "name".encode("cp437")  # of members in a ZIP


def main() -> int:
    """Seal one file. Returns 0 when the outcome was reported to the engine."""
    control, payload, replies = BufferedReader(FileIO(3, "rb")), FileIO(0, "rb"), FileIO(1, "wb")
    try:
        _work(decode_request(_read_line(control)), control, payload, replies)
    except (Abandoned, BrokenPipeError):
        return 1
    except ParserLost as error:
        _report(replies, Family.WORKER, error)
    except StrongroomError as error:
        _report(replies, Family.WORLD if isinstance(error, WorldError) else Family.SEAL, error)
    except OSError as error:
        _report(replies, Family.WORLD, in_words(error))
    return 0


def _report(replies: BinaryIO, family: Family, error: StrongroomError) -> None:
    replies.write(encode(WorkerReply(failed=Failed(family, error.message, error.hint))))


def _work(request: SealRequest, control: BinaryIO, payload: BinaryIO, replies: BinaryIO) -> None:
    emits = bool(request.segment_path)
    with forked_parser(request.expectation, request.caps, emits=emits) as parser:  # forked before there is a key
        key = ArchiveKey(request.archive, os.urandom(32), X25519Identity.generate(os.urandom))
        try:
            _write_key(request, key)
            seal = _seal(request, key, control, payload)
        except BaseException:
            for path in (request.payload_path, request.key_path):
                remove(Path(path))
            raise
        replies.write(encode(WorkerReply(durable=Durable(seal))))
        with open_file(Path(request.payload_path)) as sealed:  # the same file once the engine gave it its name
            verified = _read_back(request, key, seal, parser.sink, replies, sealed)
            replies.write(encode(WorkerReply(verified=verified)))
            if emits and verified.inspection.sound:
                indexed = _make_segment(request, key, verified, parser, replies, sealed)
                replies.write(encode(WorkerReply(indexed=indexed)))


def _make_segment(
    request: SealRequest,
    key: ArchiveKey,
    verified: Verified,
    parser: ForkedParser,
    replies: BinaryIO,
    sealed: FileIO,
) -> Indexed:
    """Read the archive once more for its search segment, after everything that somebody waits for."""
    parser.yield_cpu()
    os.nice(NICENESS)
    thread = SegmentThread(Path(request.segment_path), request.archive, key.identity.recipient, parser)
    thread.begin()
    try:
        parser.sink.watch()
        again = _read_back(request, key, verified.seal, parser.sink, replies, sealed).inspection
    except (StrongroomError, OSError) as error:
        thread.finish(None)
        return Indexed(None, str(error))
    same = again.members == verified.inspection.members
    thread.finish(again.records if same else None)
    return Indexed(thread.segment, thread.fault if same else "the archive read a second time has other records")


def _read_back(
    request: SealRequest, key: ArchiveKey, seal: Seal, sink: PipedSink, replies: BinaryIO, sealed: FileIO
) -> Verified:
    sealed.seek(0)
    reader = open_delivered(SealedReader(sealed, [key.identity]), seal)
    watched = _Watched(reader, seal.size, replies)
    clear = decoder(watched, seal, request.caps)
    inspection = inspect_container(clear or watched, request.expectation, request.caps, sink)
    watched.read_rest()
    if clear is None:
        return Verified(inspection, seal)
    seal = _decoded(seal, clear, key.salt)
    return Verified(
        judge_coded(inspection, request.expectation.size, seal.size, seal.decoded_size, seal.delivered_coding), seal
    )


def _decoded(seal: Seal, clear: Gunzipped, salt: bytes) -> Seal:
    """Return the seal with size and digest of the decoded file, where all of it could be decoded."""
    if clear.size is None:
        return seal
    digest = hmac.new(salt, clear.sha256, hashlib.sha256).hexdigest()
    return replace(seal, decoded_size=clear.size, decoded_digest=digest)


def _write_key(request: SealRequest, key: ArchiveKey) -> None:
    recipients = [X25519Recipient.parse(text) for text in request.recipients]
    sealed = seal_bytes(write_archive_key(key), recipients, os.urandom)
    path = Path(request.key_path)
    create_in_vault(path, sealed)
    if read_file(path) != sealed:
        raise VaultError(f"the key file {path.name} read back from the disk differs from what was written", hint=_CHECK)


def _seal(request: SealRequest, key: ArchiveKey, control: BinaryIO, payload: BinaryIO) -> Seal:
    fd = create_descriptor(Path(request.payload_path))
    try:
        with HashThread() as digest, Flusher(fd) as flusher:
            sink = _Sink(fd, flusher)
            opening = _read_opening(payload)
            coding = coding_for(request.expectation.container, opening)
            writer, encoder = SealedWriter(sink, [key.identity.recipient], os.urandom), make_encoder(coding)
            size, grant = 0, CpuGrant(0, SEALER_CPU)
            for chunk in _chunks(opening, payload):
                grant.give(len(chunk))
                digest.update(chunk)
                writer.write(encoder.compress(chunk))
                size += len(chunk)
            if _read_line(control) != FINISH:
                raise Abandoned
            writer.write(encoder.flush())
            writer.finish()
            content = digest.result()
            flusher.settle()
        flush(fd)
    finally:
        os.close(fd)
    return Seal(
        size=size,
        sealed_size=sink.size,
        sealed_sha256=sink.sha256.hexdigest(),
        digest=hmac.new(key.salt, content, hashlib.sha256).hexdigest(),
        delivered_name=request.delivered_name,
        coding=coding,
        delivered_coding=detect_coding(opening),
    )


def _read_opening(payload: BinaryIO) -> bytes:
    """Return the first bytes of the file: at least a kilobyte, unless it is shorter."""
    opening = payload.read(BLOCK)
    while 0 < len(opening) < OPENING and (more := payload.read(BLOCK)):
        opening += more
    return opening


def _chunks(chunk: bytes, payload: BinaryIO) -> Iterator[bytes]:
    """Yield the whole file, beginning with the chunk that was read already."""
    while chunk:
        yield chunk
        chunk = payload.read(BLOCK)


def _read_line(control: BinaryIO) -> bytes:
    line = control.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise Abandoned
    return line


class _Watched:
    """The sealed file's content: reports to the engine how much was read, and remembers what was never read.

    Every chunk authenticates as it is read, so a file of which every chunk was read is the file that was sealed.
    """

    def __init__(self, reader: SealedReader | Unpacked, total: int, replies: BinaryIO) -> None:
        self._reader, self._total, self._replies = reader, total, replies
        self._done, self._reported, self._step = 0, 0, max(total // 50, 1 << 20)
        self._at = 0
        self._unread = [(0, total)] if total else []

    def readinto(self, buffer: memoryview) -> int:
        count = self._reader.readinto(buffer)
        self._mark(count)
        self._done += count
        if self._done - self._reported >= self._step:
            self._reported = self._done
            self._replies.write(encode(WorkerReply(progress=Progress(min(self._done, self._total), self._total))))
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = self._reader.seek(offset, whence)
        return self._at

    def read_rest(self) -> None:
        """Read what the inspection did not read."""
        block = memoryview(bytearray(BLOCK))
        for start, end in list(self._unread):
            if self._at != start:
                self.seek(start)
            while self._at < end and self.readinto(block[: end - self._at]):
                pass
        if self._unread:
            raise SealError("a part of the sealed file could not be read back", hint=_CHECK)

    def _mark(self, count: int) -> None:
        """Remove the bytes just read from what is unread."""
        start, end = self._at, self._at + count
        self._at = end
        rest = []
        for low, high in self._unread:
            if end <= low or high <= start:
                rest.append((low, high))
                continue
            rest += [(low, start)] if low < start else []
            rest += [(end, high)] if end < high else []
        self._unread = rest
