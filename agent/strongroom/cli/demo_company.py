"""The company of the demo: what it archives, under which rules, and what happened to it in fourteen months.

Everything here is invented. Times are of the demo's own calendar, which ends on the morning of `NOW` in every run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from strongroom.model.destruction import Person
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions, TransferOptions, ZavuOptions
from strongroom_sandbox.recorder import ProviderName
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings
from strongroom_sandbox.zavu_records import DataOptions

NAME = "Harbor & Pine"
FOUNDED = datetime(2025, 10, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
"""The Monday morning on which the demo opens."""

BY_MONTH_UNTIL = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""Until then every stream is exported by the month; from then on the busy ones are exported by the day."""
KEY_REVOKED = datetime(2026, 2, 20, 10, tzinfo=UTC)
KEY_RENEWED = datetime(2026, 4, 14, 9, tzinfo=UTC)
"""In between HookBridge refuses the key; it deletes records after `HOOKBRIDGE_DAYS`, so a part of the time is lost."""
FIRST_PLAN = datetime(2026, 6, 15, 10, tzinfo=UTC)
FIRST_DESTRUCTION = FIRST_PLAN + timedelta(days=8)
HOLD_PLACED = datetime(2026, 7, 8, 14, tzinfo=UTC)
DAMAGED_FOR_GOOD = datetime(2026, 11, 2, 7, tzinfo=UTC)
"""Every export of that morning's HookBridge window arrives damaged: it failed, and is soon deleted there."""
DAMAGED_ONCE = datetime(2026, 11, 12, 7, tzinfo=UTC)
QLARA_DOWN = datetime(2026, 11, 16, 7, tzinfo=UTC)
"""Qlara does not answer from then on until the demo opens: the gap is being filled while you watch."""
COPY_LOST = datetime(2026, 11, 29, 12, tzinfo=UTC)
"""The disk of the copy was disconnected then, just after it was complete: the copy is behind."""
SECOND_PLAN = datetime(2026, 11, 28, 16, tzinfo=UTC)
HOOKBRIDGE_DAYS = 35

MARIA, JONAS = Person(1004, "maria"), Person(1011, "jonas")
MATTER = "Dunmore v. Harbor & Pine"

_RECORDS_A_DAY = {"messages": 60, "conversations": 15, "activities": 4}
_ROWS_A_DAY = {"outbound": 40, "inbound": 12, "api": 30, "campaign": 10, "console": 2}


class CompanyStream(Struct, frozen=True):
    """One stream of the company."""

    name: str
    provider: ProviderName
    dataset: str
    retention: str
    since: date
    daily: bool  # exported by the day since `BY_MONTH_UNTIL`


_FIRST, _SPRING, _SUMMER = FOUNDED.date(), date(2026, 5, 1), date(2026, 8, 1)
MESSAGES = CompanyStream("support-messages", ProviderName.ZAVU, "messages", "finra-4511", _FIRST, True)
ACTIVITY = CompanyStream("account-activity", ProviderName.ZAVU, "activities", "operations-6m", _FIRST, False)
STREAMS = (
    MESSAGES,
    CompanyStream("support-conversations", ProviderName.ZAVU, "conversations", "finra-4511", _SPRING, False),
    ACTIVITY,
    CompanyStream("shop-webhooks", ProviderName.HOOKBRIDGE, "outbound", "standard", _FIRST, True),
    CompanyStream("shop-callbacks", ProviderName.HOOKBRIDGE, "inbound", "standard", _SPRING, False),
    CompanyStream("campaign-texts", ProviderName.QLARA, "message-history", "standard", _SUMMER, True),
)


