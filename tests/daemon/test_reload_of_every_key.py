"""Every key of the configuration on a reload: taken over at once, shown by what works by it, or named for a restart.

A key that is added to the configuration without an entry here fails the first test.
"""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest

from kit.manifests import GALLERY
from kit.model_objects import make_job
from strongroom.config.copies import BucketSettings, CopySettings
from strongroom.config.keys import Named, Section, Table, Tables, keys_of, name_of
from strongroom.config.load import load_config
from strongroom.config.outgoing import ReportSettings
from strongroom.config.schema import Config
from strongroom.daemon.daemon import Daemon
from strongroom.daemon.service import Intervals, Service
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.alert_store import open_alerts
from strongroom.engine.core.engine import Engine, SourceAccount
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import Dependencies
from strongroom.engine.destruction.commands import context_of
from strongroom.engine.ingest.planning import work_out
from strongroom.engine.ingest.runner import WorkerPool
from strongroom.engine.ingest.transfer import room_lacking
from strongroom.engine.monitor.stream_status import keeps_of
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.model.clock_check import ClockVerdict
from strongroom.model.plan import Plan
from strongroom.model.retention import Period, PeriodUnit, RetentionRule
from strongroom.vault.retention_records import get_classes

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTE_KEY = "approver+2a5d1ccb+AUG5FRnX6dQ4Cm5NSxTzJu5ZmwSPAwRnI4ELKDFV4Jux"
BASE = """
[vault]
path = "vault"  # vault.path
recipients = ["{one}"]  # vault.recipients
identity = "identity.age"  # vault.identity
passphrase = "env:NO_PASSPHRASE"  # vault.passphrase
signing_key = "env:RELOAD_SIGNING"  # vault.signing_key
organization = "Acme"  # vault.organization
min_free = "1 MB"  # vault.min_free
scrub_every = "30d"  # vault.scrub_every
scrub_rate = "16 MB"  # vault.scrub_rate
drill_every = "180d"  # vault.drill_every
lock = false  # vault.lock
clock_tolerance = "1d"  # vault.clock_tolerance
log_queries = false  # vault.log_queries
[[source]]
name = "zavu"  # source.name
provider = "zavu"  # source.provider
api_key = "env:RELOAD_KEY"  # source.api_key
base_url = "https://api.zavu.dev"  # source.base_url
download_hosts = []  # source.download_hosts
allow_private_addresses = false  # source.allow_private_addresses
retention_days = 90  # source.retention_days
second_look = "1d"  # source.second_look
[source.limits]
concurrent = 3  # source.limits.concurrent
per_hour = 10  # source.limits.per_hour
[source.options]
accept = ""  # source.options
[[source]]
name = "hooks"
provider = "hookbridge"
api_key = "env:RELOAD_KEY"
delete_after_archive = false  # source.delete_after_archive
[[stream]]
name = "records"  # stream.name
source = "zavu"  # stream.source
datasets = ["messages"]  # stream.datasets
filters = {{}}  # stream.filters
since = 2026-11-18  # stream.since
window = "day"  # stream.window
time_zone = "UTC"  # stream.time_zone
settle = "6h"  # stream.settle
settled_pass = "14d"  # stream.settled_pass
retention = "standard"  # stream.retention
priority = 0  # stream.priority
index = true  # stream.index
paused = false  # stream.paused
[retention.standard]
period = "7y"  # retention.period
basis = "window-end"  # retention.basis
citation = "ours"  # retention.citation
at_end = "ask"  # retention.at_end
# retention.name
[destruction]
people = 2  # destruction.people
cooling_off = "7d"  # destruction.cooling_off
approvers = []  # destruction.approvers
[daemon]
workers = 2  # daemon.workers
log_level = "info"  # daemon.log_level
[network]
connect_timeout = "10s"  # network.connect_timeout
read_timeout = "60s"  # network.read_timeout
max_export_size = "200 GB"  # network.max_export_size
min_rate = "1 KB"  # network.min_rate
# network.ca_file
# network.proxy
[notify]
urls = ["env:RELOAD_MAIL"]  # notify.urls
details = "minimal"  # notify.details
# notify.command
desktop = false  # notify.desktop
[notify.ping]
url = "env:RELOAD_PING"  # notify.ping.url
every = "10m"  # notify.ping.every
allow_private_addresses = false  # notify.ping.allow_private_addresses
[metrics]
# metrics.textfile
# metrics.listen
[evidence]
every = "1d"  # evidence.every
# evidence.timestamp_url
# evidence.timestamp_ca
[[evidence.send_to]]
name = "here"  # evidence.send_to.name
directory = "/checkpoints"  # evidence.send_to.directory
[[evidence.send_to]]
name = "there"
url = "env:RELOAD_TARGET"  # evidence.send_to.url
method = "put"  # evidence.send_to.method
allow_private_addresses = false  # evidence.send_to.allow_private_addresses
[[evidence.send_to]]
name = "program"
command = ["/bin/keep"]  # evidence.send_to.command
[[evidence.send_to]]
name = "mailbox"
notify = "env:RELOAD_MAIL"  # evidence.send_to.notify
[report]
folder = "/reports"  # report.folder
notify = "env:RELOAD_MAIL"  # report.notify
every = "month"  # report.every
audience = "auditor"  # report.audience
[[copy]]
name = "second-disk"  # copy.name
path = "/second-disk"  # copy.path
rate = "0 B"  # copy.rate
repair = "ask"  # copy.repair
rehearse = "never"  # copy.rehearse
rehearse_in = "/scratch"  # copy.rehearse_in
[[copy]]
name = "offsite"
[copy.s3]
bucket = "records"  # copy.s3.bucket
prefix = "strongroom"  # copy.s3.prefix
endpoint = "https://objects.example.com"  # copy.s3.endpoint
region = "eu-central-1"  # copy.s3.region
addressing = "auto"  # copy.s3.addressing
access_key = "env:RELOAD_KEY"  # copy.s3.access_key
secret_key = "env:RELOAD_KEY"  # copy.s3.secret_key
ca_file = "/ca.pem"  # copy.s3.ca_file
proxy = "http://proxy.example.com"  # copy.s3.proxy
timeout = "1m"  # copy.s3.timeout
# reconcile.name
# reconcile.left
# reconcile.left_dataset
# reconcile.left_where
# reconcile.right
# reconcile.right_dataset
# reconcile.right_where
# reconcile.keys
# reconcile.within
[provider]
directories = []  # provider.directories
"""


