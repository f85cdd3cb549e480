"""The page for those who write adapters: its code is the example's own, its tables name all there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

import strongroom.model.errors as errors
from strongroom.config.load import load_config
from strongroom.model.provider import Capabilities, Limits
from strongroom.providers.port import Provider

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text()
EXAMPLE = ROOT / "examples" / "statusurl"
CODE = [path.read_text() for path in [*sorted(EXAMPLE.glob("*")), ROOT / "examples" / "conftest.py"] if path.is_file()]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", blocks("python"))
def test_its_code_stands_in_the_example_that_is_tested(block: str) -> None:
    assert any(block in code for code in CODE)


def test_its_entry_point_is_the_example_s_and_its_source_can_be_configured(tmp_path: Path) -> None:
    point, source = blocks("toml")
    assert any(point in code for code in CODE)
    path = tmp_path / "strongroom.toml"
    recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    path.write_text(f'[vault]\npath = "v"\nrecipients = ["{recipient}"]\n{source}')
    (read,) = load_config(path, providers={"statusurl"}).sources
    assert (read.provider, read.retention_days) == ("statusurl", 365)


def test_every_method_capability_limit_and_error_is_told() -> None:
    rows = set(re.findall(r"^\| `([A-Za-z_]+)", PAGE, re.MULTILINE)) | {"poll_longest"}
    methods = {name for name in vars(Provider) if not name.startswith("_")}
    families = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.ProviderError) and not name.startswith("_")
    } - {"ProviderError"}
    told = methods | families | {field.name for kind in (Capabilities, Limits) for field in fields(kind)}
    assert told - rows == set()
    assert rows - told == {"TransferError", "Interrupted"}
