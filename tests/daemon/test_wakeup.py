"""The bell, rung in a storm of signals while the loop waits: it must neither hang nor get lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from strongroom.daemon.schedule import Wakeup

AGENT = Path(__file__).parents[2] / "agent"

STORM = """
import signal, sys, time
from strongroom.daemon.schedule import Wakeup
bell, heard = Wakeup(), 0
def ring(*_):
    global heard
    heard += 1
    bell.ring()
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
until = time.monotonic() + 1
while time.monotonic() < until:
    bell.wait(0.0005)
signal.setitimer(signal.ITIMER_REAL, 0)
sys.exit(0 if heard > 50 else 3)
"""


def test_it_may_be_rung_in_a_signal_handler() -> None:
    env = {**os.environ, "PYTHONPATH": str(AGENT)}
    done = subprocess.run([sys.executable, "-c", STORM], env=env, timeout=120, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_a_ring_before_the_wait_is_not_lost_and_counts_once() -> None:
    wakeup = Wakeup()
    wakeup.ring()
    wakeup.ring()
    assert wakeup.wait(0)
    assert not wakeup.wait(0)


def test_it_wakes_another_thread_at_once() -> None:
    wakeup, began = Wakeup(), time.monotonic()
    threading.Timer(0.05, wakeup.ring).start()
    assert wakeup.wait(60)
    assert time.monotonic() - began < 30
