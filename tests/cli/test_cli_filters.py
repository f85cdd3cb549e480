"""A filter that names nothing known is refused, with the nearest name there is: an empty list would say something."""

from __future__ import annotations

import json

import pytest

from kit.cli_home import Home, Invoke
from strongroom.model.errors import UsageError
from strongroom.model.names import nearest_words, pick_name
from strongroom.text.events import KINDS

PERIOD = ("--from", "2026-11-01", "--to", "2026-11-02")
UNKNOWN = [
    (["archives", "--stream", "zavu-main-recrods"], "zavu-main-records"),
    (["archives", "--stream", "zavu-main-recrods", "--holding", "destroyed"], "zavu-main-records"),
    (["archives", "--holding", "quarantine"], "quarantined"),
    (["archives", "--sort", "sizes"], "size"),
    (["jobs", "--stream", "zavu-main-recrods"], "zavu-main-records"),
    (["jobs", "--state", "fialed"], "failed"),
    (["jobs", "--purpose", "coverge"], "coverage"),
    (["coverage", "--stream", "zavu-main-recrods"], "zavu-main-records"),
    (["retention", "plan", "--stream", "zavu-main-recrods"], "zavu-main-records"),
    (["retention", "plan", "--fate", "on-hlod"], "on-hold"),
    (
        ["retention", "extend", "--stream", "zavu-main-recrods", "--class", "standard", "--reason", "x"],
        "zavu-main-records",
    ),
    (["hold", "list", "--matter", "nosuch"], "known: none"),
    (["handover", "--matter", "nosuch", "--to", "made"], "known: none"),
    (["audit", "log", "--kind", "job.planed"], "job.planned"),
    (["audit", "log", "--archive", "nosuch"], "strongroom archives"),
    (["audit", "log", "--job", "nosuch"], "strongroom jobs"),
    (["records", "zavu-main-recrods", *PERIOD], "zavu-main-records"),
    (
        ["records", "zavu-main-records", *PERIOD, "--dataset", "mesages"],
        "messages",
    ),
    (["export", "zavu-main", *PERIOD, "--dataset", "mesages"], "messages"),
    (["export", "zavu-mian", *PERIOD], "zavu-main"),
    (
        ["coverage", "statement", *PERIOD, "--stream", "zavu-main-recrods"],
        "records",
    ),
    (["retention", "extend", "--stream", "zavu-main-records", "--class", "standrad", "--reason", "x"], "standard"),
    (["hold", "place", "--matter", "m", "--reason", "x", "--dataset", "mesages"], "messages"),
    (
        ["erase", "request", "--ground", "x", "--subject", "x", "--stream", "zavu-main-recrods", *PERIOD],
        "zavu-main-rec",
    ),
    (["source", "check", "zavu-mian"], "zavu-main"),
    (["plan", "edit", "zavu-main-recrods", "--priority", "1"], "zavu-main-records"),
    (["pause", "zavu-main-recrods"], "zavu-main-records"),
    (["archives", "show", "nosuch"], "strongroom archives"),
    (["jobs", "show", "nosuch"], "strongroom jobs"),
    (["wake", "zavu-main-recrods"], "zavu-main-records"),
]


@pytest.mark.parametrize(("args", "near"), UNKNOWN)
def test_a_filter_that_names_nothing_known_is_refused(args: list[str], near: str, home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, *args)
    assert result.exit_code == 2, result.output
    assert near in result.stderr.replace("\n", " ")
    assert not result.stdout


@pytest.mark.parametrize(
    "args",
    [
        ["archives", "--stream", "ZAVU-main-records"],
        ["jobs", "--stream", "Zavu-Main-Records"],
        ["retention", "plan", "--stream", "zavu-main-records", "--all"],
        ["audit", "log", "--kind", "job"],
        ["audit", "log", "--kind", "Job.Planned"],
    ],
)
def test_a_known_name_is_found_without_case(args: list[str], home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, *args)
    assert result.exit_code == 0, result.output
    assert result.stdout


@pytest.mark.parametrize("kind", ["hold", "destruction.begun"])
def test_a_kind_that_the_log_may_have_and_has_not_is_an_empty_list(kind: str, home: Home, invoke: Invoke) -> None:
    result = invoke("--config", home.config, "audit", "log", "--kind", kind)
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_stream_that_is_no_longer_configured_can_still_be_listed(own_home: Home, invoke: Invoke) -> None:
    before = json.loads(invoke("--config", own_home.config, "archives", "--json").stdout)["archives"]
    own_home.config.write_text(own_home.config.read_text().replace('name = "zavu-main-records"', 'name = "another"'))
    listed = invoke("--config", own_home.config, "archives", "--stream", "zavu-main-records", "--json")
    assert json.loads(listed.stdout)["archives"] == before


def test_names_are_compared_without_case_and_composition() -> None:
    assert pick_name("matter", "CAFE\u0301", ["café"], "the vault") == "café"
    assert pick_name("matter", "a", ["A", "a"], "the vault") == "a"
    with pytest.raises(UsageError, match="could be any of ss, ß"):
        pick_name("matter", "SS", ["ss", "ß"], "the vault")
    assert "and 88 more" in nearest_words("~", [f"name-{number}" for number in range(100)])


def test_every_kind_of_entry_has_a_name_that_a_filter_takes() -> None:
    assert all(kind.replace(".", "").replace("-", "").isalpha() for kind in KINDS)
