"""The manual pages of a release: every command's from the program's help, those of formats from the documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from markdown_it import MarkdownIt
from markdown_it.token import Token

from strongroom import __version__
from strongroom.cli.help import command_page, find_context, manual_page
from strongroom.cli.main import SECTIONS, cli

FORMATS = {
    "strongroom-config.5": ("docs/configuration.md", "the configuration of strongroom, every key"),
    "strongroom-vault.5": ("docs/format.md", "the format of a vault of strongroom, and how to open it without it"),
}
"""Pages that are made of a document, with what they are about."""


def manual_pages(root: Path) -> dict[str, str]:
    """Return the source of every page by the name of its file."""
    top = click.Context(cli, info_name="strongroom")
    pages = {"strongroom.1": manual_page(top)}
    for names in SECTIONS.values():
        pages |= {f"strongroom-{name}.1": command_page(find_context(top, (name,))) for name in names}
    for name, (document, about) in FORMATS.items():
        pages[name] = format_page(name, about, (root / document).read_text(encoding="utf-8"))
    return pages


def format_page(name: str, about: str, document: str) -> str:
    """Return a page of section 5 that says what a document in Markdown says."""
    title, _dot, section = name.partition(".")
    head = [".nh", ".ad l", f'.TH {roff(title.upper())} {section} "" "strongroom {__version__}" "File Formats"']
    head += [".SH NAME", f"{roff(title)} \\- {roff(about)}"]
    tokens = MarkdownIt("commonmark").enable("table").parse(re.sub(r"<!--.*?-->\n?", "", document, flags=re.DOTALL))
    return "\n".join([*head, *_blocks(tokens), ".SH SEE ALSO", ".BR strongroom (1)", ""])


def _blocks(tokens: list[Token]) -> Iterator[str]:
    cells: list[str] = []
    for number, token in enumerate(tokens):
        match token.type:
            case "inline" if tokens[number - 1].type == "th_open":
                continue  # what the columns are, the rows show
            case "inline" if tokens[number - 1].type == "td_open":
                cells.append(_inline(token))
            case "inline" if tokens[number - 1].type == "heading_open":
                level = tokens[number - 1].tag
                yield f".S{'H' if level in ('h1', 'h2') else 'S'} {_inline(token)}"
            case "inline":
                yield _inline(token)
            case "paragraph_open" if not token.hidden and not _begins_item(tokens, number):
                yield ".PP"
            case "list_item_open":
                yield ".IP \\(bu 2"
            case "fence" | "code_block":
                yield from (".PP", ".RS 4", ".nf", *(roff(line) or "\\&" for line in token.content.splitlines()))
                yield from (".fi", ".RE")
            case "tr_close" if cells:
                yield from (".TP", f"\\fB{cells[0]}\\fR", " \\(en ".join(filter(None, cells[1:])) or "\\&")
                cells = []


def _begins_item(tokens: list[Token], number: int) -> bool:
    return number > 0 and tokens[number - 1].type == "list_item_open"


def _inline(token: Token) -> str:
    parts = []
    for child in token.children or []:
        match child.type:
            case "text" | "code_inline":
                parts.append(_escape(child.content))
            case "strong_open":
                parts.append("\\fB")
            case "strong_close":
                parts.append("\\fR")
            case "softbreak" | "hardbreak":
                parts.append(" ")
    return _guard("".join(parts))


def roff(text: str) -> str:
    """Return text that groff prints as it is, also where a line begins."""
    return _guard(_escape(text))


def _escape(text: str) -> str:
    plain = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", plain)


def _guard(text: str) -> str:
    return f"\\&{text}" if text[:1] in (".", "'") else text
