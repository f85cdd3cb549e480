"""Decoders are made by the import, once.

msgspec works out a type when it is first decoded. Two threads that do so at the same moment end the whole process by a
segmentation fault: a daemon that seals two jobs at once met it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

AGENT = Path(__file__).parents[2] / "agent"
MODULES = sorted(path for path in AGENT.rglob("*.py") if "msgspec" in path.read_text())
RACE = """
import sys, threading
sys.setswitchinterval(1e-6)
from strongroom.engine.worker.protocol import decode_reply
start = threading.Barrier(4)
def decode():
    start.wait()
    decode_reply(b'{"progress":{"done":1,"total":2}}')
threads = [threading.Thread(target=decode) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(AGENT).as_posix())
def test_no_type_is_worked_out_by_its_first_message(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "msgspec.json.decode":
            assert [each.arg for each in node.keywords] == [], f"line {node.lineno}: use a Decoder made by the import"


def test_sealers_may_answer_at_the_same_moment() -> None:
    for _ in range(5):
        assert subprocess.run([sys.executable, "-c", RACE], check=False, timeout=60).returncode == 0
