"""What a careful operator would check by hand, each with what to do about it. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path

from strongroom.config.schema import Config
from strongroom.config.secrets import SecretRef, resolve
from strongroom.engine.assembly import Doors, build_source, open_reading
from strongroom.engine.keys import needs_passphrase
from strongroom.engine.readings import newest_moments
from strongroom.evidence.line import read_chain
from strongroom.model.errors import StrongroomError
from strongroom.vault.lock import describe_holder, is_held
from strongroom.vault.vault import Vault

SKEW = timedelta(minutes=2)


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    message: str
    hint: str = ""


def examine(config: Config, doors: Doors, *, offline: bool = False) -> Iterator[Check]:
    """Yield every check as it is done; sources are asked over the network unless `offline`."""
    yield from (Check("configuration", Verdict.WARN, str(caution)) for caution in config.warnings)
    yield Check("configuration", Verdict.OK, f"{config.file} is valid")
    yield from _guarded("vault", partial(_vault, config))
    yield from _guarded("identity", partial(_identity, config))
    for source in config.sources:
        name = f"source {source.name}"
        yield from _guarded(f"{name} key", partial(_secret, name, source.api_key))
        if not offline:
            yield from _guarded(name, partial(_source, config, source.name, doors))


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> list[Check]:
    try:
        return list(check())
    except StrongroomError as error:
        return [Check(name, Verdict.FAIL, error.message, error.hint)]
    except OSError as error:
        return [Check(name, Verdict.FAIL, f"{error.strerror}: {error.filename}")]


def _vault(config: Config) -> Iterator[Check]:
    with open_reading(config) as vault:
        yield Check("vault", Verdict.OK, f"{vault.layout.root} opens")
        yield _permissions(vault.layout.root)
        yield _room(vault, config.vault.min_free)
        yield _log(vault)
        holder = describe_holder(vault.layout.lock) if is_held(vault.layout.lock) else ""
        yield Check("lock", Verdict.OK, f"in use by {holder}" if holder else "nobody is working in the vault")


def _permissions(root: Path) -> Check:
    mode = root.stat().st_mode & 0o777
    if mode & 0o077:
        return Check("permissions", Verdict.WARN, f"others can enter the vault (mode {mode:o})", f"chmod 700 {root}")
    if not os.access(root, os.W_OK):
        return Check("permissions", Verdict.FAIL, "the vault cannot be written by this user", f"chown it: {root}")
    return Check("permissions", Verdict.OK, "only its owner can enter the vault")


def _room(vault: Vault, min_free: int) -> Check:
    free = vault.free_bytes()
    words = f"{free / 1e9:.1f} GB free, the reserve is {min_free / 1e9:.1f} GB"
    if free < min_free:
        return Check("disk", Verdict.FAIL, words, "free space: no export is taken below the reserve")
    return Check("disk", Verdict.WARN if free < 2 * min_free else Verdict.OK, words)


def _log(vault: Vault) -> Check:
    if not vault.layout.log.exists():
        return Check("log", Verdict.FAIL, "the evidence log is missing", "restore log/log.jsonl from a copy")
    with vault.layout.log.open("rb") as file:
        count = sum(1 for _ in read_chain(line.rstrip(b"\n") for line in file))
    newest = newest_moments(vault, 1)
    expected = newest[0].seq if newest else 0
    if count != expected:
        words = f"the log file has {count} entries, the catalogue has {expected}"
        behind = count < expected and is_held(vault.layout.lock)
        hint = "compare log/log.jsonl with a copy: one of the two was cut or is an older one"
        return Check("log", Verdict.WARN if behind else Verdict.FAIL, words, "" if behind else hint)
    return Check("log", Verdict.OK, f"{count} entries, every one follows the one before it")


def _identity(config: Config) -> Iterator[Check]:
    path = config.vault.identity
    if path is None:
        yield Check("identity", Verdict.OK, "no identity file is configured: archives are opened with --identity")
    elif not needs_passphrase(path):
        hint = "seal it with a passphrase: age -p, or keep it on another machine"
        yield Check("identity", Verdict.WARN, f"{path} lies in the clear: whoever reads it opens every archive", hint)
    else:
        yield Check("identity", Verdict.OK, f"{path} is sealed with a passphrase")


def _secret(name: str, ref: SecretRef) -> Iterator[Check]:
    resolve(ref)
    yield Check(f"{name} key", Verdict.OK, f"found ({ref})")


def _source(config: Config, name: str, doors: Doors) -> Iterator[Check]:
    probe = build_source(config.source(name), config, doors).provider.probe()
    label = f"source {name}"
    if probe.offered is False:
        yield Check(label, Verdict.FAIL, "this account's API does not offer exports", "ask the provider's support")
    else:
        yield Check(label, Verdict.OK, f"reachable, the key is accepted, {probe.listed} exports on its list")
    skew = probe.clock_skew
    if skew is not None and abs(skew) > SKEW:
        seconds = skew.total_seconds()
        yield Check(
            "clock", Verdict.WARN, f"{name}'s clock is {seconds:+.0f} s from ours", "check time synchronisation"
        )
    yield from (Check(label, Verdict.WARN, note) for note in probe.notes)
