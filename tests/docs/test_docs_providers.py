"""The page for those who describe a provider by a file: its manifest is that of the tests, its gallery complete."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from kit.manifests import GALLERY, SHORTEST
from strongroom.config.load import load_config

PAGE = (Path(__file__).parents[2] / "docs" / "providers.md").read_text()


def test_its_manifest_and_its_configuration_load(tmp_path: Path) -> None:
    manifest, source, *_paging = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    assert manifest == SHORTEST
    (tmp_path / "acme.toml").write_text(manifest)
    recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    path = tmp_path / "strongroom.toml"
    source = source.replace("/etc/strongroom/providers", str(tmp_path / "."))
    (tmp_path / "strongroom.toml").write_text(f'[vault]\npath = "v"\nrecipients = ["{recipient}"]\n{source}')
    path.rename(tmp_path.parent / "strongroom.toml")
    config = load_config(tmp_path.parent / "strongroom.toml")
    assert [source.provider for source in config.sources] == list(config.manifests) == ["acme"]


def test_its_examples_of_paging_are_right(tmp_path: Path) -> None:
    *_exports, source, collect = re.findall(r"^```toml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    path = tmp_path / "strongroom.toml"
    path.write_text(f'[vault]\npath = "v"\nrecipients = ["{recipient}"]\n{source}')
    (found,) = load_config(path).sources
    assert dict(found.options) == {"collect": "paging"}
    example = tomllib.loads((GALLERY / "zavu-messages-by-paging.toml").read_text())["collect"]
    assert tomllib.loads(collect)["collect"].items() <= {"size": 100, "per_minute": 300, **example}.items()


def test_its_gallery_names_every_manifest() -> None:
    assert set(re.findall(r"^\| `([a-z0-9-]+\.toml)`", PAGE, re.MULTILINE)) == {path.name for path in GALLERY.glob("*")}
