"""Random keys, mouse and sizes on the real program behind a terminal: no exception, and the terminal comes back.

STRONGROOM_FUZZ_SECONDS says for how long, STRONGROOM_FUZZ_SEED sends something else, and STRONGROOM_FUZZ_DEMO tries the
living demo company, with a daemon at work, in place of one that stands still. What a process answers depends on how
busy the machine is, so the same seed is not the same run: it is for looking for faults, and each that it found is a
test in `test_tui_dismissal.py` or beside it. `test_tui_fuzz.py` is the one that repeats itself.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from kit.random_input import RandomInput
from kit.terminal import ENTER, LEAVE, Terminal, last_of
from strongroom.cli.demo_company import CompanyFolder

SEED = int(os.environ.get("STRONGROOM_FUZZ_SEED", "20261201"))
SECONDS = float(os.environ.get("STRONGROOM_FUZZ_SECONDS", "0"))
LEAST = 40  # inputs before the screen is told to end
DEMO = bool(os.environ.get("STRONGROOM_FUZZ_DEMO"))
QUIT = 0

PROGRAM = "import sys; sys.argv[1:] = {}; from strongroom.cli.start import main; main()"


@pytest.mark.slow
@pytest.mark.timeout(300 + 2 * SECONDS)
@pytest.mark.skipif(not SECONDS, reason="looks for faults as long as STRONGROOM_FUZZ_SECONDS says")
def test_whatever_is_typed_clicked_and_resized_the_terminal_comes_back(
    company: CompanyFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    env = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path), "STRONGROOM_DEBUG": "1"}
    line = ["tui", "--demo", "--fast"] if DEMO else ["--config", str(company.config), "tui"]
    seed, sent, end = SEED, 0, time.monotonic() + SECONDS
    while sent < LEAST or time.monotonic() < end:  # again where a click or the palette has quit
        terminal = Terminal(company.vault, PROGRAM.format(line), folder=tmp_path, **env)
        try:
            terminal.read_until(ENTER)
            sent += fuzz(terminal, seed, LEAST, end)
            terminal.process.send_signal(signal.SIGTERM)
            ended = terminal.finish()
        finally:
            terminal.close()
        with capsys.disabled():
            print(f"\nfuzz seed {seed}: {sent} sent, exit code {ended}")
        assert ended in (QUIT, 130), terminal.seen[-3000:].decode(errors="replace")
        assert terminal.seen.count(ENTER) == terminal.seen.count(LEAVE)
        assert last_of(terminal, b"?25") == b"h"
        assert b"please report" not in terminal.seen and b"Traceback" not in terminal.seen
        seed += 1


def fuzz(terminal: Terminal, seed: int, least: int, end: float) -> int:
    """Send what the seed says, and take what is written until nothing comes for a moment. Return how much was sent."""
    hand = RandomInput(terminal, seed)
    while terminal.process.poll() is None and (hand.sent < least or time.monotonic() < end):
        hand.send()
        while terminal.take(0.02):
            pass
    return hand.sent