@dataclass
class House:
    """A daemon at work, and its file."""

    folder: Path
    daemon: Daemon
    service: Service
    text: str
    other: str  # a second recipient

    @property
    def engine(self) -> Engine:
        return self.service.engine

    @property
    def source(self) -> SourceAccount:
        return self.engine.sources["zavu"]

    @property
    def policy(self) -> Any:
        return self.source.provider._policy  # type: ignore[attr-defined]

    @property
    def plan(self) -> Plan:
        return self.service._plans[0]

    @property
    def rule(self) -> RetentionRule:
        return get_classes(self.engine.vault.catalogue)["standard"]

    @property
    def watcher(self) -> Any:
        return self.daemon._watcher

    @property
    def checkpoints(self) -> Config:
        return self.daemon._checkpoints._config

    @property
    def copies(self) -> CopySettings:
        return self.daemon._copies._config.copies[0]

    @property
    def bucket(self) -> BucketSettings:
        found = self.daemon._copies._config.copies[1].s3
        assert found
        return found

    @property
    def reports(self) -> ReportSettings:
        return self.daemon._reports._config.report

    def reload(self, changes: Mapping[str, str]) -> None:
        """Change the lines of these keys, and let the daemon read its file again."""
        text = self.text
        for key, line in changes.items():
            text, count = re.subn(rf"(?m)^.*# {re.escape(key)}$", lambda _found, line=line: line, text)  # type: ignore[misc]
            assert count == 1, key
        self.daemon._config.file.write_text(text)
        self.daemon._read_again(self.service)


def rules(house: House) -> Any:
    return context_of(house.daemon._destruction._config, house.engine.vault, house.daemon._dependencies).rules


def channels(house: House) -> list[str]:
    return [queue.channel.name for queue in house.watcher._notifier._queues]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


PORT = free_port()
Observe = Callable[[House], object]
_DAY = timedelta(days=1)

