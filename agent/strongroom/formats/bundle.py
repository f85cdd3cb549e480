"""A bundle: the several files of one export in one ZIP, each stored as it came, written without ever going back.

The sizes follow each file (APPNOTE 4.3.9), in the wide form, because nobody knows them before. Names and dates of
the members are fixed by their order, so the same files always make the same bundle.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, cast

from strongroom.formats.zip_directory import find_hazard
from strongroom.model.inspection import Caps

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first date that a ZIP knows
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class Bundle:
    """Writes a bundle into a sink. For each file: `begin`, any number of `write`, `end`; then `finish`, once.

    A context manager: once it is left, nothing reaches the sink any more, finished or not.
    """

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._outlet = _Outlet(sink)
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._outlet), "w", zipfile.ZIP_STORED)
        self._member: IO[bytes] | None = None

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._outlet.shut()  # the ZIP writer ends its file whenever it is thrown away
        self.end()
        self._zip.close()

    def begin(self, name: str) -> None:
        """Start a file."""
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.external_attr = 0o600 << 16
        self._member = self._zip.open(entry, "w", force_zip64=True)

    def write(self, chunk: bytes) -> None:
        """Take the file's next bytes."""
        if self._member is None:
            raise ValueError("no file of the bundle has begun")
        self._member.write(chunk)

    def end(self) -> None:
        """End the file."""
        if self._member is not None:
            self._member.close()
        self._member = None

    def finish(self) -> None:
        """Write the directory."""
        self._zip.close()


def name_members(names: Sequence[str]) -> list[str]:
    """Return safe names, all different, for files that are called so; numbers come before those that are not."""
    plain = [_ODD.sub("_", name)[-100:] for name in names]
    clash = len({name.casefold() for name in plain}) < len(plain)
    hazard = any(find_hazard(name, name.encode(), Caps().max_name) for name in plain)
    return [f"{number:04}-{name}" for number, name in enumerate(plain, 1)] if clash or hazard else plain


class _Outlet:
    """The little of a file that the writer needs: no position, so it never tries to go back."""

    def __init__(self, sink: Callable[[bytes], None]) -> None:
        self._sink: Callable[[bytes], None] | None = sink

    def write(self, data: bytes) -> int:
        if self._sink is not None:
            self._sink(bytes(data))
        return len(data)

    def shut(self) -> None:
        """Let go of the sink: what is written from now on goes nowhere."""
        self._sink = None

    def flush(self) -> None:
        """Hold nothing back: there is nothing to do."""
