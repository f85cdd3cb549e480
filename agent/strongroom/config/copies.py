"""The sections about copies of the vault.

Annotations are not postponed here: the declarations of the keys are read from them.
"""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from strongroom.config.addresses import parse_base_url, parse_proxy
from strongroom.config.keys import PATH, Key, Section, Table
from strongroom.config.problem import Unfit, describe
from strongroom.config.reader import TableReader
from strongroom.config.secrets import SecretRef
from strongroom.config.values import choice, duration, duration_or_never, parse_name, parse_secret_ref, size
from strongroom.model.text import format_size

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){0,5}", re.ASCII)


class CopyRepair(StrEnum):
    """Who starts a repair from a copy, or of one."""

    ASK = "ask"  # a person, with `strongroom repair`
    AUTO = "auto"  # the daemon, as soon as damage is found


class Addressing(StrEnum):
    """How a bucket is named in an address."""

    AUTO = "auto"
    PATH = "path"  # https://endpoint/bucket
    VIRTUAL = "virtual"  # https://bucket.endpoint


def _formed(form: re.Pattern[str], expected: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise Unfit(expected, describe(value))
        return value

    return parse


class BucketSettings(Section, frozen=True):
    """[copy.s3]: an S3-compatible bucket."""

    bucket: Annotated[
        str, Key("the bucket, which must exist", _formed(_BUCKET, "the name of a bucket, such as acme-records"), "")
    ]
    prefix: Annotated[
        str, Key("what the names of all objects begin with", _formed(_PREFIX, "names, such as strongroom/eu"))
    ] = "strongroom"
    endpoint: Annotated[
        str | None, Key("the address of the server; without it, AWS's address for the region", parse_base_url)
    ] = None
    region: Annotated[str, Key("the region", _formed(_REGION, "a region, such as eu-central-1"))] = "us-east-1"
    addressing: Annotated[Addressing, Key("how addresses name the bucket", choice(Addressing))] = Addressing.AUTO
    access_key: Annotated[SecretRef | None, Key("where the ID of the access key is kept", parse_secret_ref)] = None
    secret_key: Annotated[SecretRef | None, Key("where the secret access key is kept", parse_secret_ref)] = None
    ca_file: Annotated[Path | None, Key("certificates of your own certificate authority", PATH)] = None
    proxy: Annotated[str | None, Key("a proxy for this server", parse_proxy)] = None
    timeout: Annotated[timedelta, Key("how long to wait for an answer", duration("1s", "1h"))] = timedelta(minutes=1)

    def check(self, table: TableReader) -> None:
        """Note half of a pair of keys: the machine's own role would be used instead."""
        if (self.access_key is None) != (self.secret_key is None):
            missing = "secret_key" if self.secret_key is None else "access_key"
            table.refuse(missing, "access_key and secret_key, or neither", "one of them")

    @property
    def place(self) -> str:
        """What a person calls it."""
        return f"s3://{self.bucket}/{self.prefix}"


class CopySettings(Section, frozen=True):
    """[[copy]]: a second copy of the vault, on another disk or machine, or in a bucket."""

    name: Annotated[str, Key("a unique name; the log records it", parse_name, "")]
    path: Annotated[Path | None, Key("the folder; the copy gets its own folder in it, named after the vault", PATH)] = (
        None
    )
    s3: Annotated[BucketSettings | None, Table("or a bucket", BucketSettings, optional=True)] = None
    rate: Annotated[int, Key("the most that is copied per second; 0 is no limit", size(0), shown=format_size)] = 0
    repair: Annotated[
        CopyRepair, Key("who starts a repair: a person (ask) or the daemon (auto)", choice(CopyRepair))
    ] = CopyRepair.ASK
    rehearse: Annotated[
        timedelta | None, Key("how often the daemon rehearses a restore from it", duration_or_never("1d", "3660d"))
    ] = None
    rehearse_in: Annotated[
        Path | None,
        Key("the folder for a rehearsal; by default tmp/ in the vault, which needs room for all of it", PATH),
    ] = None

    def check(self, table: TableReader) -> None:
        """Note a copy without a place, or with two."""
        if (self.path is None) == (self.s3 is None):
            table.refuse("path", "either path or [copy.s3]", "neither" if self.path is None else "both")

    @property
    def place(self) -> str:
        """What a person calls the folder or the bucket."""
        return self.s3.place if self.s3 else str(self.path)
