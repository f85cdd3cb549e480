"""Providers: the port, the one HTTP policy, and one file per API. They translate and decide nothing."""

import sys

# httpx imports its own command line, and with it click, rich and pygments: a third of its time and 5 MiB. None makes
# that one import fail, for which httpx is prepared.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
