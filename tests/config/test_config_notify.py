"""[notify] and [metrics]: what they take, and the words in which they refuse."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.outgoing import Details, Endpoint, MetricsSettings, NotifySettings
from strongroom.config.problem import ConfigRefused
from strongroom.config.secrets import SecretRef
from strongroom.model.bech32 import encode_bech32

KEY, OTHER = encode_bech32("age", b"q" * 32), encode_bech32("age", b"p" * 32)
BASE = f'[vault]\npath = "v"\nrecipients = ["{KEY}", "{OTHER}"]\n'
CANARY = "mailto://us:c4n4ry-password@mail.example.com"


def refusal(tmp_path: Path, text: str) -> str:
    (tmp_path / "c.toml").write_text(BASE + text)
    with pytest.raises(ConfigRefused) as refused:
        load_config(tmp_path / "c.toml")
    assert "c4n4ry" not in refused.value.message + refused.value.hint + repr(refused.value)
    return "\n".join(f"{each.key}: expected {each.expected}, got {each.got}" for each in refused.value.problems)


def test_nobody_is_told_and_nothing_measured_by_default(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(BASE)
    config = load_config(tmp_path / "c.toml")
    assert config.notify == NotifySettings()
    assert (config.notify.urls, config.notify.details, config.notify.ping) == ((), Details.MINIMAL, None)
    assert config.metrics == MetricsSettings(None, None)


def test_everything_given(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        BASE + '[notify]\nurls = ["env:MAIL", "file:/etc/chat"]\ndetails = "full"\n'
        'command = ["/bin/tell", "-a", "-a"]\ndesktop = true\nping = { url = "keyring:hc/ping", every = "1h" }\n'
        '[metrics]\ntextfile = "out/strongroom.prom"\nlisten = "127.0.0.2:9464"\n'
    )
    config = load_config(tmp_path / "c.toml")
    assert config.notify.urls == (SecretRef.parse("env:MAIL"), SecretRef.parse("file:/etc/chat"))
    assert (config.notify.details, config.notify.desktop) == (Details.FULL, True)
    assert config.notify.command == ("/bin/tell", "-a", "-a")
    assert config.notify.ping is not None
    assert (config.notify.ping.url, config.notify.ping.every) == (
        SecretRef.parse("keyring:hc/ping"),
        timedelta(hours=1),
    )
    assert config.metrics.textfile == tmp_path / "out" / "strongroom.prom"
    assert config.metrics.listen == Endpoint("127.0.0.2", 9464)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'[notify]\nurls = ["{CANARY}"]', "notify.urls[0]: expected a reference"),
        (f'[notify]\nurls = "{CANARY}"', "notify.urls: expected a list of references"),
        (f'[notify]\nping = "{CANARY}"', "notify.ping: expected a table"),
        ("[notify.ping]\nevery = '1h'", "notify.ping.url: expected a reference"),
        ('[notify.ping]\nurl = "https://hc.example/c4n4ry0000000000000001"', "notify.ping.url: expected a reference"),
        ('[notify]\nping = { url = "env:A", every = "1s" }', 'notify.ping.every: expected a duration'),
        ('[notify]\ncommand = "/bin/tell"', "notify.command: expected a list"),
        ("[notify]\ncommand = []", "got an empty list"),
        ('[notify]\ncommand = ["tell"]', 'got a list that begins with "tell"'),
        ('[notify]\ncommand = ["/bin/tell", 3]', "something other than lines of text"),
        ('[notify]\ncommand = ["/bin/tell", "a\\nb"]', "something other than lines of text"),
        ('[notify]\ndetails = "most"', "notify.details: expected one of minimal, full"),
        ('[notify]\ndesktop = "yes"', "notify.desktop: expected true or false"),
        ('[notify]\nurl = []', "the unknown key"),
        ('[metrics]\ntextfile = "metrics.txt"', "ends in .prom"),
        ('[metrics]\nlisten = "0.0.0.0:9464"', "a loopback address and a port"),
        ('[metrics]\nlisten = "192.168.1.5:9464"', "a loopback address and a port"),
        ('[metrics]\nlisten = "localhost:9464"', "a loopback address and a port"),
        ('[metrics]\nlisten = "127.0.0.1:0"', "a loopback address and a port"),
        ('[metrics]\nlisten = "127.0.0.1:65536"', "a loopback address and a port"),
        ('[metrics]\nlisten = "127.0.0.1"', "a loopback address and a port"),
        ('[metrics]\nlisten = "[::ffff:127.0.0.1]:x"', "a loopback address and a port"),
        ("[metrics]\nlisten = 9464", "a loopback address and a port"),
    ],
)  # fmt: skip
def test_mistakes(tmp_path: Path, text: str, words: str) -> None:
    assert words in refusal(tmp_path, text)
