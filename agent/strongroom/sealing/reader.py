"""The reader: any part of a sealed file, decrypting only the chunks asked for. Nothing unauthenticated gets out.

The size is believed only because the last chunk authenticates as the last one at exactly that place.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from cryptography.exceptions import InvalidTag

from strongroom.sealing.identity import Identity
from strongroom.sealing.intake import Intake, Source, fill
from strongroom.sealing.payload import CHUNK, SEALED_CHUNK, TAG, chunk_nonce
from strongroom.sealing.refusal import PayloadDamaged

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_HINT = "the file is damaged; take another copy"


class SeekableSource(Source, Protocol):
    """A source that can be read anywhere, such as a file opened with `buffering=0`."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move, and return the new place counted from the start."""
        ...


class SealedReader(io.RawIOBase):
    """The clear text of an age file, as a file. Not for two threads at once.

    Opening authenticates the header and the last chunk. The reader owns the file's position but does not close the
    file. A read fills its buffer as far as the clear text goes, and stops before a damaged chunk; the read that begins
    there raises PayloadDamaged.
    """

    def __init__(self, file: SeekableSource, identities: Sequence[Identity]) -> None:
        """Open at the file's beginning; raises HeaderRefused, NoMatch, MacMismatch, PayloadDamaged."""
        super().__init__()
        self._plain = memoryview(bytearray(CHUNK))
        file.seek(0)
        intake = Intake(file)
        self._cipher = intake.unlock(identities)
        self._file = file
        self._start = intake.taken
        self._place = -1  # where the file stands, -1 when not known
        self._sealed = memoryview(bytearray(SEALED_CHUNK))
        self._held = -1  # index of the chunk whose clear text is in _plain
        self._at = 0
        payload = file.seek(0, io.SEEK_END) - self._start
        self._chunks = max(1, -(-payload // SEALED_CHUNK))
        self.size = payload - self._chunks * TAG  # bytes of clear text
        self._require_last()

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
            self._decrypt(index, self._plain[:length])
        except PayloadDamaged:
            raise PayloadDamaged(
                "the file does not end with its last chunk: it was cut, or its end altered", hint=_HINT
            ) from None
        self._held = index

    def _require_open(self) -> None:
        if self.closed:
            raise ValueError("this sealed file is closed")
