"""Check the content of every archive with an identity: `strongroom verify`, as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from strongroom.config.load import load_config
from strongroom.engine.assembly import open_reading
from strongroom.engine.content import check_content
from strongroom.engine.keys import load_identities
from strongroom.engine.readings import list_archives


def main() -> int:
    config = load_config(Path(sys.argv[1]))
    assert config.vault.identity
    identities = load_identities(config.vault.identity, lambda: "")
    with open_reading(config) as vault:
        return sum(len(check_content(vault, archive, identities)) for archive in list_archives(vault))


if __name__ == "__main__":
    sys.exit(main())
