"""Small things sealed and opened whole, such as a key file: no clear text before the end is verified."""

from __future__ import annotations

import io
from collections.abc import Sequence

from strongroom.model.instants import Chance
from strongroom.sealing.identity import Identity
from strongroom.sealing.recipient import Recipient
from strongroom.sealing.stream import open_stream
from strongroom.sealing.writer import SealedWriter


def seal_bytes(data: bytes, recipients: Sequence[Recipient], chance: Chance) -> bytes:
    """Return `data` as an age file; raises KeyRefused when there are no recipients or they cannot stand together."""
    sink = io.BytesIO()
    writer = SealedWriter(sink, recipients, chance)
    writer.write(data)
    writer.finish()
    return sink.getvalue()


def open_bytes(data: bytes, identities: Sequence[Identity]) -> bytes:
    """Return the clear text of a whole age file; raises HeaderRefused, NoMatch, MacMismatch or PayloadDamaged."""
    return b"".join(open_stream(io.BytesIO(data), identities))