TAKEN: dict[str, tuple[dict[str, str], Observe, object]] = {
    # key: other lines for it (an empty one is its own), what shows it, and what that then is
    "vault.recipients": ({"": 'recipients = ["{other}"]'}, lambda h: h.engine.recipients == (h.other,), True),
    "vault.signing_key": ({"": 'signing_key = "env:O"'}, lambda h: str(h.checkpoints.vault.signing_key), "env:O"),
    "vault.min_free": ({"": 'min_free = "9000 TB"'}, lambda h: bool(room_lacking(h.engine, make_job())), True),
    "vault.scrub_every": (
        {"": 'scrub_every = "11d"'},
        lambda h: (h.service._pace.every, h.service.scrub._pace.every, h.watcher._pace.every),
        (11 * _DAY,) * 3,
    ),
    "vault.scrub_rate": (
        {"": 'scrub_rate = "5 MB"'},
        lambda h: (h.service._pace.rate, h.service.scrub._pace.rate, h.watcher._pace.rate),
        (5_000_000,) * 3,
    ),
    "vault.drill_every": ({"": 'drill_every = "3d"'}, lambda h: h.watcher._drill_every, 3 * _DAY),
    "vault.clock_tolerance": ({"": 'clock_tolerance = "3h"'}, lambda h: h.engine.clock_tolerance, _DAY / 8),
    "source.name": (
        {"": 'name = "other"', "stream.source": 'source = "other"'},
        lambda h: sorted(h.engine.sources),
        ["hooks", "other"],
    ),
    "source.provider": ({"": 'provider = "hookbridge"'}, lambda h: h.source.kind, "hookbridge"),
    "source.api_key": ({"": 'api_key = "env:RELOAD_OTHER"'}, lambda h: "second" in str(h.policy._credential()), True),
    "source.base_url": (
        {"": 'base_url = "https://zavu.example"'},
        lambda h: h.policy._base.origin.host,
        "zavu.example",
    ),
    "source.download_hosts": (
        {"": 'download_hosts = ["files.example"]'},
        lambda h: h.policy._reach.hosts,
        ("files.example",),
    ),
    "source.allow_private_addresses": (
        {"": "allow_private_addresses = true"},
        lambda h: h.policy._reach.allow_private,
        True,
    ),
    "source.retention_days": ({"": "retention_days = 30"}, lambda h: keeps_of(h.engine)["zavu"], 30 * _DAY),
    "source.delete_after_archive": (
        {"": "delete_after_archive = true"},
        lambda h: h.engine.sources["hooks"].deletes,
        True,
    ),
    "source.second_look": ({"": 'second_look = "never"'}, lambda h: h.source.second_look, None),
    "source.limits.concurrent": ({"": "concurrent = 1"}, lambda h: h.source.provider.limits.concurrent, 1),
    "source.limits.per_hour": ({"": "per_hour = 4"}, lambda h: h.source.provider.limits.per_hour, 4),
    "source.options": (
        {"": 'accept = "metadata-missing"'},
        lambda h: "metadata-missing" in h.source.provider._accepts,  # type: ignore[attr-defined]
        True,
    ),
    "stream.name": ({"": 'name = "renamed"'}, lambda h: (h.plan.stream.name, *h.engine.settles), ("renamed",) * 2),
    "stream.source": ({"": 'source = "hooks"'}, lambda h: h.plan.stream.source, "hooks"),
    "stream.datasets": ({"": 'datasets = ["calls"]'}, lambda h: h.plan.stream.datasets, ("calls",)),
    "stream.filters": ({"": 'filters = {a = "b"}'}, lambda h: h.plan.stream.filters, (("a", "b"),)),
    "stream.since": ({"": "since = 2026-11-16"}, lambda h: len(work_out(h.engine, h.plan).windows), 4),
    "stream.window": ({"": 'window = "hour"'}, lambda h: (h.plan.span, len(work_out(h.engine, h.plan).windows)), None),
    "stream.time_zone": (
        {"": 'time_zone = "Asia/Tokyo"'},
        lambda h: (h.plan.zone, h.engine.zones["records"]),
        ("Asia/Tokyo",) * 2,
    ),
    "stream.settle": (
        {"": 'settle = "18h"'},
        lambda h: (h.engine.settles["records"], len(work_out(h.engine, h.plan).windows)),
        (timedelta(hours=18), 1),
    ),
    "stream.settled_pass": ({"": 'settled_pass = "20d"'}, lambda h: h.plan.settled_pass, 20 * _DAY),
    "stream.retention": (
        {"": 'retention = "other"', "retention.name": '[retention.other]\nperiod = "9y"'},
        lambda h: h.plan.retention,
        "other",
    ),
    "stream.priority": ({"": "priority = 5"}, lambda h: h.plan.priority, 5),
    "stream.index": ({"": "index = false"}, lambda h: h.engine.unindexed, frozenset({"records"})),
    "stream.paused": ({"": "paused = true"}, lambda h: work_out(h.engine, h.plan).windows, ()),
    "retention.name": (
        {"": '[retention.fresh]\nperiod = "9y"'},
        lambda h: "fresh" in get_classes(h.engine.vault.catalogue),
        True,
    ),
    "retention.period": ({"": 'period = "8y"'}, lambda h: h.rule.period, Period(8, PeriodUnit.YEARS)),
    "retention.basis": ({"": 'basis = "ingest"'}, lambda h: h.rule.basis.value, "ingest"),
    "retention.citation": ({"": 'citation = "theirs"'}, lambda h: h.rule.citation, "theirs"),
    "retention.at_end": ({"": 'at_end = "destroy"'}, lambda h: h.rule.at_end.value, "destroy"),
    "destruction.people": ({"": "people = 3"}, lambda h: rules(h).people, 3),
    "destruction.cooling_off": ({"": 'cooling_off = "9d"'}, lambda h: rules(h).cooling_off, 9 * _DAY),
    "destruction.approvers": ({"": 'approvers = ["{note}"]'}, lambda h: len(rules(h).approvers), 1),
    "daemon.workers": ({"": "workers = 7"}, lambda h: h.service.pool._workers, 7),
    "daemon.log_level": (
        {"": 'log_level = "debug"'},
        lambda _h: logging.getLogger("strongroom").isEnabledFor(logging.DEBUG),
        True,
    ),
    "network.connect_timeout": ({"": 'connect_timeout = "3s"'}, lambda h: h.policy._wire._timeouts["connect"], 3.0),
    "network.read_timeout": ({"": 'read_timeout = "7s"'}, lambda h: h.policy._wire._timeouts["read"], 7.0),
    "network.max_export_size": ({"": 'max_export_size = "5 GB"'}, lambda h: h.policy.bounds.export, 5_000_000_000),
    "network.min_rate": ({"": 'min_rate = "2 KB"'}, lambda h: h.policy.bounds.pace.rate, 2_000),
    "network.ca_file": (
        {"": f'ca_file = "{certifi.where()}"'},
        lambda h: (h.policy._wire._ca_file, h.watcher._pinger._route.ca_file),
        (certifi.where(),) * 2,
    ),
    "network.proxy": (
        {"": 'proxy = "http://127.0.0.1:3128"'},
        lambda h: (h.policy._wire._proxy, h.watcher._pinger._route.proxy),
        ("http://127.0.0.1:3128",) * 2,
    ),
    "notify.urls": ({"": 'urls = ["env:RELOAD_CHAT"]'}, channels, ["env:RELOAD_CHAT"]),
    "notify.details": (
        {"": 'details = "full"'},
        lambda h: [queue.channel._full for queue in h.watcher._notifier._queues],
        [True],
    ),
    "notify.command": ({"": 'command = ["/bin/true"]'}, channels, ["env:RELOAD_MAIL", "command true"]),
    "notify.desktop": ({"": "desktop = true"}, lambda h: len(channels(h)), 2),
    "notify.ping.url": ({"": 'url = "env:RELOAD_SWITCH"'}, lambda h: h.watcher._pinger.name, "ping env:RELOAD_SWITCH"),
    "notify.ping.every": ({"": 'every = "3m"'}, lambda h: h.watcher._pinger._settings.every, timedelta(minutes=3)),
    "notify.ping.allow_private_addresses": (
        {"": "allow_private_addresses = true"},
        lambda h: h.watcher._pinger._route.allow_private,
        True,
    ),
    "metrics.textfile": (
        {"": 'textfile = "/figures/strongroom.prom"'},
        lambda h: h.watcher._metrics.textfile,
        Path("/figures/strongroom.prom"),
    ),
    "metrics.listen": (
        {"": f'listen = "127.0.0.1:{PORT}"'},
        lambda _h: answers(PORT),
        True,
    ),
    "copy.name": ({"": 'name = "third-disk"'}, lambda h: h.copies.name, "third-disk"),
    "copy.path": ({"": 'path = "/third-disk"'}, lambda h: str(h.copies.path), "/third-disk"),
    "copy.s3.bucket": ({"": 'bucket = "others"'}, lambda h: h.bucket.bucket, "others"),
    "copy.s3.prefix": ({"": 'prefix = "a/b"'}, lambda h: h.bucket.prefix, "a/b"),
    "copy.s3.endpoint": (
        {"": 'endpoint = "https://s3.example.com"'},
        lambda h: h.bucket.endpoint,
        "https://s3.example.com",
    ),
    "copy.s3.region": ({"": 'region = "eu-west-1"'}, lambda h: h.bucket.region, "eu-west-1"),
    "copy.s3.addressing": ({"": 'addressing = "path"'}, lambda h: h.bucket.addressing.value, "path"),
    "copy.s3.access_key": ({"": 'access_key = "env:OTHER"'}, lambda h: str(h.bucket.access_key), "env:OTHER"),
    "copy.s3.secret_key": ({"": 'secret_key = "env:OTHER"'}, lambda h: str(h.bucket.secret_key), "env:OTHER"),
    "copy.s3.ca_file": ({"": 'ca_file = "/other.pem"'}, lambda h: str(h.bucket.ca_file), "/other.pem"),
    "copy.s3.proxy": ({"": 'proxy = "http://p.example.com"'}, lambda h: h.bucket.proxy, "http://p.example.com"),
    "copy.s3.timeout": ({"": 'timeout = "30s"'}, lambda h: h.bucket.timeout.total_seconds(), 30.0),
    "copy.rate": ({"": 'rate = "1 MB"'}, lambda h: h.copies.rate, 1_000_000),
    "provider.directories": (
        {"": f'directories = ["{GALLERY}"]', "source.provider": 'provider = "hookbridge-manifest"'},
        lambda h: h.source.kind,
        "hookbridge-manifest",
    ),
    "copy.repair": ({"": 'repair = "auto"'}, lambda h: h.copies.repair.value, "auto"),
    "copy.rehearse": ({"": 'rehearse = "90d"'}, lambda h: h.copies.rehearse, timedelta(days=90)),
    "copy.rehearse_in": ({"": 'rehearse_in = "/other"'}, lambda h: str(h.copies.rehearse_in), "/other"),
    "report.folder": ({"": 'folder = "/others"'}, lambda h: str(h.reports.folder), "/others"),
    "report.notify": ({"": 'notify = "env:RELOAD_OTHER"'}, lambda h: str(h.reports.notify), "env:RELOAD_OTHER"),
    "report.every": ({"": 'every = "year"'}, lambda h: h.reports.every.value, "year"),
    "report.audience": ({"": 'audience = "board"'}, lambda h: h.reports.audience.value, "board"),
    "evidence.every": ({"": 'every = "2d"'}, lambda h: h.checkpoints.evidence.every, 2 * _DAY),
    "evidence.timestamp_url": (
        {
            "": 'timestamp_url = "https://stamp.example"',
            "evidence.timestamp_ca": f'timestamp_ca = "{certifi.where()}"',
        },
        lambda h: h.checkpoints.evidence.timestamp_url,
        "https://stamp.example",
    ),
    "evidence.timestamp_ca": (
        {
            "": f'timestamp_ca = "{certifi.where()}"',
            "evidence.timestamp_url": 'timestamp_url = "https://stamp.example"',
        },
        lambda h: str(h.checkpoints.evidence.timestamp_ca),
        certifi.where(),
    ),
    "evidence.send_to.name": ({"": 'name = "afar"'}, lambda h: h.checkpoints.evidence.send_to[0].name, "afar"),
    "evidence.send_to.directory": (
        {"": 'directory = "/elsewhere"'},
        lambda h: h.checkpoints.evidence.send_to[0].directory,
        Path("/elsewhere"),
    ),
    "evidence.send_to.url": ({"": 'url = "env:X"'}, lambda h: str(h.checkpoints.evidence.send_to[1].url), "env:X"),
    "evidence.send_to.method": (
        {"": 'method = "post"'},
        lambda h: h.checkpoints.evidence.send_to[1].method.value,
        "post",
    ),
    "evidence.send_to.allow_private_addresses": (
        {"": "allow_private_addresses = true"},
        lambda h: h.checkpoints.evidence.send_to[1].allow_private_addresses,
        True,
    ),
    "evidence.send_to.command": (
        {"": 'command = ["/bin/other"]'},
        lambda h: h.checkpoints.evidence.send_to[2].command,
        ("/bin/other",),
    ),
    "evidence.send_to.notify": (
        {"": 'notify = "env:Y"'},
        lambda h: str(h.checkpoints.evidence.send_to[3].notify),
        "env:Y",
    ),
    "vault.lock": (
        {"": "lock = true"},
        lambda h: "vault.locked" in {each.kind for each in newest_moments(h.engine.vault, 10_000)},
        True,
    ),  # the last one: nothing turns it off again
}
RESTART = {"vault.path": ({"": 'path = "elsewhere"'}, "[vault] path changed, which needs a restart")}
COMMANDS = {
    "vault.identity": "read by commands that open archives, at each start",
    "vault.passphrase": "read by commands that open archives, at each start",
    "vault.log_queries": "read by searches, which are commands",
    "vault.organization": "named by statements and packages, which commands make",
    **{
        f"reconcile.{name}": "read by strongroom reconcile; a report has what that found"
        for name in (
            "name",
            "within",
            "keys",
            *(f"{side}{what}" for side in ("left", "right") for what in ("", "_dataset", "_where")),
        )
    },
}
"""Keys that the daemon never reads, and who does."""


