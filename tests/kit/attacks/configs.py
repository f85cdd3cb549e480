"""What somebody can do who can write to the configuration, or set the clock of a process."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import timedelta

from kit.attacks.logs import approve
from kit.attacks.rows import SQL, sql
from kit.attacks.scene import NOW, Scene, run
from strongroom.age.keys import X25519Identity
from strongroom.engine.proof.checkpoints import sign_log, signer_of
from strongroom.evidence.note import Signer

Act = Callable[[Scene], object]
YEARS = timedelta(days=8 * 366)


def change(scene: Scene, pattern: str, new: str) -> None:
    path = scene.base / "strongroom.toml"
    text, count = re.subn(pattern, new, path.read_text(), flags=re.MULTILINE)
    assert count
    path.write_text(text)


def another_recipient(scene: Scene) -> None:
    key = str(X25519Identity.generate(os.urandom).recipient)
    change(scene, r"^recipients = \[", f'recipients = ["{key}", ')


def another_approver(scene: Scene) -> None:
    change(scene, r"^approvers = .*", f'approvers = ["{Signer.generate("me", os.urandom).verifier}"]')


def another_signer(scene: Scene) -> None:
    path = scene.base / "strongroom-signing.key"
    path.write_text(Signer.generate("strongroom", os.urandom).reveal() + "\n")
    with scene.opened() as vault:
        sign_log(vault, signer_of(scene.config), lambda: NOW + timedelta(minutes=50))


def shorter_everywhere(scene: Scene) -> None:
    """Take lock mode back and make a class shorter, in the catalogue as in the configuration."""
    sql(scene, SQL["lock mode is taken back"])
    sql(scene, SQL["a class is made shorter"])
    change(scene, "^lock = true", "lock = false")
    change(scene, '^period = "7y"', 'period = "1d"')


def approver_and_approval(scene: Scene) -> None:
    another_approver(scene)
    approve(scene)


def alone_and_back(scene: Scene) -> None:
    """Let one person be enough, plan to destroy all that is over as that one, and put the configuration back."""
    path = scene.base / "strongroom.toml"
    before = path.read_text()
    change(scene, "^people = 2", "people = 1")
    change(scene, r"^approvers = .*", "approvers = []")
    plan = scene.names["planned"]
    run(scene, "destroy", "undo", plan, "--reason", "mine")
    made = json.loads(run(scene, "destroy", "propose", "--archive", plan, "--json").output)["id"]
    assert run(scene, "destroy", "approve", made, "--yes", "--count", "1").code == 0
    path.write_text(before)


CONFIGURATIONS: dict[str, Act] = {
    "a period is made shorter": lambda scene: change(scene, '^period = "7y"', 'period = "1d"'),
    "a period is made shorter, in rows too, and lock mode taken back": shorter_everywhere,
    "what is over is destroyed by itself": lambda scene: change(scene, '^at_end = "ask"', 'at_end = "destroy"'),
    "a recipient is added": another_recipient,
    "another approver is named": another_approver,
    "another approver is named, and lines approve": approver_and_approval,
    "one person is enough": lambda scene: change(scene, "^people = 2", "people = 1"),
    "one approves alone, and all is put back": alone_and_back,
    "lock mode is no longer asked for": lambda scene: change(scene, "^lock = true", "lock = false"),
    "another key signs": another_signer,
    "another organization is named": lambda scene: change(
        scene, r"^\[vault\]", '[vault]\norganization = "Another Ltd"'
    ),
}


def ahead(_scene: Scene) -> timedelta:
    return YEARS


def ahead_with_row(scene: Scene) -> timedelta:
    sql(scene, SQL["the vault's time is 2034"])
    return YEARS


def ahead_without_hold(scene: Scene) -> timedelta:
    sql(scene, SQL["a hold is deleted"])
    return YEARS


CLOCKS: dict[str, Act] = {
    "a clock of eight years later": ahead,
    "a clock of eight years later, and the vault's time": ahead_with_row,
    "a clock of eight years later, and no hold": ahead_without_hold,
}
