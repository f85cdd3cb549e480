"""What every text that a regular expression matches must contain: a search looks for that before it tries the pattern.

Most records end with this look, which costs much less than trying the pattern on each of them.
"""

from __future__ import annotations

import re

_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[*+?]\+?\??|\{[\d,]*\}|.", re.DOTALL)
_OPEN = frozenset(".^$[]{")  # what begins anything else than a character that stands for itself
_MANY_FORMS = "i"  # the Turkish i without a dot is the same when case is ignored, and folding keeps it


def required_text(pattern: str) -> str:
    """Return a folded text that is within every folded text that a valid pattern matches, ignoring case.

    It is empty where none is sure: with alternatives, groups of special meaning, escaped codes or references.
    """
    if "|" in pattern or "(?" in pattern or re.search(r"\\[0-9xuUN]", pattern):
        return ""
    runs, depth = [""], 0
    for part in _PART.findall(pattern):
        if part in ("(", ")"):
            depth += 1 if part == "(" else -1
            runs.append("")
        elif part[0] in "*+?{":
            runs[-1] = runs[-1] if part[0] == "+" else runs[-1][:-1]
            runs.append("")
        elif depth == 0 and (letter := _letter(part)):
            runs[-1] += letter
        else:
            runs.append("")
    return max(runs, key=len)


def _letter(part: str) -> str:
    """Return the one folded character that a part matches, empty where there may be others."""
    if part[0] == "\\":
        part = part[1:]
        return part if part.isascii() and part.isprintable() and not part.isalnum() else ""
    if part[0] in _OPEN or not part.isascii() or not part.isprintable():
        return ""
    return "" if part.lower() == _MANY_FORMS else part.lower()
