"""Plans are edited and lists are cut and sorted on the command line as on the screen."""

from __future__ import annotations

import json

import pytest

from kit.cli_home import Home, Invoke
from strongroom.config.load import load_config


def edit(home: Home, invoke: Invoke, *args: str) -> dict[str, object]:
    result = invoke("--config", home.config, "plan", "edit", stream_of(home), *args, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


def stream_of(home: Home) -> str:
    return load_config(home.config).streams[0].name


def test_a_dry_run_tells_the_work_and_writes_nothing(home: Home, invoke: Invoke) -> None:
    before = home.config.read_text()
    told = edit(home, invoke, "--since", "2026-10-20", "--settle", "2h", "--dry-run")
    assert told["written"] is False
    assert told["changed"] == {"since": "2026-10-20", "settle": "2h"}
    work = told["work"]
    assert isinstance(work, dict)
    assert work["exports"] > work["exports_before"]
    assert home.config.read_text() == before


def test_more_work_wants_a_yes(home: Home, invoke: Invoke) -> None:
    before = home.config.read_text()
    args = ("--config", home.config, "plan", "edit", stream_of(home), "--since", "2026-10-20")
    refused = invoke(*args)
    assert refused.exit_code == 2
    assert "it was not confirmed" in refused.stderr
    assert home.config.read_text() == before


def test_the_loader_has_the_last_word(home: Home, invoke: Invoke) -> None:
    refused = invoke("--config", home.config, "plan", "edit", stream_of(home), "--time-zone", "Berlin")
    assert refused.exit_code == 2
    assert "Europe/Berlin" in refused.stderr


def test_what_is_not_otherwise_is_not_written(home: Home, invoke: Invoke) -> None:
    before = home.config.stat().st_mtime_ns
    assert edit(home, invoke, "--priority", "0")["written"] is False
    assert home.config.stat().st_mtime_ns == before


def test_the_plan_alone_works_as_before(home: Home, invoke: Invoke) -> None:
    assert "sources" in json.loads(invoke("--config", home.config, "plan", "--json").stdout)


@pytest.mark.parametrize("sort", ["archived", "window", "size", "records"])
def test_archives_are_sorted(home: Home, invoke: Invoke, sort: str) -> None:
    found = json.loads(invoke("--config", home.config, "archives", "--sort", sort, "--json").stdout)["archives"]
    keys = {"archived": "verified_at", "size": "size", "records": "records"}
    values = [each["window"]["start"] if sort == "window" else each[keys[sort]] for each in found]
    assert len(values) > 2
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("what", ["archives", "jobs"])
def test_lists_are_cut_to_a_time(home: Home, invoke: Invoke, what: str) -> None:
    def listed(*args: str) -> list[object]:
        result = invoke("--config", home.config, what, *args, "--json")
        assert result.exit_code == 0, result.output
        return list(json.loads(result.stdout)[what])

    assert listed("--from", "2027-01-01") == []
    assert len(listed("--from", "2026-11-01", "--to", "2026-12-01")) == len(listed())
    assert invoke("--config", home.config, what, "--from", "2026-12-01", "--to", "2026-11-01").exit_code == 2


def test_a_time_goes_by_windows_and_a_purpose_is_asked_for(home: Home, invoke: Invoke) -> None:
    refused = invoke("--config", home.config, "archives", "--from", "2026-11-01", "--sort", "size")
    assert refused.exit_code == 2
    every = json.loads(invoke("--config", home.config, "jobs", "--json").stdout)["jobs"]
    manual = json.loads(invoke("--config", home.config, "jobs", "--purpose", "manual", "--json").stdout)["jobs"]
    assert manual == [job for job in every if job["purpose"] == "manual"]


def test_the_status_tells_disk_quotas_and_who_was_told(home: Home, invoke: Invoke) -> None:
    found = json.loads(invoke("--config", home.config, "status", "--json").stdout)
    assert found["disk"]["bytes_a_day"] > 0
    assert found["quotas"][0]["source"] == "zavu-main"
    assert found["quotas"][0]["per_hour"] > 0
    assert found["notifications"]["channels"] == []
    assert "the reserve is" in invoke("--config", home.config, "status").stdout


def test_lives_lead_to_each_other(home: Home, invoke: Invoke) -> None:
    archive = home.archives()[0]
    shown = json.loads(invoke("--config", home.config, "archives", "show", archive, "--json").stdout)
    assert shown["versions"] == {"older": "", "newer": ""}
    job = json.loads(invoke("--config", home.config, "jobs", "show", shown["archive"]["job"], "--json").stdout)
    assert job["lineage"] == {"before": [], "after": []}
    assert isinstance(job["findings"], list)


def test_it_is_written_with_all_comments(own_home: Home, invoke: Invoke) -> None:
    own_home.config.write_text("# by hand\n" + own_home.config.read_text())
    told = edit(own_home, invoke, "--settle", "2h", "--since", "2026-10-20", "--yes")
    assert told["written"] is True
    assert own_home.config.read_text().startswith("# by hand\n")
    assert load_config(own_home.config).streams[0].settle.total_seconds() == 7200
