"""The payload: chunks of 64 KiB under a nonce that counts them and marks the last, so none can be cut, moved or added.

age v1 specification, "Payload". Every chunk but the last is full; the last is empty only when the whole payload is.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from strongroom.sealing.wrapkey import derive

CHUNK = 64 * 1024  # bytes of clear text in a full chunk
TAG = 16
SEALED_CHUNK = CHUNK + TAG
PAYLOAD_NONCE = 16


def payload_cipher(file_key: bytes, nonce: bytes) -> ChaCha20Poly1305:
    """Return the cipher for one file's chunks; `nonce` is the 16 bytes between header and chunks."""
    return ChaCha20Poly1305(derive(file_key, nonce, b"payload"))


def chunk_nonce(index: int, *, last: bool) -> bytes:
    """Return the 12-byte nonce of a chunk: its index in 11 bytes, big-endian, and a flag for the last."""
    return (index << 8 | last).to_bytes(12, "big")


def chunk_count(size: int) -> int:
    """Return how many chunks a clear text of `size` bytes has: at least one."""
    return max(1, -(-size // CHUNK))


def sealed_payload_size(size: int) -> int:
    """Return the bytes that follow the header of a sealed file with `size` bytes of clear text."""
    return PAYLOAD_NONCE + size + TAG * chunk_count(size)
