"""The payload: chunks of 64 KiB under a nonce that counts them and marks the last, so none can be cut, moved or added.

age v1 specification, "Payload". Every chunk but the last is full; the last is empty only when the whole payload is.

The intake: reads the header off the front of any source and keeps the bytes that were read too far.

The reader: any part of a sealed file, decrypting only the chunks needed. Nothing unauthenticated gets out.

The size is believed only because the last chunk authenticates as the last one at exactly that place.

The stream: a sealed file read once from front to back, where seeking is not possible. Each chunk is verified first.

A damaged or cut file shows only when its damage is reached: what came before it was authentic but is not the whole, so
a caller must throw away what it made of it when the stream raises.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from strongroom.age.header import find_end, parse_header, unlock_header
from strongroom.age.keys import Identity
from strongroom.age.stanza import HeaderRefused, PayloadDamaged, derive
from strongroom.model.errors import SealError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


CHUNK = 64 * 1024  # bytes of clear text in a full chunk
TAG = 16
SEALED_CHUNK = CHUNK + TAG
PAYLOAD_NONCE = 16


def payload_cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    """Return the cipher for one file's chunks; `nonce` is the 16 bytes between header and chunks."""
    return ChaCha20Poly1305(derive(file_key, nonce, b"payload"))


def chunk_nonce(index: int, *, last: bool) -> bytes:
    """Return the 12-byte nonce of a chunk: its index in 11 bytes, big-endian, and a flag for the last."""
    return (index << 8 | last).to_bytes(12, "big")


