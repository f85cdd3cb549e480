"""Exports that a person asks for: which stream they belong to, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.watched_vault import NOW, days, open_house
from strongroom.config.load import load_config
from strongroom.config.schema import Config
from strongroom.engine.core.sources import stream_for
from strongroom.engine.ingest.job_lineage import retry
from strongroom.engine.ingest.planning import enter_window
from strongroom.model.bech32 import encode_bech32
from strongroom.model.coverage import Cover
from strongroom.model.errors import UsageError
from strongroom.model.job import Job, State
from strongroom.model.plan import ExportSpec, Stream
from strongroom.vault.jobs import put_job

HEAD = f"""[vault]
path = "v"
recipients = ["{encode_bech32("age", b"q" * 32)}", "{encode_bech32("age", b"p" * 32)}"]
[retention.standard]
period = "7y"
[retention.long]
period = "10y"
"""


def source(name: str) -> str:
    return f'[[source]]\nname = "{name}"\nprovider = "zavu"\napi_key = "file:/key"\n'


def stream(name: str, of: str, datasets: str, more: str = "") -> str:
    return f'[[stream]]\nname = "{name}"\nsource = "{of}"\ndatasets = [{datasets}]\nretention = "long"\n{more}'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    file = tmp_path / "strongroom.toml"
    file.write_text(
        HEAD
        + "".join(source(name) for name in ("one", "two", "none"))
        + stream("chats", "one", '"messages", "templates"')
        + stream("sms", "two", '"messages"', 'filters = { channel = "sms" }\n')
        + stream("all", "two", '"messages"')
        + stream("forms", "two", '"templates"')
    )
    return load_config(file)


@pytest.mark.parametrize(
    ("of", "datasets", "name", "retention"),
    [
        ("one", (), "chats", "long"),  # its only stream
        ("one", ("templates", "messages"), "chats", "long"),
        ("one", ("messages",), "one:messages", "standard"),  # not the only stream: a part of it
        ("two", ("messages",), "all", "long"),  # and not the filtered one, which has less
        ("two", ("templates",), "forms", "long"),
        ("two", ("templates", "messages"), "two:messages+templates", "standard"),
        ("none", ("messages",), "none:messages", "standard"),
    ],
)
def test_an_export_belongs_to_the_stream_of_exactly_its_datasets(
    config: Config, of: str, datasets: tuple[str, ...], name: str, retention: str
) -> None:
    found, kept = stream_for(config, of, datasets)
    assert (found.name, found.source, kept) == (name, of, retention)
    assert not datasets or set(found.datasets) == set(datasets)


@pytest.mark.parametrize("of", ["two", "none"])
def test_without_a_dataset_a_source_must_have_one_stream(config: Config, of: str) -> None:
    with pytest.raises(UsageError, match="no dataset of source"):
        stream_for(config, of, ())


@pytest.mark.parametrize(
    ("cover", "hint"),
    [
        (Cover.OPEN, "strongroom run --once"),  # in progress: the export that there is must end
        (Cover.PROVEN, "--again"),
        (Cover.EMPTY, "--again"),
        (Cover.MISSING, ""),
        (Cover.LOST, ""),
    ],
)
def test_a_window_that_is_archived_or_in_progress_is_refused_with_what_to_do(
    tmp_path: Path, cover: Cover, hint: str
) -> None:
    with open_house(tmp_path) as house:
        house.cover(days(3, 2), cover)
        asked = (house.engine(), Stream("chats", "zavu", ("messages",)), days(3, 2), "standard")
        if hint:
            with pytest.raises(UsageError, match=f"already {cover.words}") as refused:
                enter_window(*asked)
            assert hint in refused.value.hint
        assert enter_window(*asked, again=bool(hint)).purpose == ("regenerate" if hint else "manual")


@pytest.mark.parametrize("cover", [None, *Cover])
def test_a_failed_job_is_tried_again_only_where_nothing_has_taken_up_its_window(
    tmp_path: Path, cover: Cover | None
) -> None:
    with open_house(tmp_path) as house:
        spec = ExportSpec(("messages",), days(3, 2))
        job = Job("0" * 26, "chats", "zavu", spec, State.FAILED, NOW, NOW, NOW)
        with house.vault.catalogue.transaction():
            put_job(house.vault.catalogue, job)
        if cover is not None:
            house.cover(days(3, 2), cover)
        if cover in (None, Cover.MISSING):
            assert retry(house.engine(), job).parent == job.id
        else:
            with pytest.raises(UsageError, match=f"is {cover} by now"):
                retry(house.engine(), job)
        with pytest.raises(UsageError, match="only a failed job"):
            retry(house.engine(), replace(job, state=State.ARCHIVED))
