"""After keys were rotated, or the catalogue made again from the files, the evidence goes on where it was."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from kit.destruction import SIGNER, make_house
from kit.evidence_chain import codes, hand_to, make_keep, run_alone
from kit.sealed_vault import AT
from strongroom.age.keys import X25519Identity
from strongroom.engine.access.key_files import Rotation, rotate
from strongroom.engine.core.identities import load_identities
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.proof.audit import audit_vault
from strongroom.engine.proof.checkpoints import sign_log
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.vault.checkpoints import all_checkpoints
from strongroom.vault.vault import open_vault


def test_a_rebuilt_vault_passes_its_audit_and_signs_on(tmp_path: Path) -> None:
    house = make_house(tmp_path)
    _held, gone = house.add(2)
    house.approve_and_cool(gone)
    carry_out(house.context())
    outside = tmp_path / "outside.note"
    outside.write_text(sign_log(house.vault, SIGNER, lambda: house.now).note)
    house.vault.close()
    done = rebuild(Rebuild(house.vault.layout.root, lambda: house.now))
    assert done.faults == []
    vault = open_vault(house.vault.layout.root)
    try:
        report = audit_vault(vault, [str(SIGNER.verifier)], [outside])
        assert [(each.code, each.where) for each in report.findings] == []
        assert report.vouched
        sign_log(vault, SIGNER, lambda: house.now + timedelta(days=1))
        assert len(all_checkpoints(vault.catalogue)) == 2
        assert codes(audit_vault(vault, [str(SIGNER.verifier)], [outside])) == []
        lines = vault.layout.log.read_bytes()
        assert lines.count(b"checkpoint.signed") == 2
    finally:
        vault.close()


def test_a_rebuilt_vault_hands_over(tmp_path: Path) -> None:
    keep = make_keep(tmp_path / "here", destroyed=False)
    for path in keep.root.glob("catalogue.sqlite*"):
        path.unlink()
    rebuild(Rebuild(keep.root, lambda: AT + timedelta(days=1)))
    made = hand_to(keep, tmp_path / "package")
    assert len(made.archives) == 3
    told = run_alone(made.path / "strongroom-verify.py", made.path, "--key", keep.key, "--checkpoint", keep.outside)
    assert codes(told) == []


def test_keys_that_were_rotated_are_the_ones_that_the_log_tells_of(tmp_path: Path) -> None:
    keep = make_keep(tmp_path / "here", destroyed=False)
    fresh = X25519Identity.generate(os.urandom)
    before = {each: keep.place("keys", each).read_bytes() for each in keep.archives}
    with keep.opened() as vault:
        identities = load_identities(keep.base / "identity.age", lambda: "")
        recipients = [*keep.config.vault.recipients, str(fresh.recipient)]
        assert rotate(Rotation(vault, recipients, identities, lambda: AT, os.urandom)).resealed == 3
    assert codes(keep.audit()) == []
    made = hand_to(keep, tmp_path / "package")
    assert codes(run_alone(made.path / "strongroom-verify.py", made.path, "--key", keep.key)) == []
    keep.place("keys", keep.archives[0]).write_bytes(before[keep.archives[0]])
    assert codes(keep.audit()) == ["key"]
