"""A slice of a conversation as a page for people: self-contained, without a script, printable.

Whatever records say is escaped, and shown as text: no address in it is a link, and nothing is loaded. Each message
begins with its number, so that a printed page can be cited.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from strongroom.engine.production.conversations import ConversationSlice, ProducedMessage
from strongroom.model.text import counted
from strongroom.model.times import format_instant

INDEX_PAGE = "conversations.html"
_INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 48rem; padding: 1.5rem 1rem; background: #fff; color: #1a1a1a;
  font: 16px/1.5 system-ui, "Segoe UI", "Noto Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.05rem; margin: 1.5rem 0 .5rem; break-after: avoid; }
dl.about { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem; margin: 0 0 1.5rem;
  font-size: .9rem; }
dt { color: #4d4d4d; } dd { margin: 0; }
article { border: 1px solid #c4c4c4; border-left-width: 4px; border-radius: 4px; padding: .5rem .8rem;
  margin: 0 0 .7rem; width: 88%; break-inside: avoid; }
article.outgoing { margin-left: 12%; border-left-color: #1f5fa8; background: #f3f7fc; }
article.incoming { border-left-color: #6b5b1e; background: #fcfaf2; }
article header { display: flex; flex-wrap: wrap; gap: 0 .8rem; font-size: .85rem; color: #4d4d4d; break-after: avoid; }
article header b { color: #1a1a1a; }
article header .number { margin-left: auto; font-variant-numeric: tabular-nums; }
p.body { margin: .3rem 0; white-space: pre-wrap; unicode-bidi: plaintext; }
p.earlier, ul.facts { font-size: .8rem; color: #4d4d4d; margin: .2rem 0; white-space: pre-wrap; }
ul.facts { list-style: none; padding: 0; white-space: normal; }
ul.facts li { display: inline; } ul.facts li + li::before { content: " \\00b7  "; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
caption { text-align: left; color: #4d4d4d; padding-bottom: .4rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem .3rem 0; border-bottom: 1px solid #d9d9d9; }
td.count { text-align: right; font-variant-numeric: tabular-nums; }
a { color: #1f5fa8; }
@page { size: auto; margin: 18mm 16mm 20mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 9pt sans-serif; } }
@media print { body { max-width: none; padding: 0; font-size: 10.5pt; } thead { display: table-header-group; }
  tr { break-inside: avoid; } article { print-color-adjust: exact; } }
"""


def shown(text: str) -> str:
    """Return any text as the content of an element: escaped, without signs that HTML does not allow."""
    return html.escape(_INVISIBLE.sub("\ufffd", text))


def write_page(part: ConversationSlice) -> bytes:
    """Return the page of a slice; the same slice always makes the same bytes."""
    title = f"{part.conversation.channel} conversation, {part.label}"
    lines = [*_head(title), *_about(part), '<section aria-label="Messages">']
    for message in part.messages:
        lines += _message(part, message)
    return "\n".join([*lines, "</section>", "</main>", "</body>", "</html>", ""]).encode()


def _head(title: str) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<meta name="referrer" content="no-referrer">'
    yield f"<title>{shown(title)}</title>\n<style>{_STYLE}</style>\n</head>"
    yield f"<body>\n<main>\n<h1><bdi>{shown(title)}</bdi></h1>"


def _about(part: ConversationSlice) -> Iterator[str]:
    messages, key = part.messages, part.conversation
    facts = {
        "Source": f"{key.source}, stream {key.stream}",
        "Conversation": key.id,
        "Participants": "; ".join(part.name_of(name) for name in part.people.values()),
        "Messages": str(len(messages)),
        "Numbers": ", ".join(_runs([each.number for each in messages])),
        "Times": f"{format_instant(messages[0].at)} to {format_instant(messages[-1].at)} (UTC)",
    }
    yield '<dl class="about">'
    yield from (f"<dt>{name}</dt><dd><bdi>{shown(value)}</bdi></dd>" for name, value in facts.items())
    yield "</dl>"


def _runs(numbers: Sequence[str]) -> list[str]:
    """Return the first and the last of the numbers, or the only one."""
    return [numbers[0]] if len(numbers) == 1 else [f"{min(numbers)} to {max(numbers)}"]


def _message(part: ConversationSlice, each: ProducedMessage) -> Iterator[str]:
    to = ", ".join(part.name_of(name) for name in each.recipients)
    at = format_instant(each.at)
    origin = f'data-sha256="{each.sha256}" data-archive="{shown(each.archive)}"'
    yield f'<article id="{shown(each.number)}" {origin} class="{each.direction or "unknown"}">'
    yield (
        f"<header><b><bdi>{shown(part.name_of(each.sender))}</bdi></b>"
        f" <span>to <bdi>{shown(to) or 'nobody'}</bdi></span>"
        f' <time datetime="{at}">{at.replace("T", " ").replace("Z", " UTC")}</time>'
        f' <span class="number">{shown(each.number)}</span></header>'
    )
    yield f'<p class="body">{shown(each.body) or "<i>no text</i>"}</p>'
    yield from (f'<p class="earlier">{line}</p>' for line in _earlier(each))
    facts = {"Status": each.status, "Record": each.id, "Dataset": each.dataset, "SHA-256": each.sha256}
    facts |= {f"Link in {name}": link for name, link in each.links}
    found = [f"<li>{shown(name)}: <bdi>{shown(value)}</bdi></li>" for name, value in facts.items() if value]
    yield f'<ul class="facts">{"".join(found)}</ul>\n</article>'


def _earlier(each: ProducedMessage) -> Iterator[str]:
    """Yield what older archives have of the message, where that differs from what comes after it."""
    if each.deleted:
        yield "Deleted at the provider."
    states = [*((version.body, version.status) for version in each.versions), (each.body, each.status)]
    for version, after in zip(each.versions, states[1:], strict=True):
        seen = f"Archived {format_instant(version.archived_at)}: "
        if version.body != after[0]:
            yield f"{seen}the text was <bdi>{shown(version.body) or '<i>empty</i>'}</bdi>"
        if version.status != after[1]:
            yield f"{seen}the status was <bdi>{shown(version.status) or '<i>empty</i>'}</bdi>"


def index_head() -> bytes:
    """Return the beginning of the page that lists all slices."""
    head = "\n".join(_head("Conversations"))
    titles = "".join(
        f'<th scope="col">{name}</th>' for name in ("Time (UTC)", "Channel", "Participants", "Messages", "Numbers")
    )
    caption = "Each row is one file. Records that are not messages are in records.jsonl."
    return f"{head}\n<table><caption>{caption}</caption><thead><tr>{titles}</tr></thead><tbody>\n".encode()


def index_row(part: ConversationSlice, path: str) -> bytes:
    """Return the row of a slice."""
    names = [part.name_of(name) for name in part.people.values()]
    people = "; ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    numbers = "".join(_runs([each.number for each in part.messages]))
    channel, count = shown(part.conversation.channel), len(part.messages)
    return (
        f'<tr><th scope="row"><a href="{shown(path)}">{part.label}</a></th><td><bdi>{channel}</bdi></td>'
        f'<td><bdi>{shown(people)}</bdi></td><td class="count">{count}</td><td>{shown(numbers)}</td></tr>\n'
    ).encode()


def index_end(slices: int) -> bytes:
    """Return the end of the list."""
    return f"</tbody></table>\n<p>{counted(slices, 'file')}</p>\n</main>\n</body>\n</html>\n".encode()
