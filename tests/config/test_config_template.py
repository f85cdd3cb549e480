from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.template import FreshSource, render_config
from strongroom.model.bech32 import encode_bech32

KEYS = [encode_bech32("age", b"q" * 32), encode_bech32("age", b"p" * 32)]
SOURCE = FreshSource("zavu-main", "zavu", "credential:zavu-api-key", ("messages", "conversations"))


def test_a_fresh_configuration_without_a_source(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(render_config(Path("/srv/vault"), KEYS))
    config = load_config(file)
    assert (config.vault.path, config.vault.recipients, config.vault.identity) == (
        Path("/srv/vault"),
        tuple(KEYS),
        None,
    )
    assert (config.sources, config.streams) == ((), ())
    assert [each.key for each in config.warnings] == ["source"]
    assert str(config.retention_class("standard").period) == "7y"


def test_a_fresh_configuration_with_a_source(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(render_config(Path("vault"), KEYS, Path("/home/me/identity.age"), SOURCE))
    config = load_config(file)
    assert config.vault.path == tmp_path / "vault"
    assert config.vault.identity == Path("/home/me/identity.age")
    assert str(config.source("zavu-main").api_key) == "credential:zavu-api-key"
    assert config.streams[0].datasets == ("messages", "conversations")
    assert (config.streams[0].since, config.warnings) == (None, ())


@pytest.mark.parametrize("since", ["2026-06-01", "2026-06-01T00:00:00Z"])
def test_a_fresh_configuration_for_the_sandbox(tmp_path: Path, since: str) -> None:
    local = FreshSource("n" * 64, "zavu", "env:KEY", ("messages",), since, "http://127.0.0.1:8080", True)
    file = tmp_path / "c.toml"
    file.write_text(render_config(Path("vault"), KEYS, source=local))
    config = load_config(file)
    assert config.sources[0].base_url == "http://127.0.0.1:8080"
    assert str(config.streams[0].since) == "2026-06-01 00:00:00+00:00"


def test_what_is_commented_out_is_right_as_well(tmp_path: Path) -> None:
    text = render_config(Path("vault"), KEYS)
    head, mark, later = text.partition("# [[source]]")
    assert mark
    file = tmp_path / "c.toml"
    file.write_text(head + "\n".join(line.removeprefix("#").strip() for line in (mark + later).split("\n")))
    assert load_config(file).stream("messages").source == "zavu-main"


@pytest.mark.parametrize("folder", ['quo"te', "back\\slash", "ümläut", "hash # = [x]"])
def test_any_path_survives(tmp_path: Path, folder: str) -> None:
    file = tmp_path / "c.toml"
    file.write_text(render_config(tmp_path / folder, KEYS, tmp_path / folder / "id"), encoding="utf-8")
    config = load_config(file)
    assert (config.vault.path, config.vault.identity) == (tmp_path / folder, tmp_path / folder / "id")
