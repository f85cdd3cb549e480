"""Whose fault is it? Every failure belongs to one family, and the family decides the exit code.

    StrongroomError
    |-- UsageError          ours to refuse: wrong words, wrong configuration
    |-- ProviderError       the provider's answer (or silence)
    |   |-- NotOffered          this account's API has no exports: never retried
    |   |-- AuthRefused         401, 403: the source pauses until a person acts
    |   |-- RequestRefused      a definite no to this request: retrying it unchanged is useless
    |   |-- QuotaExceeded       too many exports or requests: wait, nothing was created
    |   |-- Transient           nothing was created, or the call is safe to repeat: try later
    |   |-- Unanswered          the request may have reached them: look before asking again
    |   |-- ExportGone          the export itself no longer exists there
    |   |-- LinkDead            the link died, the export may live: ask for a fresh link
    |   |-- LinkRefused         our own rules forbid following the link: a person must allow its host
    |   `-- CodingRefused       the file comes with a content coding that no reader undoes
    |-- TransferError       bytes arrived wrong: short, long, not what was announced
    |-- ContentRefused      the bytes are whole but not a sound export
    |-- WorldError          disk, network, clock: the machine we run on
    |-- VaultError          the vault is not as it must be
    |   |-- SealError           a sealed file cannot be opened or does not authenticate
    |   `-- VaultLocked         another process holds it
    `-- Interrupted         a person or the system asked us to stop

Every message says what happened and, where it is known, what was expected; `hint` says what to do next.
Messages never contain secrets, links or record text.
"""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process returns; documented in docs/exit-codes.md and never renumbered."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    PROVIDER = 3
    VAULT = 4
    LOCKED = 5
    WORLD = 6
    CONTENT = 7
    BUG = 70
    WAITING = 75  # as EX_TEMPFAIL of sysexits.h
    INTERRUPTED = 130


class StrongroomError(Exception):
    """An error to report to a person. `hint` is the next step, or empty."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def sentences(self) -> str:
        """Return what happened and what to do about it as one text: "The disk is full. Free space." """
        if not self.hint:
            return self.message
        return f"{self.message.rstrip('.')}. {self.hint[:1].upper()}{self.hint[1:]}"


class UsageError(StrongroomError):
    """The command line or the configuration asks for something that cannot be."""

    exit_code = ExitCode.USAGE


class ProviderError(StrongroomError):
    """The provider refused, failed or did not answer.

    `status` is the HTTP status or None; `code` the provider's own error code or empty;
    `request_id` its name for the request or empty.
    """

    exit_code = ExitCode.PROVIDER

    def __init__(
        self, message: str, *, hint: str = "", status: int | None = None, code: str = "", request_id: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.request_id = request_id


class NotOffered(ProviderError):
    """This account's API does not offer exports (404, 410 or 501 on create)."""


class AuthRefused(ProviderError):
    """The credential was refused (401, 403). The source must pause."""


class RequestRefused(ProviderError):
    """A definite refusal of this request (another 4xx). Nothing was created."""


class _Waiting(ProviderError):
    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message, hint=hint, status=status, code=code, request_id=request_id)
        self.retry_at = retry_at


class QuotaExceeded(_Waiting):
    """Too many requests or exports. Nothing was created. `retry_at` (UTC) is the provider's word, or None."""


class Transient(_Waiting):
    """A failure that says nothing about the next try. Nothing was created. `retry_at` as above."""


class Unanswered(ProviderError):
    """The request left and no definite answer came back: an export may or may not exist now."""


class ExportGone(ProviderError):
    """The provider no longer knows this export, or says that it has expired."""


class LinkDead(ProviderError):
    """The storage host refused the download link; the export itself may still be there."""


class LinkRefused(ProviderError):
    """Our own policy forbids connecting to the host of the download link; a fresh link would lead there too."""


class CodingRefused(ProviderError):
    """The file comes with a content coding that no reader undoes; a fresh link or a new export would bring the same."""


class TransferError(StrongroomError):
    """The bytes that arrived are not the bytes that were announced."""

    exit_code = ExitCode.PROVIDER


class ContentRefused(StrongroomError):
    """The file arrived whole but is not a sound export."""

    exit_code = ExitCode.CONTENT


class WorldError(StrongroomError):
    """An error of the machine we run on: disk, network, clock, permissions."""

    exit_code = ExitCode.WORLD


class VaultError(StrongroomError):
    """The vault or its catalogue is not as it must be."""

    exit_code = ExitCode.VAULT


class SealError(VaultError):
    """A sealed file cannot be opened, or what it holds does not authenticate."""


class CatalogueBusy(VaultError):
    """Another program kept the catalogue locked for longer than we wait; what was asked is worth asking again."""

    exit_code = ExitCode.LOCKED


class VaultLocked(VaultError):
    """Another process holds the vault."""

    exit_code = ExitCode.LOCKED


class Interrupted(StrongroomError):
    """A person or the system asked us to stop; what was under way is parked and resumes."""

    exit_code = ExitCode.INTERRUPTED
