"""Proofs in the tree of a log (RFC 9162)."""

from __future__ import annotations

from collections.abc import Iterable

from strongroom_verify.files import sha256


def climb(first: int, last: int, nodes: list[bytes], path: Iterable[bytes]) -> list[bytes] | None:
    """Climb to the root from node `first` of 0 to `last`; None where the path has a wrong length (RFC 9162, 2.1.3.2).

    The last of the nodes takes in every hash, one before it only those to the left: what an older tree has of them.
    """
    for other in path:
        if last == 0:
            return None
        if first & 1 or first == last:
            nodes = [sha256(b"\1" + other + node) for node in nodes]
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            nodes = [*nodes[:-1], sha256(b"\1" + nodes[-1] + other)]
        first, last = first >> 1, last >> 1
    return nodes if last == 0 else None


def goes_on(old: int, old_root: bytes, size: int, root: bytes, path: list[bytes]) -> bool:
    """Say whether a consistency proof shows the old tree to be the new one's beginning (RFC 9162, 2.1.4.2)."""
    if old == size:
        return old_root == root and not path
    steps = path if old & (old - 1) else [old_root, *path]
    first, last = old - 1, size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    return 0 < old < size and steps != [] and climb(first, last, [steps[0]] * 2, steps[1:]) == [old_root, root]
