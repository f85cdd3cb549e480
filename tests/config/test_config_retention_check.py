"""A stream that waits longer than its provider keeps records is refused when the configuration is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.config.load import parse_config
from strongroom.config.problem import ConfigRefused
from strongroom.model.bech32 import encode_bech32

KEY = encode_bech32("age", b"q" * 32)


def text(stream: str, source: str = "", provider: str = "zavu", dataset: str = "messages") -> str:
    return f"""\
[vault]
path = "vault"
recipients = ["{KEY}"]
[retention.standard]
period = "7y"
[[source]]
name = "main"
provider = "{provider}"
api_key = "credential:zavu"
{source}
[[stream]]
name = "messages"
source = "main"
datasets = ["{dataset}"]
{stream}
"""


def refused(stream: str, source: str = "", provider: str = "zavu", dataset: str = "messages") -> str:
    try:
        parse_config(Path("s.toml"), text(stream, source, provider, dataset))
    except ConfigRefused as error:
        return error.message
    return ""


@pytest.mark.parametrize(
    ("stream", "source", "key"),
    [
        ('settle = "100d"', "", "settle"),
        ('settle = "89d"', "", "settle"),  # and a day until the window ends
        ('settle = "60d"\nwindow = "month"', "", "settle"),
        ('window = "month"', "retention_days = 30", "window"),
        ('settle = "30d"', "retention_days = 30", "settle"),
        ('settled_pass = "89d"', "", "settled_pass"),
        ('settled_pass = "24d"\nwindow = "week"', "retention_days = 31", "settled_pass"),
    ],
)
def test_what_would_come_too_late_is_refused_with_its_place(stream: str, source: str, key: str) -> None:
    told = refused(stream, source)
    assert told.count("\n") == 0
    assert f"stream[0].{key}: expected a " in told
    assert "days that the provider keeps records" in told


@pytest.mark.parametrize(
    ("stream", "source", "provider", "dataset"),
    [
        ('settle = "88d"', "", "zavu", "messages"),
        ('settle = "100d"', "retention_days = 365", "zavu", "messages"),
        ('settle = "100d"', "", "hookbridge", "outbound"),  # its plan tells: asked when there is somebody to ask
        ('settled_pass = "88d"', "", "zavu", "messages"),
        (
            'settle = "10d"',
            "retention_days = 7",
            "qlara",
            "contacts",
        ),  # a copy of what there is comes too late for nothing
    ],
)
def test_what_comes_in_time_or_cannot_be_known_is_taken(stream: str, source: str, provider: str, dataset: str) -> None:
    assert refused(stream, source, provider, dataset) == ""
