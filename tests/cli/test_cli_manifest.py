"""Describing a provider by a file: from a person's answers to a manifest, and from a manifest to one window."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from kit.cli_home import Invoke
from kit.http_policies import KEY, TOKEN
from kit.manifests import GALLERY, SHORTEST
from strongroom.config.manifest import load_manifest, parse_manifest
from strongroom.config.manifest_template import ManifestDraft, write_manifest
from strongroom.engine.monitor.source_trial import field_names
from strongroom.model.manifest_words import AuthKind, DownloadBy, ObserveBy, TimeFormat
from strongroom.model.provider import Container
from strongroom_sandbox.clock import SandboxClock
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions
from strongroom_sandbox.records import RowOptions
from strongroom_sandbox.server import Sandbox, SandboxSettings

SOON = timedelta(milliseconds=1)
FEW = RowOptions(per_day={"outbound": 5, "inbound": 5, "api": 5, "campaign": 5, "console": 1, "contacts": 2})
ANSWERS = [
    *("Acme", "https://api.acme.example/v2", "", "bearer", "/exports", "from", "to", "kind", "unknown", "rfc3339"),
    *(
        "id",
        "get",
        "/exports/{id}",
        "@",
        "",
        "state",
        "busy",
        "done",
        "broken",
        "link",
        "url",
        "csv",
        "calls",
        "call_id",
        "at",
    ),
]


def test_answers_become_a_manifest_and_what_exists_is_not_touched(tmp_path: Path, invoke: Invoke) -> None:
    file = tmp_path / "acme.toml"
    done = invoke("source", "new", str(file), text="\n".join(ANSWERS) + "\n")
    assert done.exit_code == 0, done.output
    assert load_manifest(file).manifest == parse_manifest("m.toml", SHORTEST)
    assert invoke("source", "new", str(file)).exit_code == 2
    assert invoke("source", "new", str(tmp_path / "Ac me.toml")).exit_code == 2
    shown = invoke("source", "try", str(file), "--from", "2026-11-01", "--json")
    assert json.loads(shown.stdout) == {
        "good": True,
        "method": "POST",
        "path": "/exports",
        "body": {"from": "2026-10-31T23:59:59Z", "to": "2026-11-02T00:00:00Z", "kind": "calls"},
    }


@pytest.mark.parametrize("auth", AuthKind)
@pytest.mark.parametrize("observe", ObserveBy)
@pytest.mark.parametrize("download", DownloadBy)
def test_every_draft_that_fits_together_passes_every_check(
    auth: AuthKind, observe: ObserveBy, download: DownloadBy
) -> None:
    if observe is ObserveBy.FILE and download is not DownloadBy.FILE:
        return
    detail = {AuthKind.HEADER: "X-Api-Key", AuthKind.CLIENT_CREDENTIALS: "/oauth/token"}.get(auth, "")
    for container in set(Container) - {Container.BUNDLE, Container.JSON_PAGE}:
        draft = ManifestDraft(
            label='The "best"',
            base_url="https://api.example.com",
            auth=auth,
            auth_detail=detail,
            time_format=TimeFormat.UNIX,
            observe=observe,
            list_path="/exports" if observe is ObserveBy.LIST else "",
            ready=("done",),
            download=download,
            download_at="url" if download is DownloadBy.LINK else "/exports/{id}/file",
            container=container,
            datasets=("calls", "texts"),
        )
        assert list(parse_manifest("m.toml", write_manifest("m.toml", draft)).datasets) == ["calls", "texts"]


@pytest.mark.parametrize("name", ["hookbridge", "qlara"])
def test_a_window_is_walked_step_by_step_and_no_secret_is_shown(
    tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    options = {
        "hookbridge": HookBridgeOptions(pending_for=SOON, processing_for=SOON),
        "qlara": QlaraOptions(pending_for=SOON, processing_for=SOON),
    }
    settings = SandboxSettings(hookbridge_key=KEY, qlara_key=KEY, token_prefix=TOKEN, rows=FEW, **{name: options[name]})
    monkeypatch.setenv("TRIAL_KEY", KEY)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    with Sandbox(settings, clock=SandboxClock()) as sandbox:
        url = sandbox.hookbridge_url if name == "hookbridge" else sandbox.qlara_url
        line = ["source", "try", str(GALLERY / f"{name}-manifest.toml"), "--base-url", url, "--allow-private-addresses"]
        line += ["--dataset", "message-history"] if name == "qlara" else []
        refused = invoke(*line, "--key", "env:TRIAL_KEY")
        assert (refused.exit_code, len(sandbox.requests.creates)) == (2, 0), "nobody said yes"
        shown = invoke(*line, "--key", "env:TRIAL_KEY", "--yes")
        assert shown.exit_code == 0, shown.output
        steps = [text.split()[1] for text in shown.stdout.splitlines() if text.startswith(("ok ", "FAILED "))]
        assert steps == ["account", "create", "state", "files", "content", "list"]
        assert "> POST" in shown.stdout and '"status": ' in shown.stdout and "its fields are message" in shown.stdout
        assert KEY not in shown.output and TOKEN not in shown.output
        listed = json.loads(invoke(*line, "--key", "env:TRIAL_KEY", "--yes", "--json").stdout)
        assert listed["good"] and {"method", "place", "sent", "status", "answer"} == set(listed["requests"][0])
        assert KEY not in json.dumps(listed) and TOKEN not in json.dumps(listed)
        monkeypatch.setenv("TRIAL_KEY", "wrong")
        failed = invoke(*line, "--key", "env:TRIAL_KEY", "--yes")
        assert failed.exit_code == 1 and "refused the API key" in failed.stdout
        assert len(sandbox.requests.creates) == 2


def test_the_fields_of_a_file_are_read_from_its_opening() -> None:
    assert field_names(Container.CSV, b"\xef\xbb\xbfid;at;text\r\n1;2;3\r\n") == ["id", "at", "text"]
    assert field_names(Container.NDJSON, b'{"id": 1, "at": 2}\n') == ["id", "at"]
    assert field_names(Container.ZIP_OF_JSON, b"PK") == field_names(Container.NDJSON, b"[") == []
