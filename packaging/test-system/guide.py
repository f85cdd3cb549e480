"""The guide, docs/systemd.md, as commands: what it calls tested is run word by word."""

from __future__ import annotations

import re
from pathlib import Path

from house import run

GUIDE = Path("/src/docs/systemd.md")


def follow(name: str, text: str = "") -> str:
    """Run a marked block as root; return what it wrote. `text` is what a person would type."""
    found = re.search(rf"<!-- tested: {name} -->\n```sh\n(.*?)^```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    if found is None:
        raise LookupError(f"the guide has no block {name}")
    script = found[1].replace("sudo -u strongroom", "runuser -u strongroom --").replace("sudo ", "")
    return run("bash", "-euo", "pipefail", "-c", script, text=text)
