"""What the documents tell people to type exists: commands parse, targets of make are there, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from strongroom.cli.main import RENAMED, SECTIONS, cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").glob("*.md")],
)
TYPED = [
    ROOT / "README.md",
    ROOT / "docs" / "commands.md",
    ROOT / "docs" / "retention.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "packaging" / "README.md",
]


def shell_lines(text: str) -> Iterator[str]:
    """Yield the lines of fenced sh blocks, and indented ones that begin with one of our commands."""
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    blocks += re.findall(r"^    ((?:strongroom|make) (?:.*\\\n)*.*)$", text, re.MULTILINE)
    for block in blocks:
        for line in block.replace("\\\n", " ").splitlines():
            yield line.strip().removeprefix("$ ")


def simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command in a line: what pipes, redirections and lists hold together is cut apart."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if set(word) <= set("|&;<>"):
            yield words
            words = []
        else:
            words.append(word)


def typed(program: str) -> list[tuple[str, list[str]]]:
    """Return each use of a program in the pages that people copy from, with the name of the page."""
    found = []
    for page in TYPED:
        for line in shell_lines(page.read_text()):
            lexer_safe = line.replace("<(", "; ").replace(")", " ")
            if program in lexer_safe:
                found += [(page.name, words) for words in simple_commands(lexer_safe) if words[:1] == [program]]
    return found


def parse(words: list[str]) -> str:
    """Parse a command line as the program would, without running it; return the whole name of the command."""
    command: click.Command = cli
    context = cli.make_context("strongroom", list(words))
    while isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None, words
        command, context = found, found.make_context(name, rest, parent=context)
    return context.command_path


USES = typed("strongroom")


@pytest.mark.parametrize(
    ("page", "words"), USES, ids=lambda value: value if isinstance(value, str) else shlex.join(value)
)
def test_a_command_that_is_told_parses(page: str, words: list[str]) -> None:
    assert parse(words[1:]).startswith("strongroom")


def test_a_command_that_does_not_exist_is_refused() -> None:
    with pytest.raises(click.UsageError):
        parse(["fly"])
    with pytest.raises(click.UsageError):
        parse(["restore", "--sideways", "ID"])


def test_the_readme_and_the_command_page_show_the_commands() -> None:
    told = {parse(words[1:]).split()[1] for page, words in USES if page == "commands.md" and len(words) > 1}
    names = {name for places in SECTIONS.values() for name in places}
    assert names <= told | set(re.findall(r"`strongroom ([a-z]+)", (ROOT / "docs" / "commands.md").read_text()))
    assert {"init", "doctor", "run", "verify", "restore"} <= {
        parse(words[1:]).split()[1] for page, words in USES if page == "README.md"
    }


def test_the_command_page_has_the_groups_and_the_order_of_the_help() -> None:
    text = (ROOT / "docs" / "commands.md").read_text()
    parts = [part.partition("\n") for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]]
    shown = {title: re.findall(r"^### `strongroom ([a-z-]+)", part, re.MULTILINE) for title, _, part in parts}
    assert {title: list(dict.fromkeys(names)) for title, names in shown.items()} == {
        title: list(places) for title, places in SECTIONS.items()
    }
    assert list(shown) == list(SECTIONS)


def test_every_page_names_the_new_commands() -> None:
    former = re.compile(rf"strongroom ({'|'.join(RENAMED)})\b")
    texts = [*PAGES, *(ROOT / "agent").rglob("*.py"), *(ROOT / "tui").rglob("*.py"), *(ROOT / "packaging").rglob("*")]
    found = [
        (page, name[1])
        for page in texts
        if page.is_file() and "decisions" not in page.parts and page.name != "CHANGELOG.md"
        for name in former.finditer(page.read_text(errors="replace"))
    ]
    assert found == []


def test_every_target_of_make_that_is_told_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    told = {words[1] for _page, words in typed("make")}
    told |= {name for page in PAGES for name in re.findall(r"`make ([a-z-]+)`", page.read_text())}
    assert {"demo", "test"} <= told
    assert told <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text()) + re.findall(
        r"^\[[^\]]+\]: (\S+)$", page.read_text(), re.M
    )
    for link in links:
        if re.match(r"[a-z]+://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}: no such heading"


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_every_decision_is_on_the_index_and_says_what_it_costs() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    for record in records:
        text = record.read_text()
        assert f"decisions/{record.name}" in index
        assert text.startswith(f"# {record.name[:4]}: ")
        for part in ("**Context.**", "**Decision.**", "**Bad consequences.**"):
            assert part in text, f"{record.name} has no {part}"


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    version = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    first = re.search(r"^## \[([^\]]+)\]", text, re.MULTILINE)
    assert version is not None
    assert first is not None
    assert first[1] in (version[1], "Unreleased")
