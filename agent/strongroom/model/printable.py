"""Text from outside as a person may see it: on one line, with nothing that steers a terminal, hides or reorders.

Names of files, members and fields, a provider's words and records all pass through here, on the command line, on the
screen and in findings. Escapes rather than gaps: two different names never look the same.
"""

from __future__ import annotations

import unicodedata

LONGEST = 4_000
"""Characters of one piece of outside text that are shown, where nobody asks for more."""


def clean(text: str, limit: int = LONGEST) -> str:
    """Return the text on one printable line of at most `limit` characters, with an ellipsis where some were left out.

    Control characters, changes of direction, invisible characters and halves of surrogate pairs become escapes such as
    `\\x1b` and `\\u202e`; every kind of space becomes a plain one.
    """
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(map(_shown, shown))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    return " " if unicodedata.category(char) == "Zs" else char.encode("unicode_escape").decode("ascii")
