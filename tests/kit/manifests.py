"""The gallery of manifests, and one that is as short as it can be, for tests that change it."""

from __future__ import annotations

from pathlib import Path

GALLERY = Path(__file__).parents[2] / "examples" / "providers"

SHORTEST = """\
[provider]
label = "Acme"
base_url = "https://api.acme.example/v2"

[create]
path = "/exports"
id = "id"
body = { from = "{lower}", to = "{upper}", kind = "{dataset}" }

[export]
status = "state"
statuses = { running = ["busy"], ready = ["done"], failed = ["broken"] }

[observe]
path = "/exports/{id}"

[download]
link = "url"
container = "csv"

[datasets.calls]
id = "call_id"
time = "at"
"""
