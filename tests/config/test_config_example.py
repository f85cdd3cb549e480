from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from strongroom.config import disposal, schema, witness
from strongroom.config.load import load_config
from strongroom.config.show import show_config

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_it_loads_without_a_caution() -> None:
    config = load_config(EXAMPLE)
    assert config.warnings == ()
    assert config.stream("support-messages").source == "zavu-main"


def test_what_is_commented_out_loads_as_well(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(re.sub(r"(?m)^# (?=[a-z_]+ = )", "", TEXT))
    network = load_config(file).network
    assert network.ca_file is not None
    assert network.proxy is not None


@pytest.mark.parametrize(
    "noun",
    [
        schema.VaultSettings,
        schema.SourceSettings,
        schema.LimitSettings,
        schema.StreamSettings,
        schema.DaemonSettings,
        schema.RetentionClass,
        schema.NetworkSettings,
        schema.NotifySettings,
        schema.PingSettings,
        schema.MetricsSettings,
        disposal.DestructionSettings,
        witness.EvidenceSettings,
        witness.SendSettings,
    ],
)
def test_every_field_of_every_section_is_there(noun: type) -> None:
    named_by_its_header = {"RetentionClass": {"name"}}.get(noun.__name__, set())
    for name in {field.name for field in fields(noun)} - named_by_its_header:
        assert re.search(rf"(?m)^(# )?{name} = |^\[+\w+\.{name}\]", TEXT), name


def test_everything_that_is_shown_is_there() -> None:
    shown = show_config(load_config(EXAMPLE))
    del shown["file"], shown["warnings"]
    missing = {key for key in keys_of(shown) if not re.search(rf"(?m)^(# )?{key} = |\[.*\b{key}\]|\b{key} = ", TEXT)}
    assert missing == set()


@pytest.mark.parametrize(
    ("name", "period", "citation"),
    [
        ("sec-17a-4-communications", "3y", "17a-4(b)(4)"),
        ("sec-17a-4-ledgers", "6y", "17a-4(a)"),
        ("finra-4511", "6y", "4511(b)"),
        ("mifid-ii", "5y", "2014/65/EU"),
        ("mifid-ii-extended", "7y", "Article 16(7)"),
        ("hipaa-documentation", "6y", "164.316(b)(2)(i)"),
        ("gdpr-minimal", "18m", "Article 5(1)(e)"),
    ],
)
def test_the_templates_of_the_law(name: str, period: str, citation: str) -> None:
    found = load_config(EXAMPLE).retention_class(name)
    assert str(found.period) == period
    assert citation in found.citation


def test_nobody_can_seal_to_its_placeholders() -> None:
    pyrage = pytest.importorskip("pyrage")
    for recipient in load_config(EXAMPLE).vault.recipients:
        with pytest.raises(pyrage.RecipientError):
            pyrage.x25519.Recipient.from_str(recipient)
