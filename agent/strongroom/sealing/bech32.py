"""Keys as age writes them, in Bech32. Refusals never quote the text: it may be a secret key."""

from __future__ import annotations

from strongroom.model import bech32
from strongroom.model.bech32 import encode_bech32 as encode_bech32
from strongroom.sealing.refusal import KeyRefused

_HINT = "copy the whole key again, from its first letter to its last"


def decode_bech32(text: str) -> tuple[str, bytes]:
    """Return the prefix in the case it came in, and the bytes; raise KeyRefused for anything not exactly Bech32."""
    try:
        return bech32.decode_bech32(text)
    except bech32.NotBech32 as error:
        raise KeyRefused(str(error), hint=_HINT) from None


def decode_key(text: str, prefix: str, size: int, name: str) -> bytes:
    """Return the `size` bytes of a key with exactly this prefix, in this case; `name` is what messages call it."""
    found, data = decode_bech32(text)
    if found != prefix:
        raise KeyRefused(f"this is not {name}: it should begin with {prefix}1", hint=_HINT)
    if len(data) != size:
        raise KeyRefused(f"{name} has {size} bytes, this one {len(data)}", hint=_HINT)
    return data
