from __future__ import annotations

import json
from pathlib import Path

from strongroom.config.load import load_config
from strongroom.model.bech32 import encode_bech32

KEY = encode_bech32("age", b"q" * 32)
CANARY = "c4n4ry-in-an-argument"

TEXT = f"""\
[vault]
path = "/v"
recipients = ["{KEY}"]
[[source]]
name = "a"
provider = "zavu"
api_key = "command:/usr/bin/fetch --token {CANARY}"
[[stream]]
name = "s"
source = "a"
datasets = ["messages"]
since = 2026-06-01
settled_pass = "14d"
[retention.standard]
period = "7y"
[notify]
urls = ["file:/etc/mail", "command:/usr/bin/fetch {CANARY}"]
command = ["/usr/bin/tell", "--token", "{CANARY}"]
[notify.ping]
url = "env:PING"
[metrics]
listen = "[::1]:9464"
"""


def test_shows_what_is_in_force_and_no_secret(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(TEXT)
    shown = load_config(tmp_path / "c.toml").show()
    text = json.dumps(shown)
    assert CANARY not in text
    assert json.loads(text) == shown
    assert shown == {
        "file": str(tmp_path / "c.toml"),
        "vault": {
            "path": "/v",
            "recipients": [KEY],
            "identity": None,
            "organization": None,
            "min_free": "2 GB",
            "scrub_every": "30d",
            "drill_every": "180d",
            "scrub_rate": "16 MB",
            "lock": False,
            "clock_tolerance": "1d",
            "log_queries": False,
            "passphrase": None,
            "signing_key": None,
        },
        "source": [
            {
                "name": "a",
                "provider": "zavu",
                "api_key": "command:fetch …",
                "base_url": None,
                "download_hosts": [],
                "allow_private_addresses": False,
                "retention_days": None,
                "delete_after_archive": False,
                "second_look": "1d",
                "limits": {"concurrent": None, "per_hour": None},
                "options": {},
            }
        ],
        "stream": [
            {
                "name": "s",
                "source": "a",
                "datasets": ["messages"],
                "filters": {},
                "since": "2026-06-01T00:00:00Z",
                "window": "day",
                "time_zone": "UTC",
                "settle": "6h",
                "settled_pass": "2w",
                "retention": "standard",
                "priority": 0,
                "index": True,
                "paused": False,
            }
        ],
        "retention": {"standard": {"period": "7y", "basis": "window-end", "citation": "", "at_end": "ask"}},
        "destruction": {"people": 2, "cooling_off": "1w", "approvers": []},
        "daemon": {"workers": 2, "log_level": "info"},
        "network": {
            "connect_timeout": "10s",
            "read_timeout": "1m",
            "max_export_size": "200 GB",
            "min_rate": "1 KB",
            "ca_file": None,
            "proxy": None,
        },
        "notify": {
            "urls": ["file:/etc/mail", "command:fetch …"],
            "details": "minimal",
            "command": ["tell", "…"],
            "desktop": False,
            "ping": {"url": "env:PING", "every": "10m", "allow_private_addresses": False},
        },
        "metrics": {"textfile": None, "listen": "[::1]:9464"},
        "evidence": {"every": "1d", "timestamp_url": None, "timestamp_ca": None, "send_to": []},
        "report": {"folder": None, "notify": None, "every": "month", "audience": "auditor"},
        "reconcile": [],
        "copy": [],
        "provider": {"directories": []},
        "warnings": [
            f"{tmp_path}/c.toml:3: vault.recipients: one recipient only: if its identity is lost, so is everything; "
            "add a recovery key"
        ],
    }
