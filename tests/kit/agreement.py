"""Damage a file; and what every check says of a vault that has nothing wrong."""

from __future__ import annotations

import json
from pathlib import Path

from kit.cli_home import Home, Invoke


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def require_agreement(home: Home, invoke: Invoke) -> None:
    """Fail unless every check says that nothing is wrong."""
    left = invoke("--config", home.config, "recover", "--deep", "--json")
    assert json.loads(left.output)["troubles"] == []
    audit = invoke("--config", home.config, "audit", "verify", "--json")
    assert json.loads(audit.output)["findings"] == []
    assert invoke("--config", home.config, "scrub", "run").exit_code == 0
    doctor = json.loads(invoke("--config", home.config, "doctor", "--offline", "--json").output)
    assert [each for each in doctor["checks"] if each["verdict"] == "fail"] == []
    proposed = invoke("--config", home.config, "destroy", "propose", "--ground", "their time is over")
    assert "contradict" not in proposed.output, proposed.output
