"""Bounds of the HTTP policy, and the ways through the network that a person has configured. Times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from strongroom.providers.watch import Pace


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long things may take and how large they may get; sizes in bytes."""

    connect: float = 10
    read: float = 60  # one wait for the next bytes
    call: float = 120  # one API call, whole; of a download: until its headers are here
    answer: int = 16 << 20  # body of an API answer
    pages: int = 2_000  # of one list
    walk: float = 600  # one list, all its pages
    redirects: int = 5
    pace: Pace = field(default_factory=Pace)  # of a download, once it runs
    export: int = 1 << 40  # one downloaded file
    resumes: int = 5  # of one download


@dataclass(frozen=True, slots=True)
class Paths:
    """Where connections may go, and through what.

    With a proxy the proxy looks names up, so addresses behind names are its business; numeric ones are still checked.
    """

    allow_private: bool = False
    download_hosts: tuple[str, ...] = ()  # suffixes; empty allows every public host
    ca_file: str | None = None  # PEM; replaces the built-in roots of trust
    proxy: str | None = field(default=None, repr=False)  # http or https; may hold a password
