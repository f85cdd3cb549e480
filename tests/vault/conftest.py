from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.vault.catalogue import Catalogue, create_catalogue
from strongroom.vault.vault import Vault, create_vault


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    made = create_catalogue(tmp_path / "catalogue.sqlite")
    yield made
    made.close()


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = create_vault(tmp_path / "vault", "how to open it\n")
    yield made
    made.close()
