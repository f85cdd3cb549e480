"""Who may approve a destruction, and how many it takes: every change is logged, raises an alert, and audits show it."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kit.key_rotation import NOW, Strongbox, open_strongbox
from strongroom.engine.core.alert_store import open_alerts
from strongroom.engine.destruction.context import (
    CHANGED,
    DestructionRules,
    logged_rules,
    note_rules,
    unconfirmed_changes,
    weakened,
)
from strongroom.evidence.line import Entry
from strongroom.model.errors import VaultError
from strongroom.vault.log import add_entry
from strongroom.vault.vault import open_vault

WEEK, HOUR = timedelta(days=7), timedelta(hours=1)
ALICE, BOB, EVE = ("alice+1+A", "bob+2+B", "eve+3+E")
SIGNED = DestructionRules(2, WEEK, (ALICE, BOB))


def severities(box: Strongbox) -> list[str]:
    return [each.severity for each in open_alerts(box.vault)]


def test_a_vault_begins_with_the_default_rules(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        assert not note_rules(box.vault, DestructionRules(), NOW)
        assert (severities(box), box.kinds()) == ([], ["vault.created"])
        assert list(unconfirmed_changes(box.vault.catalogue, DestructionRules())) == []


@pytest.mark.parametrize(
    ("before", "now", "weaker"),
    [
        (DestructionRules(), DestructionRules(people=1), ["1 person instead of 2"]),
        (DestructionRules(), DestructionRules(cooling_off=HOUR), ["a cooling-off of 1h instead of 1w"]),
        (SIGNED, DestructionRules(), ["approvals without a signature"]),
        (SIGNED, DestructionRules(approvers=(ALICE, BOB, EVE)), ["1 other approver"]),
        (SIGNED, DestructionRules(approvers=(EVE,)), ["1 other approver"]),
        (SIGNED, DestructionRules(approvers=(ALICE,)), []),
        (DestructionRules(), DestructionRules(people=3), []),
        (DestructionRules(), SIGNED, []),
        (
            SIGNED,
            DestructionRules(1, HOUR),
            ["1 person instead of 2", "a cooling-off of 1h instead of 1w", "approvals without a signature"],
        ),
    ],
)
def test_a_change_is_logged_and_alerts_the_louder_the_less_it_takes(
    tmp_path: Path, before: DestructionRules, now: DestructionRules, weaker: list[str]
) -> None:
    with open_strongbox(tmp_path) as box:
        note_rules(box.vault, before, NOW - HOUR)
        known = len(severities(box))
        assert weakened(before, now) == weaker
        assert note_rules(box.vault, now, NOW)
        assert not note_rules(box.vault, now, NOW)  # once
        assert severities(box)[known:] == ["critical" if weaker else "warning"]
        facts = box.bodies(CHANGED)[-1]["facts"]
        assert (facts["people"], facts["approvers"]) == (now.people, list(now.approvers))
        assert facts["before"]["people"] == before.people
        words = next(unconfirmed_changes(box.vault.catalogue))
        assert all(each in words for each in weaker)


def test_there_and_back_leaves_two_lines_and_two_alerts(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        note_rules(box.vault, DestructionRules(people=1), NOW)
        note_rules(box.vault, DestructionRules(), NOW + HOUR)
        assert box.kinds().count(CHANGED) == 2
        assert severities(box) == ["critical", "warning"]
        assert len(list(unconfirmed_changes(box.vault.catalogue, DestructionRules()))) == 2


def test_the_order_of_approvers_is_no_change(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        note_rules(box.vault, SIGNED, NOW)
        assert not note_rules(box.vault, DestructionRules(2, WEEK, (BOB, ALICE, BOB)), NOW)


def test_an_audit_says_when_the_configuration_has_other_rules_than_the_log(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        (words,) = unconfirmed_changes(box.vault.catalogue, DestructionRules(people=1))
        assert "the log requires 2 people" in words


def test_a_row_outside_of_the_chain_hides_no_change(tmp_path: Path) -> None:
    """An intruder enters the rules that they are about to configure as a row, so that the start finds no change."""
    with open_strongbox(tmp_path) as box:
        line = b'{"at":"2026-11-20T12:00:00Z","facts":{"approvers":[],"cooling_off_seconds":0,"people":1},"kind":"%b"}'
        row = (999, "2026-11-20T12:00:00.000000Z", CHANGED, "", "", "", line % CHANGED.encode(), "")
        with box.vault.catalogue.transaction():
            box.vault.catalogue.write("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)
        assert logged_rules(box.vault.catalogue) == DestructionRules()
        with box.vault.catalogue.transaction():
            box.vault.catalogue.write("DELETE FROM entries WHERE seq = 999")
        assert note_rules(box.vault, DestructionRules(people=1, cooling_off=timedelta(0)), NOW)


def test_a_line_without_its_facts_is_named(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        with box.vault.catalogue.transaction():
            add_entry(box.vault.catalogue, Entry(CHANGED, NOW, facts={"people": "one"}))
        with pytest.raises(VaultError, match="entry 2"):
            logged_rules(box.vault.catalogue)


def test_the_rules_survive_another_opening(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        note_rules(box.vault, SIGNED, NOW)
        root = box.vault.layout.root
        with closing(open_vault(root)) as again:
            assert logged_rules(again.catalogue) == SIGNED
