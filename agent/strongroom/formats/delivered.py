"""One record on its way out: what was decoded for finding it, and the text that was delivered for handing it on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from strongroom.formats.exactjson import canonical, canonical_value, decode_exact

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Delivered:
    """One record. Its decoded `fields` may have rounded numbers; `exact`, `line` and `canonical` have not."""

    fields: Record = field(repr=False)
    time: Any = None  # what inspection reads the record's time from, None where there is none
    text: bytes = field(default=b"", repr=False)  # the delivered JSON on one line; empty for a row of a CSV

    @property
    def line(self) -> bytes:
        """Return the record as JSON on one line: the delivered text, or that of a CSV's row."""
        return self.text or json.dumps(self.fields, ensure_ascii=False).encode()

    @property
    def exact(self) -> Record:
        """Return the fields with every number as it was written (a `Number`). Raises Unreadable (json-too-deep)."""
        return decode_exact(self.text) if self.text else self.fields

    @property
    def canonical(self) -> bytes:
        """Return one form for all texts of an equal record. Raises Unreadable (json-too-deep)."""
        return canonical(self.text) if self.text else canonical_value(self.fields)
