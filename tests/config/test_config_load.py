from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from strongroom.config.load import find_config, load_config
from strongroom.config.problem import ConfigRefused
from strongroom.config.schema import AtEnd, Basis, LogLevel
from strongroom.config.secrets import SecretRef
from strongroom.model.bech32 import encode_bech32
from strongroom.model.errors import UsageError
from strongroom.model.plan import Span
from strongroom.model.retention import Period

KEY = encode_bech32("age", b"q" * 32)
OTHER = encode_bech32("age", b"p" * 32)
VAULT = f'[vault]\npath = "v"\nrecipients = ["{KEY}", "{OTHER}"]\n'
CLASS = '[retention.standard]\nperiod = "7y"\n'
SOURCE = '[[source]]\nname = "a"\nprovider = "zavu"\napi_key = "file:/key"\n'
STREAM = '[[stream]]\nname = "s"\nsource = "a"\ndatasets = ["messages"]\n'


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "strongroom.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_vault_alone_is_enough_and_everything_else_has_a_default(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, VAULT))
    assert config.file == tmp_path / "strongroom.toml"
    assert config.vault.path == tmp_path / "v"
    assert config.vault.identity is None
    assert config.vault.min_free == 2 * 10**9
    assert (config.sources, config.streams, config.retention) == ((), (), ())
    assert [each.text for each in config.warnings] == ["no source is named: there is nothing to archive from"]
    assert (config.daemon.workers, config.daemon.log_level) == (2, LogLevel.INFO)
    assert config.network.read_timeout == timedelta(minutes=1)
    assert (config.network.max_export_size, config.network.min_rate) == (2 * 10**11, 1000)


def test_a_source_and_a_stream_in_full(tmp_path: Path) -> None:
    text = (
        VAULT
        + '[[source]]\nname = "a"\nprovider = "zavu"\napi_key = "keyring:zavu/main"\nbase_url = "https://api.test.dev/v1/"\n'
        'download_hosts = ["Storage.zavu.dev"]\nretention_days = 180\n[source.limits]\nper_hour = 5\n'
        '[source.options]\nregion = "eu"\npages = 3\nstrict = true\n'
        '[[stream]]\nname = "s"\nsource = "a"\ndatasets = ["messages", "webhookDeliveries"]\n'
        'filters = { b = "2", a = "1" }\nsince = 2026-06-01T02:00:00+02:00\nwindow = "week"\ntime_zone = "Asia/Tokyo"\n'
        'settle = "1d"\nsettled_pass = "1w"\nretention = "short"\npriority = -3\npaused = true\n'
        '[retention.short]\nperiod = "90d"\nbasis = "ingest"\ncitation = "ours"\nat_end = "destroy"\n'
    )
    config = load_config(write(tmp_path, text))
    source, stream, kept = config.source("a"), config.stream("s"), config.retention_class("short")
    assert source.api_key == SecretRef.parse("keyring:zavu/main")
    assert (source.base_url, source.download_hosts) == ("https://api.test.dev/v1", ("storage.zavu.dev",))
    assert (source.limits.concurrent, source.limits.per_hour, source.retention_days) == (None, 5, 180)
    assert source.options == {"region": "eu", "pages": 3, "strict": True}
    plan = stream.plan()
    assert plan.stream.filters == (("a", "1"), ("b", "2"))
    assert plan.stream.datasets == ("messages", "webhookDeliveries")
    assert (plan.since, plan.span, plan.zone) == (datetime(2026, 6, 1, tzinfo=UTC), Span.WEEK, "Asia/Tokyo")
    assert (plan.settle, stream.settled_pass) == (timedelta(days=1), timedelta(weeks=1))
    assert (plan.retention, plan.priority, plan.paused) == ("short", -3, True)
    assert (kept.period, kept.basis, kept.at_end) == (Period.parse("90d"), Basis.INGEST, AtEnd.DESTROY)


@pytest.mark.parametrize(
    ("since", "zone", "instant"),
    [
        ("2026-06-01", "UTC", "2026-06-01T00:00:00+00:00"),
        ("2026-06-01", "Europe/Berlin", "2026-05-31T22:00:00+00:00"),
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00+00:00"),  # clocks skip from 00:00 to 01:00
        ("2026-06-01 00:00:00Z", "Europe/Berlin", "2026-06-01T00:00:00+00:00"),
    ],
)
def test_a_date_begins_in_the_streams_zone(tmp_path: Path, since: str, zone: str, instant: str) -> None:
    text = VAULT + CLASS + SOURCE + STREAM + f'since = {since}\ntime_zone = "{zone}"\n'
    assert load_config(write(tmp_path, text)).stream("s").since == datetime.fromisoformat(instant)


def test_the_oldest_is_none(tmp_path: Path) -> None:
    text = VAULT + CLASS + SOURCE + STREAM + 'since = "oldest"\n'
    assert load_config(write(tmp_path, text)).stream("s").plan().since is None


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.chdir(tmp_path)
    write(
        tmp_path, VAULT.replace('"v"', '"~/vault"') + 'identity = "keys/me.age"\n[network]\nca_file = "/etc/ca.pem"\n'
    )
    config = load_config(Path("strongroom.toml"))
    assert config.vault.path == Path("/home/someone/vault")
    assert config.vault.identity == tmp_path / "keys" / "me.age"
    assert config.network.ca_file == Path("/etc/ca.pem")


def test_loopback_when_permitted(tmp_path: Path) -> None:
    for address in ("http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:8080", "https://10.0.0.1"):
        text = VAULT + SOURCE + f'base_url = "{address}"\nallow_private_addresses = true\n'
        assert load_config(write(tmp_path, text)).source("a").base_url == address


