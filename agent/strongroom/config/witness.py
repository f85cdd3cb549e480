"""The nouns of [evidence]: how often the log is signed, who stamps it, and to whom its checkpoints are sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from strongroom.config.secrets import SecretRef


class Method(StrEnum):
    """How a checkpoint is handed to a web address."""

    PUT = "put"  # as SIZE.note below the address
    POST = "post"  # to the address itself


@dataclass(frozen=True, slots=True)
class SendSettings:
    """One place outside the vault that gets every checkpoint: a folder, a program, a web address or a mailbox."""

    name: str
    directory: Path | None = None
    command: tuple[str, ...] = ()  # an absolute path and its arguments; the note is its input
    url: SecretRef | None = None  # of an https address
    method: Method = Method.PUT
    notify: SecretRef | None = None  # of an address that Apprise knows
    allow_private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """How the log leaves this machine as checkpoints."""

    every: timedelta = timedelta(days=1)
    timestamp_url: str | None = None  # of an RFC 3161 authority
    timestamp_ca: Path | None = None  # its certificates, in PEM
    send_to: tuple[SendSettings, ...] = ()
