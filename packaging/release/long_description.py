"""The README as the description of the wheel, for hatchling: it is shown where no file of the repository is beside it.

With `HOME_URL`, the public address of the repository, links and pictures lead there, and the project's addresses are
named. Without it, a link is only its words, and a picture is left out.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://)([^)\s]+)\)")


def describe(readme: str, home: str, version: str) -> str:
    """Return the text of a README with no link in it that is relative."""

    def absolute(found: re.Match[str]) -> str:
        picture, words, place = found.groups()
        if place.startswith("#"):
            return words
        if not home:
            return "" if picture else words
        return f"{picture}[{words}]({home}/{'raw' if picture else 'blob'}/v{version}/{place})"

    return _LINK.sub(absolute, readme)


def addresses(home: str, version: str) -> dict[str, str]:
    """Return the addresses of the project by the names that indexes show."""
    documents = f"{home}/blob/v{version}"
    return {
        "Homepage": home,
        "Documentation": f"{documents}/docs/README.md",
        "Changelog": f"{documents}/CHANGELOG.md",
        "Security": f"{documents}/SECURITY.md",
    }


class LongDescription(MetadataHookInterface):
    """Fills in what pyproject.toml calls dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the description and the addresses."""
        home, version = os.environ.get("HOME_URL", "").rstrip("/"), metadata["version"]
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": describe(readme, home, version)}
        if home:
            metadata["urls"] = addresses(home, version)
