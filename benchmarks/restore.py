"""Write the one archive's delivered file to a path: `strongroom restore ID --to PATH`, as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from strongroom.config.load import load_config
from strongroom.engine.assembly import open_reading
from strongroom.engine.keys import load_identities
from strongroom.engine.readings import list_archives
from strongroom.engine.restore import restore


def main() -> int:
    config = load_config(Path(sys.argv[1]))
    assert config.vault.identity
    with open_reading(config) as vault:
        (archive,) = list_archives(vault)
        restore(vault, archive, load_identities(config.vault.identity, lambda: ""), Path(sys.argv[2]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
