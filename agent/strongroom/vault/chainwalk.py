"""The rows of the log walked as the chain that they are: a line counts once it follows the line before it.

Only the bytes of the lines are believed. The columns beside them are an index, which whoever can write to the catalogue
can change without a trace, so that nothing is chosen by them here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from strongroom.evidence.line import GENESIS, digest
from strongroom.model.errors import VaultError
from strongroom.vault.catalogue import Catalogue
from strongroom.vault.checkpointqueries import LINES_AFTER

PAGE = 2_000  # rows read at once


@dataclass(slots=True)
class ChainWalk:
    """How far the chain was walked. It goes on where it stopped."""

    seq: int = 0
    prev: str = GENESIS

    def lines(self, catalogue: Catalogue) -> Iterator[bytes]:
        """Yield every line after the last one that was walked, to the newest there is.

        Raises VaultError at the first that does not follow the one before it.
        """
        while rows := catalogue.read(LINES_AFTER, self.seq, PAGE):
            for row in rows:
                line = bytes(row["line"])
                self._follow(line)
                yield line

    def _follow(self, line: bytes) -> None:
        # Within a text of a canonical line every quote is escaped: these bytes can only be the keys themselves.
        seq = self.seq + 1
        if b'"prev":"%b","seq":%d,' % (self.prev.encode(), seq) not in line:
            raise VaultError(
                f"entry {seq} of the evidence log does not follow the one before it: it was changed in the catalogue",
                hint="compare with a copy of the log: strongroom audit verify",
            )
        self.seq, self.prev = seq, digest(line)
