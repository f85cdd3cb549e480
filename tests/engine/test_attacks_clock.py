"""What a row, a local clock or a server of one's own can do about the time by which archives are destroyed: nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from strongroom.config.load import load_config
from strongroom.config.schema import Config, DestructionSettings
from strongroom.engine.core.engine import SourceAccount
from strongroom.engine.core.identities import make_identity
from strongroom.engine.core.sources import Dependencies, address_of, note_addresses
from strongroom.engine.core.trusted_clock import confirm, read_time, require_trustworthy_time
from strongroom.engine.destruction import clock_acceptance as acceptance
from strongroom.engine.destruction.clock_acceptance import ClockAcceptance, accept_time
from strongroom.engine.proof.history_audit import audit_history
from strongroom.engine.queries.initialize import NewVault, initialize
from strongroom.evidence.line import Entry
from strongroom.evidence.note import Signer
from strongroom.evidence.verifier import Report
from strongroom.model.clock_check import ClockVote, Tolerance, check_votes
from strongroom.model.destruction import Person, StepRefused
from strongroom.model.errors import UsageError, WorldError
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault, open_vault

BEGIN = datetime(2026, 11, 30, 9, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = datetime(2034, 12, 30, 9, tzinfo=UTC)
REAL, FAKE = "https://api.example.com:443", "http://127.0.0.1:4711"
ALICE, BOB = Person(1000, "alice", 1000), Person(1001, "bob", 1001)
AGREES = timedelta(0)


class Stage:
    """A vault of day one: made, its source entered, then one archive in the log."""

    def __init__(self, base: Path) -> None:
        self.now = BEGIN
        self.dependencies = Dependencies(clock=lambda: self.now)
        wanted = NewVault(base / "vault", base / "strongroom.toml", base / "identity.txt", None)
        initialize(wanted, make_identity(os.urandom), self.dependencies)
        self.config: Config = load_config(base / "strongroom.toml")
        self.vault: Vault = open_vault(base / "vault")
        self.address(REAL)
        self.enter("job.proven", archive="01kb")

    def enter(self, kind: str, archive: str = "") -> None:
        with self.vault.catalogue.transaction():
            add_entry(self.vault.catalogue, Entry(kind, self.now, archive=archive))

    def address(self, address: str, source: str = "zavu") -> None:
        named = SourceAccount(source, "zavu", None, address=address)  # type: ignore[arg-type]
        note_addresses(self.vault, {source: named}, self.now)

    def hear(self, address: str = REAL, source: str = "zavu") -> None:
        confirm(self.vault, self.now, [ClockVote(source, address, address, AGREES)])

    def require(self, skews: dict[str, timedelta | None] | None = None, address: str = REAL) -> None:
        names = dict.fromkeys(skews or {}, address)
        require_trustworthy_time(self.vault, lambda: self.now, skews or {}, addresses=names)

    def findings(self) -> list[str]:
        report = Report()
        audit_history(self.vault, report)
        return [each.where for each in report.findings if each.code == "time"]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    with closing(made.vault):
        yield made


def test_a_row_and_a_local_clock_do_not_make_seven_years_pass(stage: Stage) -> None:
    stage.now = BEGIN + DAY
    stage.hear()
    stage.now = LATER
    for name in ("time", "time confirmed"):
        with stage.vault.catalogue.transaction():
            stage.vault.catalogue.write(
                "INSERT INTO vault VALUES (?, '2034-12-30T09:00:00.000000Z')"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                name,
            )
    with pytest.raises(WorldError, match="past the time"):
        stage.require()


@pytest.mark.parametrize("when", ["at the leap", "the day before", "three weeks before"])
def test_a_server_of_ones_own_vouches_for_nothing(stage: Stage, when: str) -> None:
    stage.now = {"at the leap": LATER, "the day before": BEGIN + DAY, "three weeks before": BEGIN + DAY}[when]
    stage.address(FAKE)
    if when == "three weeks before":
        stage.now += 21 * DAY
        stage.hear(FAKE)
    stage.now = LATER
    stage.hear(FAKE)
    with pytest.raises(WorldError, match="too new to confirm"):
        stage.require({"zavu": AGREES}, FAKE)
    stage.enter("hold.seen")
    assert stage.findings()


def test_a_new_source_vouches_for_nothing_before_its_address_has_stood_for_a_month(stage: Stage) -> None:
    stage.now = BEGIN + DAY
    stage.address(FAKE, "second")
    for day in range(1, 36):
        stage.now = BEGIN + day * DAY
        stage.hear(REAL)
    stage.now += 20 * DAY
    stage.require({"second": AGREES}, FAKE)


def test_nobody_creeps_through_the_years_in_small_steps(stage: Stage) -> None:
    for _ in range(60):
        stage.now += timedelta(hours=23)
        stage.enter("request.answered")
    with pytest.raises(WorldError, match="past the time"):
        stage.require()


def test_a_vault_that_rested_goes_on_when_its_provider_says_the_time(stage: Stage) -> None:
    stage.now = LATER
    with pytest.raises(WorldError, match="past the time"):
        stage.require({"zavu": None})
    stage.require({"zavu": AGREES})
    stage.require()
    stage.enter("hold.seen")
    assert not stage.findings()


def test_weekly_and_monthly_runs_are_no_finding(stage: Stage) -> None:
    for days in (7, 7, 31, 30):
        stage.now += days * DAY
        stage.hear()
        stage.enter("job.planned")
    assert not stage.findings()
    stage.require()


def test_a_leap_that_was_taken_back_stays_a_finding_and_stops_destruction_until_people_accept_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "build_sources", lambda _config, _doors: {})
    stage.now = LATER
    stage.enter("hold.placed.not")
    stage.now = BEGIN + 2 * DAY
    stage.hear()
    assert any(each.startswith("line ") for each in stage.findings())
    with pytest.raises(WorldError, match="jumps ahead"):
        stage.require({"zavu": AGREES})
    for person in (ALICE, BOB):
        with pytest.raises(WorldError, match="jumps ahead"):
            stage.require()
        accept(stage, person)
    stage.require()
    assert stage.findings() == ["line 5"]  # that it ran backwards stays in the log for good


def accept(stage: Stage, by: Person, key: Signer | None = None, approvers: Sequence[str] = ()) -> ClockAcceptance:
    config = replace(stage.config, destruction=DestructionSettings(people=2, approvers=tuple(approvers)))
    return accept_time(config, stage.vault, stage.dependencies, by, "compared with the wall clock", key)


def test_a_time_is_accepted_by_as_many_people_as_a_destruction_takes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acceptance, "build_sources", lambda _config, _doors: {})
    with pytest.raises(UsageError, match="nothing to accept"):
        accept(stage, ALICE)
    stage.now = LATER
    assert not accept(stage, ALICE).enough
    with pytest.raises(StepRefused, match="already accepted this time"):
        accept(stage, ALICE)
    with pytest.raises(WorldError):
        stage.require()
    stage.now += timedelta(minutes=5)
    assert accept(stage, BOB).enough
    stage.require()
    assert not stage.findings()


def test_who_accepted_another_time_is_not_counted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "build_sources", lambda _config, _doors: {})
    stage.now = BEGIN + 9 * DAY
    accept(stage, ALICE)
    stage.now = LATER
    assert not accept(stage, BOB).enough


def test_in_a_user_namespace_keys_tell_people_apart(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptance, "build_sources", lambda _config, _doors: {})
    stage.now = LATER
    mapped = Person(0, "root", mapped=True)
    with pytest.raises(StepRefused, match="user namespace"):
        accept(stage, mapped)
    one, two = (Signer.generate(name, os.urandom) for name in ("one", "two"))
    keys = [str(one.verifier), str(two.verifier)]
    with pytest.raises(UsageError, match="requires a signature"):
        accept(stage, mapped, None, keys)
    assert not accept(stage, mapped, one, keys).enough
    with pytest.raises(StepRefused, match="already"):
        accept(stage, mapped, one, keys)
    assert accept(stage, mapped, two, keys).enough
    assert not read_time(stage.vault.catalogue, approvers=keys, people=2).leaps
    assert read_time(stage.vault.catalogue, approvers=keys[:1], people=2).leaps


def test_nobody_accepts_a_time_that_a_provider_contradicts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    told = [ClockVote("zavu", REAL, REAL, BEGIN - LATER)]
    monkeypatch.setattr(acceptance, "clock_votes", lambda _sources: told)
    stage.now = LATER
    with pytest.raises(WorldError, match="not accepted"):
        accept(stage, ALICE)


@pytest.mark.parametrize(
    ("skews", "right"),
    [
        ({"a": 0}, True),
        ({"a": 2}, False),
        ({"a": 0, "b": 2}, True),
        ({"a": 2, "b": 2}, False),
        ({"a": 0, "b": 2, "c": 2}, False),
        ({"a": 0, "b": 2, "c": 9}, True),
        ({"a": 0, "b": 0, "c": 2}, True),
        ({"a": 0, "b": 2, "c": None}, True),
        ({"a": None}, True),
        ({}, True),
    ],
)
def test_one_voice_does_not_stop_the_others_and_two_that_agree_outvote_one(
    skews: dict[str, int | None], right: bool
) -> None:
    voices = [
        ClockVote(name, name, "", None if hours is None else timedelta(hours=hours)) for name, hours in skews.items()
    ]
    assert (check_votes(voices, Tolerance()).fault is None) is right


def test_sources_of_one_origin_are_one_voice() -> None:
    wrong = [ClockVote(name, "https://same", "", timedelta(hours=2)) for name in ("b", "c", "d")]
    assert check_votes([ClockVote("a", "https://other", "", AGREES), *wrong], Tolerance()).fault is None


def test_an_address_names_the_origin_and_what_may_stand_between(stage: Stage, tmp_path: Path) -> None:
    text = (
        stage.config.file.read_text()
        + '\n[[source]]\nname = "zavu"\nprovider = "zavu"\napi_key = "env:K"\n'
        + 'base_url = "https://other.example/v1"\n'
    )
    stage.config.file.write_text(text)
    config = load_config(stage.config.file)
    (source,) = config.sources
    assert address_of(source, config.network) == "https://other.example:443"
    assert address_of(replace(source, base_url=None), config.network) == ""
    authorities = tmp_path / "ca.pem"
    authorities.write_text("one")
    network = replace(config.network, proxy="http://u:p@proxy:1", ca_file=authorities)
    told = address_of(source, network)
    assert "u:p" not in told
    authorities.write_text("two")
    assert address_of(source, network) != told
