"""What a person requests of a production, what it is made from, and what was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct, field

from strongroom.age.keys import X25519Identity
from strongroom.config.load_profile import ProfileSettings
from strongroom.config.schema import Config
from strongroom.engine.production.selection import Selection
from strongroom.formats.redaction import RedactionRule
from strongroom.model.case import Case
from strongroom.model.destruction import Person
from strongroom.model.production import Numbering, ProductionFormat, RecordCount
from strongroom.model.times import Chance, Clock
from strongroom.vault.vault import Vault


class ProductionRequest(Struct, frozen=True):
    """What to produce, how, and by whom."""

    selection: Selection
    target: Path  # a folder or a file ending in .zip, neither of which exists yet
    format: ProductionFormat
    numbering: Numbering
    by: Person
    at: datetime  # as the production says; the log has its own time
    words: Mapping[str, str] = field(default_factory=dict)  # how the records were selected, for people
    case: Case | None = None  # what it marks as privileged is withheld, and it takes note of the numbers
    rules: Sequence[RedactionRule] = ()
    slice_length: timedelta = timedelta(days=1)  # of files of conversations; whole hours
    resolve_names: bool = True  # from archived contacts, in files of conversations
    profile: ProfileSettings | None = None  # of a DAT file; otherwise as Relativity takes it


class FinishedProduction(Struct, frozen=True):
    """The production that was made."""

    path: Path
    format: ProductionFormat
    first: str  # the first number
    last: str
    count: RecordCount
    archives: int
    sha256: str  # of production.json, which names the digests of the others
    signed: bool


class ProductionSource(Struct, frozen=True):
    """Where a production is made from: a vault, its configuration, and the identities of the person who makes it."""

    vault: Vault
    config: Config
    clock: Clock
    random_bytes: Chance
    identities: Sequence[X25519Identity]
    watch: Callable[[int, int], None] = field(default=lambda _done, _of: None)  # archives
