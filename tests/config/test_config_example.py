from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import fields

from strongroom.config import schema
from strongroom.config import schema as disposal
from strongroom.config import schema as witness
from strongroom.config.load import load_config, parse_config
from strongroom.config.schema import Config
from strongroom.config.show import show_config
from strongroom.engine.access.recipients import require_sealable
from strongroom.model.bech32 import encode_bech32
from strongroom.model.errors import UsageError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
PLACEHOLDERS = re.findall(r"age1[a-z0-9]{58}", TEXT)


def keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def filled_in(text: str = TEXT) -> Config:
    """Return the example as it is once somebody has put keys of theirs where the placeholders are."""
    for number, placeholder in enumerate(PLACEHOLDERS):
        text = text.replace(placeholder, encode_bech32("age", bytes([number + 9]) * 32))
    return parse_config(EXAMPLE, text)


def test_it_loads_without_a_caution_once_the_keys_are_put_in() -> None:
    config = filled_in()
    assert config.warnings == ()
    assert config.stream("support-messages").source == "zavu-main"


def test_it_loads_as_it_is_but_nothing_can_be_sealed_to_its_placeholders() -> None:
    recipients = load_config(EXAMPLE).vault.recipients
    assert list(recipients) == PLACEHOLDERS
    for recipient in recipients:
        with pytest.raises(UsageError, match="nothing can be sealed to age1q"):
            require_sealable([recipient], os.urandom)


def test_what_is_commented_out_loads_as_well() -> None:
    network = filled_in(re.sub(r"(?m)^# (?=[a-z_]+ = )", "", TEXT)).network
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
    elsewhere = {"RetentionRule": {"name", "zone"}}  # in the section's header, and in the stream's section
    named_by_its_header = elsewhere.get(noun.__name__, set())
    for name in {field.name for field in fields(noun)} - named_by_its_header:
        assert re.search(rf"(?m)^(# )?{name} = |^\[+\w+\.{name}\]", TEXT), name


def test_everything_that_is_shown_is_there() -> None:
    shown = show_config(filled_in())
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
    found = filled_in().retention_class(name)
    assert str(found.period) == period
    assert citation in found.citation