def chunk_count(size: int) -> int:
    """Return how many chunks a clear text of `size` bytes has: at least one."""
    return max(1, -(-size // CHUNK))


def sealed_payload_size(size: int) -> int:
    """Return the bytes that follow the header of a sealed file with `size` bytes of clear text."""
    return PAYLOAD_NONCE + size + TAG * chunk_count(size)


_BLOCK = 4096


class ByteSource(Protocol):
    """Bytes in order: a file, a pipe, a BytesIO. It blocks until there are some; 0 means the end."""

    def readinto(self, buffer: bytearray | memoryview, /) -> int | None:
        """Put up to len(buffer) bytes into the buffer and return how many."""
        ...


class Intake:
    """A source being read from its front. Short reads are healed; the source stays open."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._rest = memoryview(b"")
        self.taken = 0  # bytes handed out so far

    def unlock(self, identities: Sequence[Identity]) -> ChaCha20Poly1305:
        """Read and open the header and the nonce; what is left are the chunks.

        Raises HeaderRefused, NoMatch, MacMismatch.
        """
        file_key = unlock_header(parse_header(self._take_header()), identities)
        nonce = bytearray(PAYLOAD_NONCE)
        if self.fill(memoryview(nonce)) < PAYLOAD_NONCE:
            raise HeaderRefused("the file ends right after its header", hint="it was cut off; take another copy")
        return payload_cipher(file_key, bytes(nonce))

    def fill(self, view: memoryview) -> int:
        """Fill the view from the source and return how many bytes there were: fewer only at the end."""
        kept = min(len(view), len(self._rest))
        view[:kept] = self._rest[:kept]
        self._rest = self._rest[kept:]
        count = kept + fill(self._source, view[kept:])
        self.taken += count
        return count

    def _take_header(self) -> bytes:
        held, block = bytearray(), memoryview(bytearray(_BLOCK))
        while (end := find_end(held)) is None:
            count = _read(self._source, block)
            if not count:
                raise HeaderRefused("the file ends within its header", hint="it was cut off; take another copy")
            held += block[:count]
        self._rest = memoryview(bytes(held[end:]))
        self.taken += end
        return bytes(held[:end])


def fill(source: ByteSource, view: memoryview) -> int:
    """Fill the view from a source, healing short reads, and return the number of bytes: fewer only at the end."""
    done = 0
    while done < len(view) and (count := _read(source, view[done:])):
        done += count
    return done


def _read(source: ByteSource, view: memoryview) -> int:
    count = source.readinto(view)
    if count is None:
        raise BlockingIOError("the source of a sealed file must be one that blocks")
    return count


_HINT = "the file is damaged; take another copy"


class SeekableSource(ByteSource, Protocol):
    """A source that can be read anywhere, such as a file opened with `buffering=0`."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new place counted from the start."""
        ...


class SealedReader(io.RawIOBase):
    """The clear text of an age file, as a file. Not for two threads at once.

    Opening authenticates the header and the last chunk. The reader owns the file's position but does not close the
    file. A read fills its buffer as far as the clear text goes, and stops before a damaged chunk; the read that begins
    there raises PayloadDamaged.

    Where the file turns out to be damaged, `spare` is asked once for another that has the bytes it should have.
    """

    def __init__(
        self,
        file: SeekableSource,
        identities: Sequence[Identity],
        spare: Callable[[], SeekableSource | None] = lambda: None,
    ) -> None:
        """Open at the file's beginning; raises HeaderRefused, NoMatch, MacMismatch, PayloadDamaged."""
        super().__init__()
        self._plain = memoryview(bytearray(CHUNK))
        self._identities, self._spare = identities, spare
        self._at = 0
        try:
            self._begin(file)
        except (SealError, OSError):
            if not self._take_spare():
                raise

    def _begin(self, file: SeekableSource) -> None:
        file.seek(0)
        intake = Intake(file)
        self._cipher = intake.unlock(self._identities)
        self._file = file
        self._start = intake.taken
        self._place = -1  # the file's position, -1 when not known
        self._sealed = memoryview(bytearray(SEALED_CHUNK))
        self._held = -1  # index of the chunk whose clear text is in _plain
        payload = file.seek(0, io.SEEK_END) - self._start
        self._chunks = max(1, -(-payload // SEALED_CHUNK))
        self.size = payload - self._chunks * TAG  # bytes of clear text
        self._require_last()

    def _take_spare(self) -> bool:
        """Go on with the other file, at the same place; return False where there is none, or it was taken already."""
        spare, self._spare = self._spare, lambda: None
        other = spare()
        if other is None:
            return False
        self._begin(other)
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer from the present position and return the number of bytes: fewer only at the end or at damage.

        Raises PayloadDamaged when the chunk at the position itself does not authenticate.
        """
        self._require_open()
        view, done = memoryview(buffer).cast("B"), 0
        while done < len(view) and self._at < self.size:
            try:
                count = self._read_chunk(view[done:])
            except PayloadDamaged:
                if not done:
                    raise
                break
            done += count
            self._at += count
        return done

    def readall(self) -> bytes:
        """Return all that is left; raise PayloadDamaged when any of it does not authenticate."""
        data = bytearray(max(0, self.size - self._at))
        view, done = memoryview(data), 0
        while count := self.readinto(view[done:]):
            done += count
        return bytes(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place in the clear text and return it; beyond the end is allowed and reads as nothing."""
        self._require_open()
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}
        if whence not in bases or bases[whence] + offset < 0:
            raise ValueError(f"cannot seek to {offset} (whence {whence})")
        self._at = bases[whence] + offset
        return self._at

    def tell(self) -> int:
        """Return the position in the clear text."""
        self._require_open()
        return self._at

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def close(self) -> None:
        """Overwrite the clear text held and refuse further reads; the file below stays open."""
        if not self.closed:
            self._plain[:] = bytes(CHUNK)
        super().close()

    def _read_chunk(self, view: memoryview) -> int:
        index, offset = divmod(self._at, CHUNK)
        length = self._length(index)
        if index != self._held and not offset and len(view) >= length:
            self._decrypt(index, view[:length])
            return length
        if index != self._held:
            self._held = -1
            self._decrypt(index, self._plain[:length])
            self._held = index
        count = min(length - offset, len(view))
        view[:count] = self._plain[offset : offset + count]
        return count

    def _decrypt(self, index: int, target: memoryview) -> None:
        try:
            self._decrypt_here(index, target)
        except (PayloadDamaged, OSError):
            if not self._take_spare():
                raise
            self._decrypt_here(index, target)

    def _decrypt_here(self, index: int, target: memoryview) -> None:
        sealed = self._sealed[: len(target) + TAG]
        self._fetch(index, sealed)
        nonce = chunk_nonce(index, last=index == self._chunks - 1)
        try:
            self._cipher.decrypt_into(nonce, sealed, None, target)
        except InvalidTag:
            # The cipher has already written what it decrypted; nobody may see it.
            target[:] = bytes(len(target))
            raise PayloadDamaged(f"chunk {index + 1} of {self._chunks} does not authenticate", hint=_HINT) from None

    def _fetch(self, index: int, sealed: memoryview) -> None:
        place = self._start + index * SEALED_CHUNK
        if place != self._place:
            self._file.seek(place)
        self._place = -1
        if fill(self._file, sealed) < len(sealed):
            raise PayloadDamaged("the file has become shorter while it was read", hint=_HINT)
        self._place = place + len(sealed)

    def _length(self, index: int) -> int:
        return CHUNK if index < self._chunks - 1 else self.size - index * CHUNK

    def _require_last(self) -> None:
        index = self._chunks - 1
        length = self._length(index)
        if length < 0:
            raise PayloadDamaged("the file ends within a chunk", hint=_HINT)
        if not length and index:
            raise PayloadDamaged("the last chunk is empty although others come before it", hint=_HINT)
        try:
            self._decrypt_here(index, self._plain[:length])
        except PayloadDamaged:
            raise PayloadDamaged(
                "the file does not end with its last chunk: it was cut, or its end altered", hint=_HINT
            ) from None
        self._held = index

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("this sealed file is closed")


_STREAM_HINT = "the file is damaged or cut off; throw away what was read and take another copy"


def open_stream(source: ByteSource, identities: Sequence[Identity]) -> Iterator[bytes]:
    """Open the header now, and return an iterator of verified clear text in pieces of up to 64 KiB.

    Raises HeaderRefused, NoMatch or MacMismatch at once; the iterator raises PayloadDamaged, and ends normally only
    after the last chunk and the end of the source. The source stays open.
    """
    intake = Intake(source)
    return _open_chunks(intake, intake.unlock(identities))


def _open_chunks(intake: Intake, cipher: ChaCha20Poly1305) -> Iterator[bytes]:
    buffer = memoryview(bytearray(SEALED_CHUNK))
    index, last = 0, False
    while not last:
        sealed = buffer[: intake.fill(buffer)]
        plain, last = _open_chunk(cipher, index, sealed)
        if plain:
            yield plain
        index += 1
    if intake.fill(buffer[:1]):
        raise PayloadDamaged("bytes follow the last chunk", hint=_STREAM_HINT)


def _open_chunk(cipher: ChaCha20Poly1305, index: int, sealed: memoryview) -> tuple[bytes, bool]:
    """Return the clear text and whether this is the last chunk; only a full one can be either."""
    if index and len(sealed) == TAG:
        raise PayloadDamaged("the last chunk is empty although others come before it", hint=_STREAM_HINT)
    for last in (False, True) if len(sealed) == SEALED_CHUNK else (True,):
        try:
            return cipher.decrypt(chunk_nonce(index, last=last), sealed, None), last
        except InvalidTag:
            continue
    if len(sealed) < TAG:
        raise PayloadDamaged("the file ends without its last chunk", hint=_STREAM_HINT)
    raise PayloadDamaged(f"chunk {index + 1} does not authenticate", hint=_STREAM_HINT)