def declared(noun: type[Section], prefix: str = "") -> Iterator[str]:
    """Yield every key that is declared."""
    for field, key in keys_of(noun).items():
        if isinstance(key, Table | Tables | Named):
            yield from declared(key.noun, f"{prefix}{name_of(field, key)}.")
        else:
            yield f"{prefix}{field}"


def test_every_key_of_the_configuration_has_an_entry() -> None:
    known = {*declared(Config), "retention.name"}  # the name is in the header
    assert known == {*TAKEN, *RESTART, *COMMANDS}
    assert len(known) > 60


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("reload")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RELOAD_KEY", "first")
        patch.setenv("RELOAD_OTHER", "second")
        file = folder / "strongroom.toml"
        dependencies = Dependencies(clock=lambda: NOW)
        made = initialize(
            NewVault(folder / "vault", file, folder / "identity.age", None), make_identity(os.urandom), dependencies
        )
        other = make_identity(os.urandom).recipient
        text = BASE.format(one=made.working)
        file.write_text(text)
        config = load_config(file)
        daemon = Daemon(config, dependencies)
        with open_engine(config, "tests", dependencies) as engine, WorkerPool(engine, 1) as pool:
            service = Service(engine, config, pool, lambda: 0.0, daemon._watcher, Intervals())
            yield House(folder, daemon, service, text, other)
            daemon._watcher.finish(engine, 0.1)


