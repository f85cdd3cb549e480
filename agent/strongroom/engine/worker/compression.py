"""The codings of an archive: ours before sealing (zstd for text), and the provider's (gzip or deflate).

Sealed text does not compress any more, so it is compressed before sealing; a ZIP is left as it came, and so is a file
that came with a coding. The digest is always that of the delivered bytes. `open_delivered` reads those, `open_clear`
the file without any coding. Stock tools undo both: `age -d … | zstd -d`, `age -d … | gunzip`.
"""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Protocol, cast

from strongroom.age.reader import SealedReader
from strongroom.formats.compression import Gunzipped
from strongroom.formats.plaintext import PlaintextReader
from strongroom.model.archive import Seal
from strongroom.model.content_coding import Coding, detect_coding
from strongroom.model.errors import SealError
from strongroom.model.inspection import Caps
from strongroom.model.provider import Container

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from zstandard import ZstdDecompressionReader

ZSTD = "zstd"
LEVEL = 3
WINDOW = 8 << 20  # bytes a decompressor may look back, and so its memory; level 3 needs 2 MiB
STEP = 64 * 1024  # bytes of the compressed stream read at once

_ADVICE = "use another copy of the vault, and check the disk"
_UPGRADE = "install a newer strongroom"


class Encoder(Protocol):
    """Takes the delivered bytes in order and returns what to seal."""

    def compress(self, data: bytes, /) -> bytes:
        """Return the next bytes to seal, perhaps none yet."""

    def flush(self) -> bytes:
        """Return the last bytes to seal."""


class _Plain:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def coding_for(container: Container, opening: bytes) -> str:
    """Return our coding for a file that begins so: bare text is compressed, a ZIP needs random access."""
    return "" if container in (Container.ZIP_OF_JSON, Container.BUNDLE) or detect_coding(opening) else ZSTD


def make_encoder(coding: str) -> Encoder:
    """Return what encodes one file. Raises SealError for an unknown coding."""
    if not coding:
        return _Plain()
    _require_known(coding)
    import zstandard  # slow to import, and most archives do not need it

    return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=False).compressobj()


class Unpacked(io.RawIOBase):
    """The delivered bytes of a compressed archive, in order, in bounded memory; `seek(0)` starts again.

    Raises SealError where they are not exactly as many as were delivered.
    """

    def __init__(self, packed: SealedReader, size: int) -> None:
        super().__init__()
        self._packed, self._at = packed, 0
        self._stream = _unpack(packed)
        self.size = size  # bytes as delivered

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer from the present position and return the number of bytes: 0 only at the end."""
        import zstandard

        try:
            count: int = self._stream.readinto(buffer)
        except zstandard.ZstdError as error:
            raise SealError("the archive decrypts, but not to a valid zstd stream", hint=_ADVICE) from error
        self._at += count
        if self._at > self.size or (not count and self._at < self.size and len(memoryview(buffer))):
            raise SealError(f"the archive does not decompress to the {self.size:,} bytes delivered", hint=_ADVICE)
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Start again; any other place raises io.UnsupportedOperation."""
        if offset or whence != os.SEEK_SET:
            raise io.UnsupportedOperation("a compressed archive is read in order")
        if self._at:
            self._stream, self._at = _unpack(self._packed), 0
        return 0

    def readable(self) -> bool:
        """Return True, which io.BufferedReader asks for."""
        return True


def open_clear(packed: SealedReader, seal: Seal) -> SealedReader | Unpacked | Gunzipped:
    """Return a reader of the file's own bytes, without any coding. Raises as `open_delivered`."""
    delivered = open_delivered(packed, seal)
    return decoder(delivered, seal, Caps()) or delivered


def decoder(delivered: PlaintextReader, seal: Seal, caps: Caps) -> Gunzipped | None:
    """Return a reader that undoes the content coding of the delivered bytes, or None where there is none.

    Raises SealError for an unknown coding.
    """
    if not seal.delivered_coding:
        return None
    return Gunzipped(delivered, caps, require_known_coding(seal.delivered_coding))


def require_known_coding(coding: str) -> Coding:
    """Return the content coding of this name. Raises SealError for an unknown one."""
    try:
        return Coding(coding)
    except ValueError:
        raise SealError(f"the archive has the unknown content coding {coding!r}", hint=_UPGRADE) from None


def open_delivered(packed: SealedReader, seal: Seal) -> SealedReader | Unpacked:
    """Return a reader of the delivered bytes at their start. Raises SealError when their number differs."""
    if seal.coding:
        _require_known(seal.coding)
        return Unpacked(packed, seal.size)
    if packed.size != seal.size:
        raise SealError(f"read back {packed.size:,} bytes, expected {seal.size:,}", hint=_ADVICE)
    return packed


def _unpack(packed: SealedReader) -> ZstdDecompressionReader:
    import zstandard

    packed.seek(0)
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    return decompressor.stream_reader(cast("IO[bytes]", packed), read_size=STEP, closefd=False)


def _require_known(coding: str) -> None:
    if coding != ZSTD:
        raise SealError(f"the archive has the unknown coding {coding!r}", hint=_UPGRADE)