def provider_settings(*, pace: float, rate: int | None = None) -> SandboxSettings:
    """Return how the three simulated providers behave.

    `pace` multiplies how long they take to prepare an export, `rate` is the bytes a second of one download.
    """
    minute, transfer = timedelta(minutes=1), TransferOptions(rate=rate)
    return SandboxSettings(
        zavu=ZavuOptions(pending_for=minute, processing_for=4 * minute, pace=pace, spread=0.5, transfer=transfer),
        hookbridge=HookBridgeOptions(
            pending_for=minute,
            processing_for=3 * minute,
            pace=pace,
            spread=0.5,
            retention_days=HOOKBRIDGE_DAYS,
            transfer=transfer,
        ),
        qlara=QlaraOptions(pending_for=2 * minute, processing_for=6 * minute, pace=pace, spread=0.5, transfer=transfer),
        data=DataOptions(per_day=_RECORDS_A_DAY),
        rows=RowOptions(per_day=_ROWS_A_DAY),
    )


class CompanyFolder(Struct, frozen=True):
    """Where everything of the company is."""

    root: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.root / "strongroom.toml"

    @property
    def vault(self) -> Path:
        """The vault."""
        return self.root / "vault"

    @property
    def identity(self) -> Path:
        """The working identity, in the clear: this is a demo."""
        return self.root / "identity.txt"

    @property
    def signing_key(self) -> Path:
        """The key that signs checkpoints."""
        return self.root / "strongroom-signing.key"

    @property
    def elsewhere(self) -> Path:
        """The folder that represents another machine, where checkpoints are sent."""
        return self.root / "checkpoints-elsewhere"

    @property
    def copy_disk(self) -> Path:
        """The folder that represents the disk with the copy of the vault."""
        return self.root / "office-nas"

    def write_config(self, recipients: Sequence[str], sandbox: Sandbox, *, by_month: bool) -> None:
        """Write the configuration and the API keys, for these providers at their present addresses."""
        text = "\n".join([*self._head(recipients), *self._sources(sandbox), *_streams(by_month=by_month), _RULES])
        self.config.write_text(text)

    def _head(self, recipients: Sequence[str]) -> Iterator[str]:
        yield f"# The demo company {NAME}: invented, with simulated providers on this machine."
        yield f'[vault]\npath = "{self.vault}"\nrecipients = {json.dumps([*recipients])}'
        yield f'identity = "{self.identity}"\norganization = "{NAME}"\nsigning_key = "file:{self.signing_key}"'
        yield f'\n[[evidence.send_to]]\nname = "audit-host"\ndirectory = "{self.elsewhere}"'
        yield f'\n[[copy]]\nname = "office-nas"\npath = "{self.copy_disk}"'

    def _sources(self, sandbox: Sandbox) -> Iterator[str]:
        for provider, (key, url) in _accounts(sandbox).items():
            path = self.root / f"{provider}-api-key"
            path.touch(mode=0o600)
            path.write_text(f"{key}\n")
            yield (
                f'\n[[source]]\nname = "{provider}"\nprovider = "{provider}"\napi_key = "file:{path}"\n'
                f'base_url = "{url}"\nallow_private_addresses = true  # the simulated provider is on this machine'
            )
            if provider is ProviderName.QLARA:
                yield "retention_days = 365\n\n[source.limits]\nconcurrent = 1"


def _accounts(sandbox: Sandbox) -> Mapping[ProviderName, tuple[str, str]]:
    settings = sandbox.settings
    return {
        ProviderName.ZAVU: (settings.api_key, sandbox.api_url),
        ProviderName.HOOKBRIDGE: (settings.hookbridge_key, sandbox.hookbridge_url),
        ProviderName.QLARA: (settings.qlara_key, sandbox.qlara_url),
    }


def _streams(*, by_month: bool) -> Iterator[str]:
    for each in STREAMS:
        window = "day" if each.daily and not by_month else "month"
        yield (
            f'\n[[stream]]\nname = "{each.name}"\nsource = "{each.provider}"\ndatasets = ["{each.dataset}"]\n'
            f'since = {each.since}\nwindow = "{window}"\nsettle = "6h"\nretention = "{each.retention}"'
        )


_RULES = """
[retention.standard]
period = "7y"
citation = "company policy"

[retention.finra-4511]
period = "6y"
citation = "FINRA Rule 4511(b)"

[retention.operations-6m]
period = "6m"
citation = "company policy: operational records"

[destruction]
people = 2
cooling_off = "7d"
"""
