"""A stream that was given another name keeps what it covers, what was destroyed of it, and its holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from kit.destruction import ALICE, BOB
from kit.engine_bench import NOON, STREAM, Bench
from strongroom.config.secrets import SecretRef
from strongroom.engine.core.moments import newest_moments
from strongroom.engine.core.sources import open_reading, plans_of
from strongroom.engine.destruction.approve import approve
from strongroom.engine.destruction.context import DestructionContext
from strongroom.engine.destruction.destroy import carry_out
from strongroom.engine.destruction.propose import propose
from strongroom.engine.ingest.job_lineage import re_export_of
from strongroom.engine.ingest.planning import enter_due
from strongroom.engine.ingest.renames import find_renames, require_same_source
from strongroom.engine.ingest.transitions import enter
from strongroom.engine.queries.lists import coverage_of, list_archives, list_jobs
from strongroom.engine.repair.rebuild import Rebuild, rebuild
from strongroom.engine.retention.holds import list_holds, place
from strongroom.engine.retention.verdicts import Destroyed, destroyed_before, judged, refuse_return
from strongroom.model.coverage import Cover
from strongroom.model.errors import UsageError
from strongroom.model.hold import HoldRule
from strongroom.model.names import Noun, Renamed, pair_names
from strongroom.model.plan import Stream
from strongroom.model.window import Window
from strongroom.vault.archives import get_archive

NEW = "customer-records"


def cover(bench: Bench) -> int:
    with bench.engine() as engine:
        made = 0
        while jobs := enter_due(engine, plans_of(bench.config)):
            made += len(jobs)
            bench.run(engine)
    return made


def rename(bench: Bench, name: str = NEW) -> None:
    (stream,) = bench.config.streams
    bench.config = replace(bench.config, streams=(replace(stream, name=name),))


def kinds(bench: Bench) -> list[str]:
    with open_reading(bench.config) as vault:
        return [each.kind for each in newest_moments(vault, 1000)]


def test_nothing_is_exported_again_under_a_new_name(bench: Bench) -> None:
    assert cover(bench) == 2
    rename(bench)
    assert cover(bench) == 0
    assert kinds(bench).count("stream.renamed") == 1
    with open_reading(bench.config) as vault:
        assert len(list_archives(vault)) == 2
        assert {each.cover for each in coverage_of(vault, NEW)} == {Cover.PROVEN}
        assert coverage_of(vault, STREAM.name) == []
    rename(bench, STREAM.name)  # and back
    assert cover(bench) == 0
    assert kinds(bench).count("stream.renamed") == 2


def test_a_rebuilt_catalogue_knows_the_new_name(bench: Bench, tmp_path: Path) -> None:
    cover(bench)
    rename(bench)
    cover(bench)
    made = tmp_path / "made.sqlite"
    stream = plans_of(bench.config)[0].stream
    rebuild(Rebuild(bench.config.vault.path, bench.clock, {NEW: stream}, to=made))
    query = "SELECT stream, window_start, window_end, cover, archive FROM coverage ORDER BY window_start"
    old, new = (sqlite3.connect(path) for path in (bench.config.vault.path / "catalogue.sqlite", made))
    assert old.execute(query).fetchall() == new.execute(query).fetchall() != []
    old.close()
    new.close()


def test_a_hold_on_the_old_name_keeps_what_comes_under_the_new_one(bench: Bench) -> None:
    cover(bench)
    with open_reading(bench.config) as vault:
        place(vault, "acme", HoldRule(stream=STREAM.name), ALICE, "a letter", NOON, lambda count: b"h" * count)
    rename(bench)
    bench.clock.advance(timedelta(days=1))
    assert cover(bench) == 1
    with open_reading(bench.config) as vault:
        standing = list_holds(vault)
        assert [each.rule.stream for each in standing] == [STREAM.name, NEW]
        assert {each.matter for each in standing} == {"acme"}
        newest = list_archives(vault)[0]
        assert newest.stream == NEW
        assert any(each.rule.stream == newest.stream for each in standing)
    cover(bench)
    with open_reading(bench.config) as vault:
        assert len(list_holds(vault)) == 2  # not one more at each start


def destroy_everything(bench: Bench) -> None:
    bench.clock.advance(timedelta(days=3000))
    with bench.engine() as engine:
        context = DestructionContext(engine.vault, engine.clock, engine.random_bytes)
        found = (get_archive(engine.vault.catalogue, each.id) for each in list_archives(engine.vault))
        archives = [each for each in found if each is not None]
        plan = propose(context, archives, ALICE, "over")
        approve(context, plan.proposal.id, BOB, plan.digest)
        bench.clock.advance(timedelta(days=8))
        assert len(carry_out(context).destroyed) == len(archives)


def test_find_renames_pairs_only_what_asks_for_exactly_the_same() -> None:
    old = Stream("a", "zavu", ("messages",))
    same = replace(old, name="b")
    assert find_renames([same], [old]) == [Renamed("a", "b")]
    assert find_renames([same, old], [old]) == []  # the old name is still in use
    assert find_renames([same], [old, same]) == []  # the new one covers something already
    assert find_renames([same], [old, replace(old, name="c")]) == []  # two could be meant
    for other in (
        replace(same, source="other"),
        replace(same, datasets=("calls",)),
        replace(same, filters=(("status", "x"),)),
    ):
        assert find_renames([other], [old]) == []


def test_what_was_destroyed_is_not_exported_again_under_a_new_name_nor_by_a_second_stream(bench: Bench) -> None:
    cover(bench)
    destroy_everything(bench)
    with open_reading(bench.config) as vault:
        before = {each.cover for each in coverage_of(vault, STREAM.name)}
    assert before == {Cover.DESTROYED}
    (stream,) = bench.config.streams
    bench.config = replace(bench.config, streams=(replace(stream, datasets=("messages",), name="second"),))
    with bench.engine() as engine:
        planned = enter_due(engine, plans_of(bench.config))
        assert planned
        assert all(each.spec.window.end > NOON - timedelta(hours=12) for each in planned)
    with open_reading(bench.config) as vault:
        first = [each for each in coverage_of(vault, "second") if each.window.start < NOON]
        assert first
        assert {each.cover for each in first if each.window.end <= NOON - timedelta(hours=12)} == {Cover.DESTROYED}


def test_a_re_export_of_what_was_archived_under_the_old_name_is_compared_with_it(bench: Bench) -> None:
    cover(bench)
    rename(bench)
    cover(bench)
    with bench.engine() as engine:
        job = re_export_of(engine, list_jobs(engine.vault)[0])
        assert job.stream == NEW
        with engine.vault.catalogue.transaction():
            enter(engine.vault.catalogue, job)
        bench.run(engine)
        assert len(list_archives(engine.vault)) == 3
        assert coverage_of(engine.vault, STREAM.name) == []


def rename_source(bench: Bench, name: str, **changes: object) -> None:
    (source,), (stream,) = bench.config.sources, bench.config.streams
    fresh = replace(source, name=name, **changes)  # type: ignore[arg-type]
    bench.config = replace(bench.config, sources=(fresh,), streams=(replace(stream, source=name),))


OTHER_KEY = SecretRef.parse("env:OTHER_KEY")


def test_a_source_that_only_has_another_name_is_the_same_account(bench: Bench) -> None:
    assert cover(bench) == 2
    old = bench.config.sources[0].name
    with open_reading(bench.config) as vault:
        place(vault, "acme", HoldRule(source=old), ALICE, "a letter", NOON, lambda count: b"h" * count)
    rename_source(bench, "other")
    rename(bench)  # the stream too, in the same edit
    bench.clock.advance(timedelta(days=1))
    assert cover(bench) == 1
    assert {"source.renamed", "stream.renamed"} <= set(kinds(bench))
    with open_reading(bench.config) as vault:
        first, second = list_holds(vault)
        assert (first.rule.source, second.rule.source) == (old, "other")
        found = [each.verdict for each in judged(vault, bench.clock())]
        assert len(found) == 3
        assert all(each.holds == (first.id, second.id) for each in found)  # whatever name the archive came under
        assert {each.source for each in list_jobs(vault)} == {"other"}
    rename_source(bench, old)  # and back
    assert cover(bench) == 0
    assert kinds(bench).count("source.renamed") == 2


def test_what_was_destroyed_under_a_source_is_not_exported_again_under_its_new_name(bench: Bench) -> None:
    cover(bench)
    destroy_everything(bench)
    window = Window(NOON - timedelta(days=2), NOON - timedelta(days=1))
    rename_source(bench, "other")
    bench.config = replace(bench.config, streams=(replace(bench.config.streams[0], name="a", since=NOON),))
    with bench.engine() as engine:
        with pytest.raises(Destroyed):
            refuse_return(engine.vault.catalogue, "other", ("messages",), window)
        stream = Stream("b", "other", ("messages",))
        back = list(destroyed_before(engine.vault.catalogue, stream, window.start, []))
        assert {each.cover for each in back} == {Cover.DESTROYED}


def test_a_rebuilt_catalogue_knows_the_new_name_of_a_source(bench: Bench, tmp_path: Path) -> None:
    cover(bench)
    rename_source(bench, "other")
    cover(bench)
    made = tmp_path / "made.sqlite"
    stream = plans_of(bench.config)[0].stream
    rebuild(Rebuild(bench.config.vault.path, bench.clock, {stream.name: stream}, to=made))
    with closing(sqlite3.connect(made)) as catalogue:
        assert catalogue.execute("SELECT DISTINCT source FROM jobs").fetchall() == [("other",)]


def test_a_source_whose_name_and_key_are_others_is_refused(bench: Bench) -> None:
    assert cover(bench) == 2
    source, before = bench.config.sources[0], bench.config
    rename_source(bench, "other", api_key=OTHER_KEY)
    with pytest.raises(UsageError, match=f"was archived from source {source.name}") as told:
        cover(bench)
    assert f'call the source "{source.name}" again' in told.value.hint
    assert "give the stream another name" in told.value.hint
    rename(bench)  # the stream too: it would export everything again, and nobody said that it is another account
    with pytest.raises(UsageError, match=f"stream {STREAM.name} of source {source.name} exported") as told:
        cover(bench)
    assert f"keep source {source.name} in the configuration" in told.value.hint
    bench.config = replace(bench.config, sources=(*bench.config.sources, source))
    with bench.engine():
        pass  # two accounts
    bench.config = before
    assert cover(bench) == 0
    assert kinds(bench).count("job.planned") == 2


def test_the_name_of_a_renamed_source_is_not_given_to_another_account(bench: Bench) -> None:
    cover(bench)
    old = bench.config.sources[0]
    rename_source(bench, "other")
    cover(bench)
    bench.config = replace(bench.config, sources=(*bench.config.sources, replace(old, api_key=OTHER_KEY)))
    with pytest.raises(UsageError, match="source other had that name before"), bench.engine():
        pass


def test_names_that_change_places_are_paired_in_order_or_refused() -> None:
    assert pair_names(Noun.SOURCE, {"a": 1, "b": 2}, {"b": 1, "c": 2}) == [
        Renamed("b", "c", Noun.SOURCE),
        Renamed("a", "b", Noun.SOURCE),
    ]
    for configured in ({"a": 2, "b": 1}, {"b": 1}):
        with pytest.raises(UsageError, match="is now what source"):
            pair_names(Noun.SOURCE, {"a": 1, "b": 2}, configured)
    assert pair_names(Noun.SOURCE, {"a": 1, "b": 2}, {"a": 3, "b": 2}) == []  # another key: the account says nothing
    assert pair_names(Noun.SOURCE, {"a": 1}, {"b": 1, "c": 1}) == []  # two could be meant


def test_another_account_under_a_stream_of_its_own_is_no_other_name(bench: Bench) -> None:
    mine = Stream("mine", "one", ("messages",))
    require_same_source([replace(mine, name="theirs", source="two")], [mine])
    require_same_source([mine], [mine, replace(mine, name="theirs", source="two")])
    with pytest.raises(UsageError):
        require_same_source([replace(mine, source="two")], [mine])
