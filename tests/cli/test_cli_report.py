"""A report as a person makes and checks it: its figures, its files, its note, and what it refuses."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kit.engine_bench import DAY, STREAM, Bench, open_bench
from strongroom.cli.main import cli
from strongroom.config.secrets import resolve
from strongroom.evidence.note import Signer
from strongroom.evidence.verifier import Key, Report, check_report
from strongroom.model.coverage import Cover, Interval
from strongroom.model.window import Window
from strongroom.text.units import number, size
from strongroom.vault.coverage import put_interval

PERIOD = ["--from", "2026-11-16", "--to", "2026-11-20"]
STEM = "strongroom-report-2026-11-16_2026-11-19-auditor"
NASTY = '<script>alert("1")</script> & "Söhne"'


class Page(HTMLParser):
    """What a browser would see of a page: its elements, texts, figures and tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = [""]
        self.heading = False
        self.links: list[str] = []
        self.figures: list[tuple[str, str]] = []
        self.rows: list[list[str]] = []
        self.headings: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")
        if tag == "data":
            self.figures.append((str(dict(attrs)["value"]), ""))
        self.heading = tag == "h2"

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1] and self.elements[-1] in ("td", "th", "data", "span"):
            self.rows[-1][-1] += data
        if self.elements[-1] == "data" and not self.figures[-1][1]:
            self.figures[-1] = (self.figures[-1][0], data)
        if self.heading and data.strip():
            self.headings.append(data)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A vault with one day archived, one lost, one that failed, and one that is not done yet."""
    with open_bench(tmp_path_factory.mktemp("report")) as bench:
        text = bench.config.file.read_text()
        text = text.replace("[vault]\n", f"[vault]\norganization = '{NASTY}'\n", 1)
        bench.config.file.write_text(text.replace("2026-11-18", "2026-11-16"))
        bench.export()
        with bench.engine() as engine, engine.vault.catalogue.transaction():
            for before, cover, cause in ((1, Cover.MISSING, "refused"), (2, Cover.LOST, "too-late")):
                window = Window(DAY.start - timedelta(days=before), DAY.end - timedelta(days=before))
                put_interval(engine.vault.catalogue, Interval(STREAM.name, window, cover, cause=cause))
        yield bench


def ask(bench: Bench, *words: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(bench.config.file), *words])


def document(bench: Bench, *words: str) -> dict[str, object]:
    made = ask(bench, "report", *words, "--json")
    assert made.exit_code == 0, made.output
    found: dict[str, object] = json.loads(made.output)
    return found


@pytest.fixture(scope="module")
def folder(reported: Bench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of its report."""
    folder = tmp_path_factory.mktemp("filed")
    made = ask(reported, "report", str(folder), *PERIOD)
    assert made.exit_code == 0, made.output
    assert sorted(path.name for path in folder.iterdir()) == [f"{STEM}.html", f"{STEM}.json", f"{STEM}.note"]
    return folder


def test_its_figures_are_those_of_coverage_and_status(reported: Bench) -> None:
    found = document(reported, *PERIOD)
    [stream] = found["streams"]
    [told] = json.loads(ask(reported, "coverage", *PERIOD, "--json").output)["streams"]
    status = json.loads(ask(reported, "status", "--json").output)
    assert [(gap["from"], gap["to"], gap["state"]) for gap in stream["gaps"]] == [
        ("2026-11-16T00:00:00Z", "2026-11-17T00:00:00Z", "lost"),
        ("2026-11-17T00:00:00Z", "2026-11-18T00:00:00Z", "failed"),
    ]
    assert [(gap["start"], gap["end"]) for gap in told["gaps"]] == [(gap["from"], gap["to"]) for gap in stream["gaps"]]
    assert stream["pending"] == [{"from": "2026-11-19T00:00:00Z", "to": "2026-11-20T00:00:00Z"}]
    assert (stream["required_seconds"], stream["archived_seconds"]) == (4 * 86_400, 86_400)
    assert found["archived_share"] == stream["archived_share"] == 0.25
    assert stream["cells"] == ["lost", "failed", "archived", "pending"]
    [volume] = stream["volumes"]
    assert (volume["archives"], volume["records"]) == (1, status["archives"]["held"]["records"])
    assert [each["title"] for each in found["problems"]] == [each["title"] for each in status["problems"]]
    assert found["retention"]["keep"] == 1
    assert found["summary"][:2] == [
        "25.0% of what had to be archived in this period is archived.",
        "2 periods are missing: 1 lost and 1 failed.",
    ]


def test_the_page_shows_the_figures_of_its_twin(folder: Path) -> None:
    text, twin = (folder / f"{STEM}.html").read_text(), json.loads((folder / f"{STEM}.json").read_text())
    page, [stream] = Page(text), twin["streams"]
    rows = {tuple(cell.strip() for cell in row) for row in page.rows}
    volume = stream["volumes"][0]
    account, since, records, stored = (
        stream["account"], "2026-11-16", number(volume["records"]), size(volume["sealed_size"]),
    )  # fmt: skip
    assert (STREAM.name, account, since, "4 days", "1 day", "25.0%", "1", records, stored) in rows
    assert ("2026-11", "1", records, size(volume["size"]), stored) in rows
    assert (STREAM.name, "2026-11-16T00:00:00Z to 2026-11-17T00:00:00Z", "lost", stream["gaps"][0]["reason"]) in rows
    assert (str(volume["sealed_size"]), stored) in page.figures
    assert (str(twin["holds"]), "0") in page.figures
    assert page.headings == [
        "Summary", "Coverage", "Gaps and losses", "At risk", "Volumes", "Jobs and alerts", "Retention and holds",
        "Destruction", "Evidence and care", "Changes", "How to check this report",
    ]  # fmt: skip


