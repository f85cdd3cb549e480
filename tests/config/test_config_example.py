from __future__ import annotations

import importlib.util
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from strongroom.config.keys import Named, Section, Table, Tables, keys_of, name_of
from strongroom.config.load import load_config, parse_config
from strongroom.config.schema import Config
from strongroom.engine.access.recipients import require_sealable
from strongroom.model.bech32 import encode_bech32
from strongroom.model.errors import UsageError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
UNCOMMENTED = re.sub(r"(?m)^# (?=[a-z_]+ = )", "", TEXT)
PLACEHOLDERS = re.findall(r"age1[a-z0-9]{58}", TEXT)


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
    network = filled_in(UNCOMMENTED).network
    assert network.ca_file is not None
    assert network.proxy is not None


def absent(noun: type[Section], tables: list[dict[str, Any]], at: str = "") -> Iterator[str]:
    """Yield every declared key that none of these tables has, and those of the sections inside them."""
    for field, key in keys_of(noun).items():
        name = name_of(field, key)
        given = [table[name] for table in tables if name in table]
        if not given:
            yield f"{at}{name}"
        elif isinstance(key, Table):
            yield from absent(key.noun, given, f"{at}{name}.")
        elif isinstance(key, Tables):
            yield from absent(key.noun, [each for array in given for each in array], f"{at}{name}.")
        elif isinstance(key, Named):
            yield from absent(key.noun, [each for names in given for each in names.values()], f"{at}{name}.")


def test_every_key_that_is_declared_is_there() -> None:
    assert list(absent(Config, [tomllib.loads(UNCOMMENTED)])) == []
    without = re.sub(r"(?m)^(priority|per_hour|listen|at_end) = .*", "", UNCOMMENTED)
    assert list(absent(Config, [tomllib.loads(without)])) == [
        "source.limits.per_hour",
        "stream.priority",
        "retention.at_end",
        "metrics.listen",
    ]


def test_the_page_of_all_keys_is_as_they_are_declared() -> None:
    spec = importlib.util.spec_from_file_location("keys", EXAMPLE.parent / "docs" / "keys.py")
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert (EXAMPLE.parent / "docs" / "configuration.md").read_text() == script.page(), "run: python docs/keys.py"
    assert (EXAMPLE.parent / "docs" / "manifest.md").read_text() == script.manifest_page(), "run: python docs/keys.py"


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
