"""[destruction]: how many people a destruction takes, and how long it can be undone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from strongroom.config import values
from strongroom.config.problem import Unfit, describe
from strongroom.config.reader import TableReader

_VERIFIER = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DestructionSettings:
    """What a destruction takes, besides a period that is over and no hold."""

    people: int = 2  # different people, the proposer among them; what the program proposes takes so many approvals
    cooling_off: timedelta = timedelta(days=7)  # between the last approval and the first destruction
    approvers: tuple[str, ...] = ()  # public note keys; where there are any, each approval is signed by one of them


_DEFAULT = DestructionSettings()


def read_destruction(table: TableReader) -> DestructionSettings:
    """Read [destruction]."""
    found = DestructionSettings(
        people=table.take("people", values.whole_number(1, 9), _DEFAULT.people),
        cooling_off=table.take("cooling_off", values.duration("0s", "366d"), _DEFAULT.cooling_off),
        approvers=table.each("approvers", parse_verifier, "a list of public note keys"),
    )
    table.close()
    return found


def parse_verifier(value: object) -> str:
    """Take a public note key, by its form; whether it fits its own hash is seen when it is used."""
    if not isinstance(value, str) or not _VERIFIER.fullmatch(value):
        got = "a private one" if isinstance(value, str) and value.startswith("PRIVATE+KEY+") else describe(value)
        raise Unfit("a public note key, name+hash+key", got)
    return value
