"""Credentials that reached a place where they do not belong, told at once to whoever runs the tests.

Where the environment names a file in STRONGROOM_SANDBOX_STRAYS, every such request becomes a line in it. It is written
before the request is answered, so a sandbox that is killed has told it, in whatever process it runs. A line names the
place and what was wrong, never the credential.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.sandbox.recorder import Origin, RecordedRequest

VARIABLE = "STRONGROOM_SANDBOX_STRAYS"
CARRIERS = ("authorization", "proxy-authorization", "x-api-key", "cookie")
"""Headers that no request to a storage host needs, whatever they hold."""
STORES = ("storage", "mirror")


class Strays:
    """Looks at every request. `homes` says of each credential, as it is sent, which origins may see it."""

    def __init__(self, homes: Mapping[str, frozenset[Origin]]) -> None:
        self._homes = {secret: homes for secret, homes in homes.items() if secret}

    def check(self, request: RecordedRequest) -> None:
        """Tell of the request if it carries what it should not. Nothing is told where nobody asked for it."""
        report = os.environ.get(VARIABLE)
        if report:
            for words in self.found(request):
                with Path(report).open("a") as file:
                    file.write(f"{request.method} to {request.origin}: {words}\n")

    def found(self, request: RecordedRequest) -> Iterator[str]:
        """Yield what is wrong with a request, in words."""
        if request.origin in STORES:
            carried = [name for name in CARRIERS if request.header(name) is not None]
            yield from (f"it has the header {name}" for name in carried)
        for secret, homes in self._homes.items():
            if request.origin not in homes and request.holds(secret):
                yield f"it holds the credential of {' and '.join(sorted(homes))}"
