"""Seal the chunks that the parsing process emits, in a thread beside the second reading of the archive.

Whatever goes wrong here costs the segment and never the archive: the pipe is read to its end, so that the parser is
never kept waiting, and the reason is reported.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from strongroom.age.keys import X25519Recipient
from strongroom.engine.worker.parse_worker import ForkedParser
from strongroom.engine.worker.segment_file import SegmentFile
from strongroom.engine.worker.segment_watch import DONE
from strongroom.model.archive import Segment
from strongroom.model.errors import StrongroomError
from strongroom.vault.durable import in_words
from strongroom.vault.files import open_file
from strongroom.vault.segments import sealed_fault

STEP = 256 << 10
MOST = 16  # bytes of a segment for each byte that was parsed, before it is compressed; folding may lengthen a text
SPARE = 64 << 20  # bytes that it may have in any case
END_WAIT = 60.0  # seconds for a parser to end its pipe, once it has answered about the last record


class SegmentThread:
    """Writes one segment. Call `begin`, then `finish` once all records were read."""

    def __init__(self, path: Path, archive: str, recipient: X25519Recipient, parser: ForkedParser) -> None:
        self._path, self._archive, self._recipient = path, archive, recipient
        self._parser = parser
        self._read = threading.Event()
        self._records: int | None = None  # of a file that was read as before
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="segment", daemon=True)
        self.segment: Segment | None = None
        self.fault = ""

    def begin(self) -> None:
        """Start to read the pipe."""
        self._thread.start()

    def finish(self, records: int | None) -> None:
        """Wait for the end of the pipe, and keep the segment of so many records; with None drop it.

        `segment` and `fault` say which. Raises nothing: an archive without a segment is an archive.
        """
        self._records = records
        self._read.set()
        self._parser.end()
        if not self._ended.wait(END_WAIT):
            self.fault = "the parsing process did not end its part of the segment"
            return
        self._thread.join()

    def _run(self) -> None:
        try:
            self._write()
        except (StrongroomError, ValueError) as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = in_words(error).message
        finally:
            self._drain()
            self._ended.set()

    def _write(self) -> None:
        with SegmentFile(self._path, self._archive, self._recipient) as file:
            size, last = 0, b""
            while block := os.read(self._parser.chunks, STEP):
                size += len(block)
                if size > SPARE + MOST * self._parser.fed:
                    raise ValueError("the parsing process emitted a segment without end")
                file.add(last)
                last = block
            self._read.wait()
            if self._records is None:
                return
            if not last.endswith(DONE):
                raise ValueError("the parsing process could not make the segment")
            file.add(last[: -len(DONE)])
            segment = file.finish(self._records)
        with open_file(self._path) as written:
            self.fault = sealed_fault(written, segment)
        self.segment = None if self.fault else segment

    def _drain(self) -> None:
        with suppress(OSError):  # the parser is gone, and its pipe with it
            while os.read(self._parser.chunks, STEP):
                pass
