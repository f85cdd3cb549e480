"""Who may open new archives: every change is logged and told, whoever made it, and nobody is locked out by one."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kit.engine_bench import Bench
from kit.key_rotation import DAY, NOW, Strongbox, identity, keys_of, open_strongbox
from strongroom.cli.key_lines import recipient_document
from strongroom.config.edit import rewrite_recipients
from strongroom.config.load import load_config
from strongroom.engine.access.recipients import (
    RecipientChange,
    change_of,
    drill_alarms,
    last_drill,
    note_recipients,
    prove,
    recipient_statuses,
    require_keepers,
)
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.alert_store import due_alerts, open_alerts, reconcile
from strongroom.engine.core.sources import Dependencies
from strongroom.model.alert import Level
from strongroom.model.errors import UsageError, VaultError
from strongroom.vault.recipients import all_recipients, put_drill


def alarms(box: Strongbox) -> list[tuple[str, str]]:
    return [(alert.severity, alert.title) for alert in open_alerts(box.vault)]


def test_the_set_that_the_vault_was_made_with_is_no_change(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        assert note_recipients(box.vault, box.recipients, NOW) is None
        assert change_of(box.vault, list(reversed(box.recipients))) is None
        assert {each.since for each in all_recipients(box.vault.catalogue)} == {NOW - DAY}
        assert box.kinds() == ["vault.created"]
        assert alarms(box) == []


def test_a_key_that_an_intruder_adds_to_the_configuration_is_logged_and_told(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        theirs = str(identity().recipient)
        assert note_recipients(box.vault, [*box.recipients, theirs], NOW) == RecipientChange((theirs,), ())
        (body,) = box.bodies("recipients.changed")
        assert body["facts"] == {
            "old": sorted(box.recipients),
            "new": sorted([*box.recipients, theirs]),
            "noticed": "configuration",
        }
        (alert,) = due_alerts(box.vault, NOW)
        assert alert.severity == Level.CRITICAL
        assert "1 added" in alert.title
        assert theirs[:12] in alert.body
        assert theirs[:12] not in alert.title
        # It stands until it was told, though the next look sees nothing of it; nothing is logged twice.
        assert note_recipients(box.vault, [*box.recipients, theirs], NOW) is None
        reconcile(box.vault, [], NOW)
        assert len(due_alerts(box.vault, NOW)) == 1
        assert box.kinds().count("recipients.changed") == 1


def test_a_row_that_somebody_wrote_makes_no_key_one_of_the_set_in_force(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        assert note_recipients(box.vault, box.recipients, NOW) is None
        theirs = str(identity().recipient)
        with closing(sqlite3.connect(box.vault.layout.catalogue)) as other, other:
            other.execute(
                "INSERT INTO recipients SELECT ?, label, since, proven_at, NULL, '' FROM recipients LIMIT 1", (theirs,)
            )
        assert note_recipients(box.vault, [*box.recipients, theirs], NOW) == RecipientChange((theirs,), ())
        assert box.kinds() == ["vault.created", "recipients.changed"]
        assert [severity for severity, _title in alarms(box)] == [Level.CRITICAL]


def test_a_line_that_somebody_changed_makes_no_key_one_of_the_set_in_force(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        theirs = str(identity().recipient)
        note_recipients(box.vault, [*box.recipients, theirs], NOW)
        note_recipients(box.vault, box.recipients, NOW)
        with closing(sqlite3.connect(box.vault.layout.catalogue)) as other, other:
            old, new = json.dumps(sorted(box.recipients)), json.dumps(sorted([*box.recipients, theirs]))
            changed = "UPDATE entries SET line = CAST(replace(CAST(line AS TEXT), ?, ?) AS BLOB)"
            other.execute(changed, (f'"new":{old}'.replace(" ", ""), f'"new":{new}'.replace(" ", "")))
        assert change_of(box.vault, [*box.recipients, theirs]) is not None or note_refused(box)


def note_refused(box: Strongbox) -> bool:
    """Say whether the log is refused, as its newest row is not the file's last line."""
    with pytest.raises(VaultError):
        box.vault.write_log()
    return True


