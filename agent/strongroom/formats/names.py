"""A member's name is an instruction from a stranger: it must be a plain relative path and nothing else."""

from __future__ import annotations

import re

_DRIVE = re.compile(r"[A-Za-z]:")


def decode_name(raw: bytes, *, utf8: bool) -> str:
    """Decode a ZIP member's name as its flag says (APPNOTE 4.4.4, bit 11); bytes that are not UTF-8 stay marked."""
    return raw.decode("utf-8", "surrogateescape") if utf8 else raw.decode("cp437")


def find_hazard(name: str, raw: bytes, limit: int) -> str:
    """Say in a few words why a name must not be used as a path, or return an empty string; `limit` is in bytes."""
    if not raw:
        return "is empty"
    if len(raw) > limit:
        return f"is {len(raw):,} bytes long, more than {limit:,}"
    if not name.isprintable():
        return "holds control or invisible characters"
    if "\\" in name:
        return "holds a backslash"
    if name.startswith("/") or _DRIVE.match(name):
        return "is an absolute path"
    if any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "steps out of or around its folder"
    return ""