def test_the_caller_says_which_providers_there_are(tmp_path: Path) -> None:
    file = write(tmp_path, VAULT + SOURCE.replace('"zavu"', '"own"'))
    assert load_config(file, providers={"own", "zavu"}).source("a").provider == "own"
    with pytest.raises(UsageError, match=r"the name of a provider \(hookbridge, qlara, zavu\)"):
        load_config(file)


def test_cautions(tmp_path: Path) -> None:
    text = VAULT.replace(f', "{OTHER}"', "") + SOURCE.replace("file:/key", "env:ZAVU_API_KEY")
    found = [str(caution) for caution in load_config(write(tmp_path, text)).warnings]
    assert [line.removeprefix(f"{tmp_path}/").split(": ")[:2] for line in found] == [
        ["strongroom.toml:3", "vault.recipients"],
        ["strongroom.toml:7", "source[0].api_key"],
        ["strongroom.toml", "stream"],
    ]
    assert "recovery key" in found[0]
    assert "credential:" in found[1]
    assert "no stream" in found[2]


@pytest.mark.parametrize(("more", "doubled"), [("", True), ('filters = { channel = "sms" }\n', False)])
def test_a_dataset_that_two_streams_export_alike_is_told(tmp_path: Path, more: str, doubled: bool) -> None:
    other = STREAM.replace('"s"', '"t"').replace('["messages"]', '["templates", "messages"]') + more
    found = load_config(write(tmp_path, VAULT + CLASS + SOURCE + STREAM + other)).warnings
    assert [(each.line, each.key) for each in found] == [(17, "stream[1].datasets")] * doubled
    assert all('"messages" is in the stream "s" too' in each.text for each in found)


def test_an_empty_file_has_its_mistakes_in_its_first_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused) as refused:
        load_config(write(tmp_path, "# nothing\n"))
    assert {(each.line, each.key) for each in refused.value.problems} == {(1, "vault.path"), (1, "vault.recipients")}


def test_a_folder_or_a_device_is_told_as_such(tmp_path: Path) -> None:
    for place, what in ((tmp_path, "a folder"), (Path("/dev/null"), "no regular file")):
        with pytest.raises(UsageError, match=f"is {what}: a configuration is a file"):
            find_config(place, {}, Path("/"))


def test_a_mark_at_the_beginning_and_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "strongroom.toml"
    file.write_bytes(b"\xef\xbb\xbf" + VAULT.replace("\n", "\r\n").encode())
    assert load_config(file).vault.recipients == (KEY, OTHER)


def test_unknown_names_are_told_with_the_nearest(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, VAULT + CLASS + SOURCE + STREAM.replace('"s"', '"messages"')))
    for look, name, hint in (
        (config.stream, "mesages", 'did you mean "messages"?'),
        (config.source, "zzz", "the configuration has a"),
        (config.retention_class, "standart", 'did you mean "standard"?'),
    ):
        with pytest.raises(UsageError, match="in the configuration") as refused:
            look(name)
        assert refused.value.hint == hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            load_config(path)


def test_finds_the_first_that_is_there(tmp_path: Path) -> None:
    home, cwd, xdg = tmp_path / "home", tmp_path / "cwd", tmp_path / "xdg"
    files = [cwd / "given.toml", cwd / "env.toml", cwd / "strongroom.toml", xdg / "strongroom" / "config.toml"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    env = {"STRONGROOM_CONFIG": "env.toml", "XDG_CONFIG_HOME": str(xdg), "HOME": str(home)}
    assert find_config(Path("given.toml"), env, cwd) == files[0]
    assert find_config(None, env, cwd) == files[1]
    del env["STRONGROOM_CONFIG"]
    assert find_config(None, env, cwd) == files[2]
    files[2].unlink()
    assert find_config(None, env, cwd) == files[3]
    own = home / ".config" / "strongroom" / "config.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_config(None, env | {"XDG_CONFIG_HOME": "relative"}, cwd) == own


def test_a_folder_that_cannot_be_looked_into_comes_last(tmp_path: Path) -> None:
    """As root sees everything, a name that the system refuses stands for a folder without permission."""
    refused = tmp_path / ("x" * 300)
    env = {"XDG_CONFIG_HOME": str(tmp_path)}
    own = tmp_path / "strongroom" / "config.toml"
    assert find_config(None, env, refused) == refused / "strongroom.toml", "reading it says what is wrong"
    own.parent.mkdir()
    own.touch()
    assert find_config(None, env, refused) == own


def test_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.toml, /etc/strongroom/config\.toml") as refused:
        find_config(None, {"HOME": str(tmp_path)}, tmp_path)
    assert "strongroom init" in refused.value.hint
    (tmp_path / "strongroom.toml").touch()
    with pytest.raises(UsageError, match=r"tried .*/other\.toml$"):  # one that was named is never passed over
        find_config(Path("other.toml"), {}, tmp_path)
    with pytest.raises(UsageError, match=r"tried /nowhere/x\.toml$"):
        find_config(None, {"STRONGROOM_CONFIG": "/nowhere/x.toml"}, tmp_path)


def test_loading_a_configuration_stays_light(tmp_path: Path) -> None:
    file = write(tmp_path, VAULT + CLASS + SOURCE + STREAM)
    code = (
        "import sys; from pathlib import Path; from strongroom.config.load import load_config\n"
        f"load_config(Path({str(file)!r}))\n"
        "print(sorted({'keyring', 'subprocess', 'difflib', 'httpx', 'cryptography'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