def test_taken_out_again_before_anybody_looked_is_told_twice(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        theirs = str(identity().recipient)
        note_recipients(box.vault, [*box.recipients, theirs], NOW)
        note_recipients(box.vault, box.recipients, NOW + DAY)
        assert [level for level, _title in alarms(box)] == [Level.CRITICAL, Level.WARNING]
        retired = [each for each in all_recipients(box.vault.catalogue) if each.retired_at]
        assert [(each.key, each.retired_at) for each in retired] == [(theirs, NOW + DAY)]


def test_a_start_notices_what_was_changed_while_nothing_ran(bench: Bench) -> None:
    theirs = str(identity().recipient)
    rewrite_recipients(bench.config.file, (*bench.config.vault.recipients, theirs))
    with open_engine(load_config(bench.config.file), "tests", Dependencies(clock=bench.clock)) as engine:
        assert [alert.severity for alert in open_alerts(engine.vault)] == [Level.CRITICAL]


def test_a_proof_is_a_challenge_that_is_opened(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        note_recipients(box.vault, box.recipients, NOW)
        key = str(box.paper.recipient)
        with pytest.raises(UsageError, match="does not belong"):
            prove(box.vault, key, [box.working], os.urandom, NOW)
        assert box.kinds() == ["vault.created"]
        prove(box.vault, key, [box.paper], os.urandom, NOW)
        assert box.bodies("recipient.proven")[0]["facts"] == {"recipient": key}
        assert {each.key for each in all_recipients(box.vault.catalogue) if each.proven_at} == {key}


def test_the_last_key_and_the_last_proven_key_stay(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        note_recipients(box.vault, box.recipients, NOW)
        with pytest.raises(UsageError, match="last key"):
            require_keepers(box.vault, [], unproven=True)
        with pytest.raises(UsageError, match="no remaining key has been proven"):
            require_keepers(box.vault, keys_of([box.paper]))
        require_keepers(box.vault, keys_of([box.paper]), unproven=True)
        prove(box.vault, str(box.paper.recipient), [box.paper], os.urandom, NOW)
        require_keepers(box.vault, keys_of([box.paper]))


def test_the_list_tells_what_each_key_opens(tmp_path: Path) -> None:
    with open_strongbox(tmp_path, 3) as box:
        fresh = identity()
        box.rotate([box.working, fresh])
        box.put(keys_of([box.working, box.paper]))
        found = {each.recipient.key: each for each in recipient_statuses(box.vault, keys_of([box.working, fresh]))}
        opens = {key: (each.configured, each.opens) for key, each in found.items()}
        assert opens == {
            str(box.working.recipient): (True, 4),
            str(fresh.recipient): (True, 3),
            str(box.paper.recipient): (False, 1),
        }


def test_the_list_has_keys_that_were_never_in_force(tmp_path: Path) -> None:
    with open_strongbox(tmp_path) as box:
        note_recipients(box.vault, box.recipients, NOW)
        stranger, named = identity(), identity()
        box.put(keys_of([box.working, stranger]))
        listed = recipient_statuses(box.vault, [*box.recipients, *keys_of([named])])
        unseen = {each.recipient.key: (each.configured, each.opens) for each in listed if each.unseen}
        assert unseen == {str(named.recipient): (True, 0), str(stranger.recipient): (False, 1)}
        told = [recipient_document(each)["since"] for each in listed if each.unseen]
        assert told == [None, None]


def test_a_key_without_a_drill_becomes_an_alarm(tmp_path: Path) -> None:
    every = timedelta(days=180)
    with open_strongbox(tmp_path) as box:
        note_recipients(box.vault, box.recipients, NOW)
        assert drill_alarms(box.vault, NOW + 900 * DAY, every) == []  # an empty vault has nothing to try
        archive = box.put()
        assert drill_alarms(box.vault, NOW + 178 * DAY, every) == []
        assert drill_alarms(box.vault, NOW + 900 * DAY, None) == []
        (alarm,) = drill_alarms(box.vault, NOW + 180 * DAY, every)
        assert "2 keys" in alarm.title
        with box.vault.catalogue.transaction():
            for each in box.recipients:
                put_drill(box.vault.catalogue, each, archive.id, NOW + 180 * DAY, passed=each != box.recipients[0])
        (alarm,) = drill_alarms(box.vault, NOW + 181 * DAY, every)
        assert "1 key " in alarm.title
        assert last_drill(box.vault) == NOW + 180 * DAY