@pytest.mark.parametrize("key", TAKEN)
def test_a_key_is_taken_over_at_once(house: House, key: str, caplog: pytest.LogCaptureFixture) -> None:
    lines, observe, expected = TAKEN[key]
    house.reload({})
    before = observe(house)
    filled = {
        name or key: line.replace("{other}", house.other).replace("{note}", NOTE_KEY) for name, line in lines.items()
    }
    house.reload(filled)
    assert not house.service._refused, caplog.text
    after = observe(house)
    assert after != before
    assert expected is None or after == expected
    holders = (house.daemon, house.daemon._checkpoints, house.daemon._destruction, house.daemon._crash_notice)
    assert len({id(each._config) for each in holders}) == 1
    assert house.service.pool._engine is house.engine
    if key != "vault.lock":
        house.reload({})
        assert key.startswith("retention.name") or observe(house) == before


@pytest.mark.parametrize("key", RESTART)
def test_a_key_that_needs_a_restart_is_named(house: House, key: str, caplog: pytest.LogCaptureFixture) -> None:
    lines, words = RESTART[key]
    before = house.daemon._config
    house.reload({key: lines[""]})
    assert (house.service._refused, house.watcher._refused, house.daemon._config) == (True, True, before)
    assert words in caplog.text
    assert "the changed configuration is refused" in house.service.words()
    assert "configuration" in alerts(house)
    house.reload({})
    assert not house.service._refused
    assert "configuration" not in alerts(house)


def alerts(house: House) -> set[str]:
    """Let the watcher look, and return the keys of the alerts that stand then."""
    house.watcher(house.engine, house.service._plans, ClockVerdict())
    return {alert.key for alert in open_alerts(house.engine.vault)}


@pytest.mark.parametrize("key", COMMANDS)
def test_the_daemon_reads_none_of_the_keys_of_commands(key: str) -> None:
    section, _, name = key.partition(".")
    folder = Path(__file__).parents[2] / "agent" / "strongroom" / "daemon"
    assert not [path.name for path in folder.glob("*.py") if f"{section}.{name}" in path.read_text()]


def test_every_entry_has_its_line() -> None:
    marked = set(re.findall(r"(?m)# ([a-z0-9_.]+)$", BASE))
    assert marked == {*TAKEN, *RESTART, *COMMANDS}
