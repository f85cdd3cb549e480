"""Turn a CSV's bytes into text: the byte-order mark decides, else UTF-8, else Windows-1252 as the last resort.

The last resort is taken at the first byte that is no UTF-8, and only where everything before it was ASCII, so that the
whole text has one encoding. Bytes that fit no reading are a fault: never replaced, never skipped.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from encodings.cp1252 import decoding_table  # at import: a locked-down reader can open no file to load a codec

from strongroom.formats.faults import Unreadable

UTF8, UTF8_BOM, LEGACY = "utf-8", "utf-8-bom", "windows-1252"

_HOLE = "\0" * 8
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)

_Decode = Callable[[bytes, str, bool], tuple[str, int]]
_MARKS: tuple[tuple[bytes, str, _Decode], ...] = (
    (codecs.BOM_UTF8, UTF8_BOM, codecs.utf_8_decode),
    (codecs.BOM_UTF16_LE, "utf-16-le-bom", codecs.utf_16_le_decode),
    (codecs.BOM_UTF16_BE, "utf-16-be-bom", codecs.utf_16_be_decode),
)


class TextDecoder:
    """Decodes one file, block by block. The first block must hold the whole byte-order mark, if there is one."""

    def __init__(self) -> None:
        self.encoding = ""  # known from the first block on; may still become LEGACY
        self._decode: _Decode = codecs.utf_8_decode
        self._ascii = True  # all text so far
        self._rest = b""  # the beginning of a character whose end is in the next block

    def decode(self, block: bytes, *, final: bool) -> str:
        """Return the block's text; raise Unreadable (csv-bad-encoding, csv-nul)."""
        if not self.encoding:
            block = self._read_mark(block)
        data = self._rest + block
        try:
            text, used = self._decode(data, "strict", final)
        except UnicodeDecodeError as error:
            text, used = self._fall_back(data, error)
        self._rest = data[used:]
        self._ascii = self._ascii and text.isascii()
        if _HOLE in text:
            words = f"the text holds {len(_HOLE)} or more NUL characters in a row: a hole where bytes are missing"
            raise Unreadable("csv-nul", words)
        return text

    def _read_mark(self, block: bytes) -> bytes:
        if block.startswith(_UTF32):
            raise Unreadable("csv-bad-encoding", "the text is UTF-32, which is not read; UTF-8 or UTF-16 was expected")
        for mark, name, decode in _MARKS:
            if block.startswith(mark):
                self.encoding, self._decode = name, decode
                return block[len(mark) :]
        self.encoding = UTF8
        return block

    def _fall_back(self, data: bytes, error: UnicodeDecodeError) -> tuple[str, int]:
        if self.encoding == UTF8 and self._ascii and data[: error.start].isascii():
            self.encoding, self._decode = LEGACY, _decode_legacy
            return _decode_legacy(data, "strict", True)
        raise Unreadable("csv-bad-encoding", f"the text is not {self.encoding}: {error.reason}") from error


def _decode_legacy(data: bytes, errors: str, _final: bool) -> tuple[str, int]:  # a codec's signature
    try:
        return codecs.charmap_decode(data, errors, decoding_table)
    except UnicodeDecodeError as error:
        raise Unreadable("csv-bad-encoding", "the text is neither UTF-8 nor Windows-1252") from error