def test_the_page_runs_nothing_loads_nothing_and_says_names_as_they_are(folder: Path) -> None:
    text = (folder / f"{STEM}.html").read_text()
    page = Page(text)
    assert "script" not in page.elements
    assert (page.links, "url(" in text, "@import" in text) == ([], False, False)
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &quot;Söhne&quot;" in text
    assert text.count("<table>") == text.count("<caption>")
    assert text.count("<table>") + 1 == text.count('tabindex="0"'), "what is wider than a phone is moved with keys"
    assert text.count('role="img" aria-label="') == text.count("<svg")


def test_a_board_gets_fewer_sections_and_the_same_figures(reported: Bench, tmp_path: Path) -> None:
    for_board, for_auditor = (document(reported, *PERIOD, "--for", name) for name in ("board", "auditor"))
    assert for_board["summary"] == for_auditor["summary"]
    assert ask(reported, "report", str(tmp_path), *PERIOD, "--for", "board").exit_code == 0
    headings = Page(next(tmp_path.glob("*-board.html")).read_text()).headings
    assert "Changes" not in headings
    assert "Gaps and losses" in headings


def test_the_log_has_its_digests_and_a_third_person_can_check_it(reported: Bench, folder: Path) -> None:
    key = reported.config.vault.signing_key
    assert key is not None
    signer = Signer.parse(resolve(key).reveal())
    entries = ask(reported, "audit", "log", "--kind", "report.made", "--json").output.splitlines()
    facts = json.loads(entries[0])["facts"]
    assert facts["by"] == os.getuid()
    note = folder / f"{STEM}.note"
    codes, report = _checked(note, [Key(str(signer.verifier))])
    assert (codes, report.vouched) == ([], True)
    assert f"{STEM}.html" in report.scope
    other = Signer.generate("strongroom", os.urandom)
    assert _checked(note, [Key(str(other.verifier))])[0] == ["signature"]
    text = note.read_text()
    for forged, expected in (
        (text.replace(f"file {STEM}.json", "file ../strongroom.json"), "form"),
        (text.replace("strongroom report 1", "strongroom report 2"), "form"),
        (text.replace(f"key {signer.verifier}", f"key {other.verifier}"), "key"),
        (text.replace(f"{STEM}.html", f"{STEM}.htm"), "missing"),
    ):
        body = forged.rpartition("\n\n")[0] + "\n"
        assert body not in text
        note.write_text(signer.sign(body))
        assert _checked(note, [Key(str(signer.verifier))])[0] == [expected], body
    note.write_text(text)


def _checked(note: Path, keys: list[Key]) -> tuple[list[str], Report]:
    report = Report()
    report.check(note.name, lambda: check_report(note, keys, report))
    return [wrong.code for wrong in report.findings], report


@pytest.mark.parametrize("suffix", [".html", ".json"])
def test_one_changed_byte_is_found(folder: Path, suffix: str) -> None:
    path = folder / f"{STEM}{suffix}"
    data = path.read_bytes()
    path.write_bytes(data[:-5] + bytes([data[-5] ^ 1]) + data[-4:])
    codes, _report = _checked(folder / f"{STEM}.note", [])
    path.write_bytes(data)
    assert codes == ["digest"]


def test_what_cannot_be_reported_is_refused_and_nothing_is_written(
    reported: Bench, folder: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for words, said in (
        ([str(folder), *PERIOD], "is never overwritten"),
        ([str(reported.config.vault.path), *PERIOD], "is inside the vault"),
        ([str(tmp_path / "nowhere"), *PERIOD], "there is no folder"),
        ([str(tmp_path), "--period", "may"], "is not a period"),
        ([str(tmp_path), "--period", "2026", *PERIOD], "a report has one period"),
        ([str(tmp_path), "--from", "2026-11-16"], "a report has one period"),
        ([str(tmp_path), "--from", "2026-11-20", "--to", "2026-11-16"], "must be later"),
    ):
        made = ask(reported, "report", *words)
        assert (made.exit_code, said in made.output) == (2, True), made.output
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == []


def test_without_a_signing_key_it_says_that_it_is_not_signed(reported: Bench, tmp_path: Path) -> None:
    text = reported.config.file.read_text()
    unsigned = tmp_path / "unsigned.toml"
    unsigned.write_text("\n".join(line for line in text.splitlines() if not line.startswith("signing_key")))
    made = CliRunner().invoke(cli, ["--config", str(unsigned), "report", str(tmp_path), *PERIOD])
    assert (made.exit_code, "It is not signed" in made.output) == (0, True), made.output
    assert not list(tmp_path.glob("*.note"))
    assert "This report is not signed" in (tmp_path / f"{STEM}.html").read_text()
