"""Every kind of mistake, and the very words in which it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from strongroom.config.load import load_config
from strongroom.config.problem import ConfigRefused
from strongroom.model.bech32 import encode_bech32
from strongroom.model.errors import ExitCode

KEY = encode_bech32("age", b"q" * 32)
OTHER = encode_bech32("age", b"p" * 32)
CANARY = "zv_live_c4n4ry0000000000000000"
PRIVATE = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
REFERENCE = "a reference: env:NAME, file:/path, keyring:service/name, credential:NAME or command:program argument…"
HIDDEN = "not shown, as it may be the secret itself"

BASE = f"""\
[vault]
path = "vault"
recipients = ["{KEY}", "{OTHER}"]
[retention.standard]
period = "7y"
[[source]]
name = "zavu-main"
provider = "zavu"
api_key = "credential:zavu"
[[stream]]
name = "messages"
source = "zavu-main"
datasets = ["messages"]
"""
END = BASE.count("\n")
SOURCE, STREAM = "[[source]]\n", "[[stream]]\n"


def problems_of(tmp_path: Path, text: str) -> list[str]:
    """Return the lines of the refusal, less the folder."""
    file = tmp_path / "s.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigRefused) as refused:
        load_config(file)
    assert refused.value.exit_code is ExitCode.USAGE
    assert refused.value.message.split("\n") == [str(problem) for problem in refused.value.problems]
    assert CANARY not in refused.value.message + refused.value.hint + repr(refused.value)
    assert PRIVATE not in refused.value.message
    return refused.value.message.replace(f"{tmp_path}/", "").split("\n")


def test_the_base_itself_is_right(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(BASE)
    assert load_config(tmp_path / "s.toml").warnings == ()


VAULT_CASES = [
    ('path = "vault"', 'pth = "vault"', [
        's.toml:1: vault.path: expected a path, got nothing (the folder of the vault)',
        's.toml:2: vault.pth: expected a known key, got the unknown key "pth" (did you mean "path"?)',
    ]),
    ('path = "vault"', "path = 3", ["s.toml:2: vault.path: expected a path, got the number 3"]),
    ('path = "vault"', 'path = ""', ["s.toml:2: vault.path: expected a path, got empty text"]),
    ('path = "vault"', 'path = "~nobody-at-all/v"', [
        's.toml:2: vault.path: expected a path, got "~nobody-at-all/v", whose home folder is not known '
        '(write the whole path)',
    ]),
    ('path = "vault"', f'path = "vault"\nidentity = "{PRIVATE}"', [
        "s.toml:3: vault.identity: expected a path, got a private age key "
        "(not shown; remove it from this file, and treat it as known to others)",
    ]),
    ('path = "vault"', 'path = "vault"\nmin_free = "2 GB/s"', [
        's.toml:3: vault.min_free: expected a size such as "2 GB" or "512 MiB", at least 0 B, got "2 GB/s"',
    ]),
    ('path = "vault"', 'path = "vault"\nmin_free = 2_000_000_000', [
        's.toml:3: vault.min_free: expected a size such as "2 GB" or "512 MiB", at least 0 B, '
        "got the number 2000000000",
    ]),
    (f'["{KEY}", "{OTHER}"]', "[]", [
        "s.toml:3: vault.recipients: expected a list of age public keys, at least one, got an empty list",
    ]),
    (f'["{KEY}", "{OTHER}"]', "true", [
        "s.toml:3: vault.recipients: expected a list of age public keys, at least one, got true",
    ]),
    (f'["{KEY}", "{OTHER}"]', f'[\n"{KEY}",\n"{KEY}"]', [
        "s.toml:5: vault.recipients[1]: expected every item once, got the same item again",
    ]),
    (f'["{KEY}", "{OTHER}"]', f'["{KEY[:-1]}",\n"{KEY.upper()}",\n"{PRIVATE}", 7]', [
        "s.toml:3: vault.recipients[0]: expected an age public key (age1 and 58 small letters and digits), "
        "got age1 and 57 characters that do not make one",
        "s.toml:4: vault.recipients[1]: expected an age public key (age1 and 58 small letters and digits), "
        "got age1 and 58 characters that do not make one",
        "s.toml:5: vault.recipients[2]: expected an age public key (age1 and 58 small letters and digits), "
        "got a private age key (not shown; remove it from this file, and treat it as known to others)",
        "s.toml:5: vault.recipients[3]: expected an age public key (age1 and 58 small letters and digits), "
        "got the number 7",
    ]),
    (f'["{KEY}", "{OTHER}"]', f'["{KEY}",\n"{OTHER[:20]}{"q" if OTHER[20] != "q" else "p"}{OTHER[21:]}"]', [
        "s.toml:4: vault.recipients[1]: expected an age public key, "
        "got one whose checksum does not match: a character is wrong (copy the whole key again)",
    ]),
    ("[vault]", "vault = 3\n[other]", [
        "s.toml:1: vault: expected a table, got the number 3",
        's.toml:2: other: expected one of vault, source, stream, retention, destruction, daemon, network, '
        'notify, metrics, evidence, report, reconcile, copy, provider, got the unknown key "other"',
    ]),
]  # fmt: skip

SOURCE_CASES = [
    (SOURCE, "[source]\n", [
        "s.toml:6: source: expected tables that begin with [[source]], got a table (write [[source]])",
        's.toml:12: stream[0].source: expected the name of a source (none is there), got "zavu-main"',
    ]),
    ('name = "zavu-main"', 'name = "Zavu Main"', [
        's.toml:7: source[0].name: expected a name of small letters, digits and hyphens, got "Zavu Main"',
        's.toml:12: stream[0].source: expected the name of a source (none is there), got "zavu-main"',
    ]),
    ('"zavu"\n', '"zvu"\n', [
        's.toml:8: source[0].provider: expected the name of a provider (hookbridge, qlara, zavu), got "zvu" '
        '(did you mean "zavu"?)',
    ]),
    ('"credential:zavu"', f'"{CANARY}"', [
        f"s.toml:9: source[0].api_key: expected {REFERENCE}, got other text ({HIDDEN})",
    ]),
    ('"credential:zavu"', f'"evn:{CANARY}"', [
        f's.toml:9: source[0].api_key: expected {REFERENCE}, got other text ({HIDDEN}) (did you mean "env"?)',
    ]),
    ('"credential:zavu"', f'"env:{CANARY}"', [
        "s.toml:9: source[0].api_key: expected env:NAME in capital letters, digits and _, "
        f"got env: and something else ({HIDDEN})",
    ]),
    ('"credential:zavu"', "7", [
        f"s.toml:9: source[0].api_key: expected {REFERENCE}, got the number 7",
    ]),
    ("api_key =", f'token = "{CANARY}"\napi_key =', [
        "s.toml:9: source[0].token: expected one of name, provider, api_key, base_url, download_hosts, "
        "allow_private_addresses, retention_days, delete_after_archive, second_look, limits, options, "
        'got the unknown key "token"',
    ]),
    (SOURCE, f'{SOURCE}options = {{ region = "eu", api_token = "{CANARY}", ratio = 0.5 }}\n', [
        "s.toml:7: source[0].options.ratio: expected text, a whole number, true or false, got the number 0.5",
        "s.toml:7: source[0].options.api_token: expected no secret among the options, got an option named like one "
        "(api_key takes a reference)",
    ]),
    (SOURCE, f'{SOURCE}base_url = "http://api.zavu.dev"\n', [
        "s.toml:7: source[0].base_url: expected an https address such as https://api.example.com "
        "(http only on this machine), got http://api.zavu.dev",
    ]),
    (SOURCE, f'{SOURCE}base_url = "https://me:{CANARY}@api.zavu.dev"\n', [
        "s.toml:7: source[0].base_url: expected an https address such as https://api.example.com "
        "(http only on this machine), got an address with credentials in it (not shown)",
    ]),
    (SOURCE, f'{SOURCE}base_url = "https://api.zavu.dev/?key={CANARY}"\n', [
        "s.toml:7: source[0].base_url: expected an https address such as https://api.example.com "
        "(http only on this machine), got https://api.zavu.dev with a query or fragment",
    ]),
    (SOURCE, f'{SOURCE}base_url = "http://127.0.0.1:8080"\n', [
        "s.toml:7: source[0].base_url: expected a public address, got one that is not on the public internet "
        "(allow_private_addresses = true permits it)",
    ]),
    (SOURCE, f'{SOURCE}download_hosts = ["https://storage.zavu.dev", "*.zavu.dev", "dev", "ok.dev"]\n', [
        "s.toml:7: source[0].download_hosts[0]: expected a host name such as storage.example.com, without https:// "
        "and *, got text of 24 characters (not shown, as it may hold a secret)",
        "s.toml:7: source[0].download_hosts[1]: expected a host name such as storage.example.com, without https:// "
        'and *, got "*.zavu.dev"',
        "s.toml:7: source[0].download_hosts[2]: expected a host name such as storage.example.com, without https:// "
        'and *, got "dev"',
    ]),
    (SOURCE, f'{SOURCE}allow_private_addresses = "yes"\nretention_days = 0\n', [
        's.toml:7: source[0].allow_private_addresses: expected true or false, got "yes" (write it without quotes)',
        "s.toml:8: source[0].retention_days: expected a whole number from 1 to 36525, got the number 0",
    ]),
    (STREAM, f"[source.limits]\nper_hour = true\nburst = 2\n{STREAM}", [
        "s.toml:11: source[0].limits.per_hour: expected a whole number from 1 to 100000, got true",
        's.toml:12: source[0].limits.burst: expected one of concurrent, per_hour, got the unknown key "burst"',
    ]),
    (STREAM, f'{SOURCE}name = "zavu-main"\nprovider = "zavu"\napi_key = "file:/k"\n{STREAM}', [
        's.toml:11: source[1].name: expected a name of its own, got "zavu-main" for the second time',
    ]),
]  # fmt: skip

STREAM_CASES = [
    ('source = "zavu-main"', 'source = "zavu-mian"', [
        's.toml:12: stream[0].source: expected the name of a source (zavu-main), got "zavu-mian" '
        '(did you mean "zavu-main"?)',
    ]),
    ('datasets = ["messages"]\n', "", [
        "s.toml:10: stream[0].datasets: expected a list of datasets, at least one, got nothing",
    ]),
    ('datasets = ["messages"]', 'datasets = ["messages", "a b", "messages"]', [
        's.toml:13: stream[0].datasets[1]: expected the name of a dataset, got "a b"',
        "s.toml:13: stream[0].datasets[2]: expected every item once, got the same item again",
    ]),
    (STREAM, f"{STREAM}filters = {{ channel = 3 }}\n", [
        "s.toml:11: stream[0].filters.channel: expected a line of text, got the number 3",
    ]),
    (STREAM, f"{STREAM}since = 2026-06-01T10:00:00\n", [
        's.toml:11: stream[0].since: expected a date, a date-time with a zone, or "oldest", '
        "got a date-time without a zone (for UTC write 2026-06-01T10:00:00Z)",
    ]),
    (STREAM, f'{STREAM}since = "2026-06-01"\n', [
        's.toml:11: stream[0].since: expected a date, a date-time with a zone, or "oldest", '
        'got "2026-06-01" (write a date without quotes)',
    ]),
    (STREAM, f'{STREAM}since = "odlest"\nwindow = "dya"\n', [
        's.toml:11: stream[0].since: expected a date, a date-time with a zone, or "oldest", '
        'got "odlest" (did you mean "oldest"?)',
        's.toml:12: stream[0].window: expected one of hour, day, week, month, got "dya" (did you mean "day"?)',
    ]),
    (STREAM, f"{STREAM}since = 0001-01-01\n", [
        's.toml:11: stream[0].since: expected a date, a date-time with a zone, or "oldest", got 0001-01-01',
    ]),
    (STREAM, f'{STREAM}time_zone = "berlin"\n', [
        's.toml:11: stream[0].time_zone: expected a time zone such as "Europe/Berlin" or "UTC", got "berlin" '
        '(did you mean "Europe/Berlin"?)',
    ]),
    (STREAM, f'{STREAM}time_zone = "Europe"\n', [
        's.toml:11: stream[0].time_zone: expected a time zone such as "Europe/Berlin" or "UTC", got "Europe"',
    ]),
    (STREAM, f'{STREAM}time_zone = "../../etc/passwd"\n', [
        's.toml:11: stream[0].time_zone: expected a time zone such as "Europe/Berlin" or "UTC", '
        'got "../../etc/passwd"',
    ]),
    (STREAM, f'{STREAM}settle = "6 hours"\n', [
        's.toml:11: stream[0].settle: expected a duration such as "90s", "30m", "6h" or "2d", from 0s to 366d, '
        'got "6 hours"',
    ]),
    (STREAM, f'{STREAM}settle = "2d"\nsettled_pass = "1d"\n', [
        's.toml:12: stream[0].settled_pass: expected a duration longer than settle, got "1d"',
    ]),
    (STREAM, f'{STREAM}retention = "standrad"\npriority = 11\npaused = 1\n', [
        's.toml:11: stream[0].retention: expected the name of a retention class (standard), got "standrad" '
        '(did you mean "standard"?)',
        "s.toml:12: stream[0].priority: expected a whole number from -10 to 10, got the number 11",
        "s.toml:13: stream[0].paused: expected true or false, got the number 1",
    ]),
    ("[retention.standard]", "[retention.long]", [
        "s.toml:10: stream[0].retention: expected the name of a retention class (long), got nothing",
    ]),
]  # fmt: skip

OTHER_CASES = [
    ('period = "7y"', 'period = "7h"\nbasis = "window_end"\nat_end = "shred"\ncitation = "two\\nlines"', [
        's.toml:5: retention.standard.period: expected a period such as "90d", "18m" (months) or "7y", at most 1000 '
        'years, got "7h"',
        's.toml:6: retention.standard.basis: expected one of window-end, ingest, got "window_end" '
        '(did you mean "window-end"?)',
        's.toml:7: retention.standard.at_end: expected one of ask, destroy, got "shred"',
        's.toml:8: retention.standard.citation: expected a line of text, got "two\\u000alines"',
    ]),
    ('period = "7y"\n', 'citation = ""\n', [
        's.toml:4: retention.standard.period: expected a period such as "90d", "18m" (months) or "7y", at most 1000 '
        "years, got nothing (how long archives are retained)",
    ]),
    ("[retention.standard]\nperiod", "[retention]\nstandard", [
        "s.toml:5: retention.standard: expected a table, got \"7y\"",
    ]),
    ("[retention.standard]", '[retention."Not Good"]\nperiod = "1y"\n[retention.standard]', [
        's.toml:4: retention."Not Good": expected a name of small letters, digits and hyphens, '
        'got the name "Not Good"',
    ]),
    ("[vault]", "[daemon]\nworkers = 0\nlog_level = \"inf\"\n[vault]", [
        "s.toml:2: daemon.workers: expected a whole number from 1 to 64, got the number 0",
        's.toml:3: daemon.log_level: expected one of debug, info, warning, error, got "inf" (did you mean "info"?)',
    ]),
    ("[vault]", '[network]\nconnect_timeout = "0s"\nmax_export_size = "0 B"\n'
     f'proxy = "http://u:{CANARY}@proxy:1"\n[vault]', [
        's.toml:2: network.connect_timeout: expected a duration such as "90s", "30m", "6h" or "2d", from 1s to 1h, '
        'got "0s"',
        's.toml:3: network.max_export_size: expected a size such as "2 GB" or "512 MiB", at least 1 B, got "0 B"',
        "s.toml:4: network.proxy: expected a proxy such as http://proxy.example.com:3128, "
        "got an address with credentials in it (not shown)",
    ]),
    ("[vault]", "[deamon]\nworkers = 1\n[vault]", [
        's.toml:1: deamon: expected a known key, got the unknown key "deamon" (did you mean "daemon"?)',
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), VAULT_CASES + SOURCE_CASES + STREAM_CASES + OTHER_CASES)
def test_tells_each_mistake(tmp_path: Path, old: str, new: str, expected: list[str]) -> None:
    assert old in BASE
    assert problems_of(tmp_path, BASE.replace(old, new, 1)) == expected


def test_tells_all_mistakes_of_a_file_in_their_order(tmp_path: Path) -> None:
    found = problems_of(tmp_path, '[[stream]]\nsource = "a"\n[network]\nproxy = 1\n[[source]]\nname = "b"\n')
    assert [line.split(": expected")[0] for line in found] == [
        "s.toml: vault.path",
        "s.toml: vault.recipients",
        "s.toml:1: stream[0].name",
        "s.toml:1: stream[0].datasets",
        "s.toml:1: stream[0].retention",
        "s.toml:2: stream[0].source",
        "s.toml:4: network.proxy",
        "s.toml:5: source[0].provider",
        "s.toml:5: source[0].api_key",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "vault.path",
        "vault.identity",
        "vault.min_free",
        "source.name",
        "source.provider",
        "source.api_key",
        "source.base_url",
        "source.retention_days",
        "source.limits",
        "source.options",
        "stream.name",
        "stream.source",
        "stream.filters",
        "stream.since",
        "stream.window",
        "stream.time_zone",
        "stream.settle",
        "stream.retention",
        "stream.paused",
        "stream.datasets",
        "vault.recipients",
        "source.download_hosts",
        "retention.standard",
        "daemon.workers",
        "daemon.log_level",
        "network.proxy",
        "network.min_rate",
        "network.read_timeout",
    ],
)
def test_never_repeats_a_key_pasted_into_the_wrong_place(tmp_path: Path, key: str) -> None:
    section, _, name = key.partition(".")
    lines = [line for line in BASE.split("\n") if not line.startswith(f"{name} =")]
    header = f"[[{section}]]" if section in ("source", "stream") else f"[{section}]"
    text = "\n".join(lines).replace("[retention.standard]\nperiod", "[retention.other]\nperiod")
    pasted = f'{name} = "{CANARY} "'
    text = text.replace(header, f"{header}\n{pasted}") if header in text else f"{header}\n{pasted}\n{text}"
    file = tmp_path / "s.toml"
    file.write_text(text)
    try:
        load_config(file)
    except ConfigRefused as refused:
        assert CANARY not in refused.message
    else:
        assert key in ("vault.path", "vault.identity")
