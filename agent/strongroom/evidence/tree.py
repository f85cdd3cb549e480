"""The Merkle tree over the log's raw lines (RFC 6962, section 2.1), grown leaf by leaf in O(log n) memory.

A leaf is hashed with 0x00 before it and an inner node with 0x01, so that neither can be taken for the other. A proof is
a list of hashes of ranges of leaves; `prove` gathers the hashes of any number of proofs in one pass over the leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct

Node: TypeAlias = tuple[int, int]
"""A complete subtree: its level and its place there; it covers the leaves [place << level, (place + 1) << level)."""

Range: TypeAlias = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""

Path: TypeAlias = tuple[bytes, ...]

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(line: bytes) -> bytes:
    """Return the hash of a leaf: of one raw line, without its newline."""
    return hashlib.sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree that grows at its right edge and remembers only the roots of its complete subtrees.

    The hashes of the nodes named by `keep` are kept in `kept` as they are formed.
    """

    def __init__(self, keep: Iterable[Node] = ()) -> None:
        self.size = 0
        self.kept: dict[Node, bytes] = {}
        self._keep = frozenset(keep)
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Take one more leaf hash."""
        place, level, node = self.size, 0, leaf
        self._see(0, place, node)
        while place & 1:
            node = node_hash(self._peaks.pop(), node)
            place, level = place >> 1, level + 1
            self._see(level, place, node)
        self._peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the root hash over all leaves so far."""
        return _fold(self._peaks) if self._peaks else EMPTY_ROOT

    def _see(self, level: int, place: int, node: bytes) -> None:
        if self._keep and (level, place) in self._keep:
            self.kept[level, place] = node


class Proofs(Struct, frozen=True):
    """What one pass over the leaves has proven."""

    root: bytes
    inclusion: Mapping[int, Path]  # by the leaf's index, which begins at 0
    consistency: Mapping[int, Path]  # by the earlier size


def prove(leaves: Iterable[bytes], size: int, inclusion: Iterable[int] = (), consistency: Iterable[int] = ()) -> Proofs:
    """Return the proofs for these leaves and these earlier sizes in the tree of the first `size` leaf hashes.

    Raises ValueError where there are fewer leaves, or an index or a size lies outside.
    """
    included = {index: inclusion_ranges(index, size) for index in inclusion}
    consistent = {old: consistency_ranges(old, size) for old in consistency}
    plans = [*included.values(), *consistent.values()]
    tree = Tree(node for plan in plans for wanted in plan for node in nodes_of(wanted))
    for leaf in leaves:
        if tree.size == size:
            break
        tree.append(leaf)
    if tree.size != size:
        raise ValueError(f"expected {size} leaves, got {tree.size}")
    return Proofs(
        tree.root(),
        {index: _hashes(plan, tree.kept) for index, plan in included.items()},
        {old: _hashes(plan, tree.kept) for old, plan in consistent.items()},
    )


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return which ranges the audit path of a leaf is made of, the nearest first (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    low, high, ranges = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        ranges.append((middle, high) if index < middle else (low, middle))
        low, high = (low, middle) if index < middle else (middle, high)
    return ranges[::-1]


def consistency_ranges(old: int, size: int) -> list[Range]:
    """Return which ranges the proof between two sizes is made of, the innermost first (RFC 6962, 2.1.2)."""
    if not 0 < old <= size:
        raise ValueError(f"a tree of {size} leaves has no earlier size {old}")
    low, high, ranges, outermost = 0, size, [], True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            ranges.append((middle, high))
            high = middle
        else:
            ranges.append((low, middle))
            low, outermost = middle, False
    if not outermost:
        ranges.append((low, high))
    return ranges[::-1]


def nodes_of(wanted: Range) -> Iterator[Node]:
    """Cut a range of a proof into complete subtrees, from left to right, each smaller than the one before."""
    low, high = wanted
    while low < high:
        level = (high - low).bit_length() - 1
        yield level, low >> level
        low += 1 << level


def root_by_inclusion(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes:
    """Return the root that a leaf hash and its path lead to (RFC 9162, 2.1.3.2). Raises ValueError for a wrong form."""
    steps = list(path)
    ranges = inclusion_ranges(index, size)
    if len(steps) != len(ranges):
        raise ValueError(f"the path of leaf {index} in {size} has {len(ranges)} hashes, got {len(steps)}")
    node = leaf
    for (low, _high), other in zip(ranges, steps, strict=True):
        node = node_hash(other, node) if low < index else node_hash(node, other)
    return node


def is_consistent(old: int, old_root: bytes, size: int, root: bytes, path: Iterable[bytes]) -> bool:
    """Say whether the path proves that the smaller tree is the beginning of the larger (RFC 9162, 2.1.4.2)."""
    steps, ranges = list(path), consistency_ranges(old, size)
    if len(steps) != len(ranges):
        return False
    if old == size:
        return old_root == root
    pairs = list(zip(ranges, steps, strict=True))
    if ranges[0][1] != old:  # the older tree is itself a complete subtree, which the proof leaves out
        pairs.insert(0, ((0, old), old_root))
    (_first, seed), rest = pairs[0], pairs[1:]
    older = newer = seed
    for (low, _high), other in rest:
        if low < old:  # to the left of the seed: part of both trees
            older = node_hash(other, older)
            newer = node_hash(other, newer)
        else:
            newer = node_hash(newer, other)
    return older == old_root and newer == root


def _split(count: int) -> int:
    """Return the largest power of two below a count of at least two."""
    return 1 << ((count - 1).bit_length() - 1)


def _hashes(plan: Iterable[Range], kept: Mapping[Node, bytes]) -> Path:
    return tuple(_fold([kept[node] for node in nodes_of(wanted)]) for wanted in plan)


def _fold(peaks: list[bytes]) -> bytes:
    node = peaks[-1]
    for peak in reversed(peaks[:-1]):
        node = node_hash(peak, node)
    return node
