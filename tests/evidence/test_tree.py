"""The tree against published vectors of Certificate Transparency and against the recursion of RFC 6962 itself."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.evidence.tree import (
    EMPTY_ROOT,
    Tree,
    is_consistent,
    leaf_hash,
    prove,
    root_by_inclusion,
)

INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SECOND = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
PAIR = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
RIGHT = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
PATHS = [
    (0, 1, []),
    (0, 8, [SECOND, PAIR, RIGHT]),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            ROOTS[3],
        ],
    ),
    (2, 3, [ROOTS[1]]),
    (
        1,
        5,
        [
            ROOTS[0],
            PAIR,
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [SECOND, PAIR, RIGHT]),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            ROOTS[3],
        ],
    ),
    (2, 5, [PAIR, "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]
LINES = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def naive_root(lines: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, word for word."""
    if not lines:
        return hashlib.sha256(b"").digest()
    if len(lines) == 1:
        return hashlib.sha256(b"\0" + lines[0]).digest()
    k = largest_power_below(len(lines))
    return hashlib.sha256(b"\1" + naive_root(lines[:k]) + naive_root(lines[k:])).digest()


def naive_path(m: int, lines: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(lines) == 1:
        return []
    k = largest_power_below(len(lines))
    if m < k:
        return [*naive_path(m, lines[:k]), naive_root(lines[k:])]
    return [*naive_path(m - k, lines[k:]), naive_root(lines[:k])]


def naive_subproof(m: int, lines: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if m == len(lines):
        return [] if whole else [naive_root(lines)]
    k = largest_power_below(len(lines))
    if m <= k:
        return [*naive_subproof(m, lines[:k], whole), naive_root(lines[k:])]
    return [*naive_subproof(m - k, lines[k:], False), naive_root(lines[:k])]


def largest_power_below(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def leaves(lines: list[bytes]) -> list[bytes]:
    return [leaf_hash(line) for line in lines]


def test_the_published_roots() -> None:
    tree = Tree()
    assert tree.root() == EMPTY_ROOT == hashlib.sha256(b"").digest()
    for line, root in zip(INPUTS, ROOTS, strict=True):
        tree.append(leaf_hash(line))
        assert tree.root().hex() == root


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_the_published_audit_paths(index: int, size: int, path: list[str]) -> None:
    proofs = prove(leaves(INPUTS), size, [index])
    assert [each.hex() for each in proofs.inclusion[index]] == path
    root = root_by_inclusion(leaf_hash(INPUTS[index]), index, size, map(bytes.fromhex, path))
    assert root.hex() == ROOTS[size - 1]


@pytest.mark.parametrize(("old", "size", "path"), CONSISTENCY)
def test_the_published_consistency_proofs(old: int, size: int, path: list[str]) -> None:
    proofs = prove(leaves(INPUTS), size, consistency=[old])
    assert [each.hex() for each in proofs.consistency[old]] == path
    roots = [bytes.fromhex(root) for root in ROOTS]
    assert is_consistent(old, roots[old - 1], size, roots[size - 1], map(bytes.fromhex, path))


@given(LINES)
def test_every_proof_is_that_of_the_recursion(lines: list[bytes]) -> None:
    size = len(lines)
    proofs = prove(leaves(lines), size, range(size), range(1, size + 1))
    assert proofs.root == naive_root(lines)
    assert {index: list(path) for index, path in proofs.inclusion.items()} == {
        index: naive_path(index, lines) for index in range(size)
    }
    assert {old: list(path) for old, path in proofs.consistency.items()} == {
        old: naive_subproof(old, lines, True) for old in range(1, size + 1)
    }


@given(LINES, st.data())
def test_every_proof_verifies_and_no_changed_one_does(lines: list[bytes], data: st.DataObject) -> None:
    size = len(lines)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    proofs, old_root = prove(leaves(lines), size, [index], [old]), naive_root(lines[:old])
    path, steps = list(proofs.inclusion[index]), list(proofs.consistency[old])
    assert root_by_inclusion(leaf_hash(lines[index]), index, size, path) == proofs.root
    assert is_consistent(old, old_root, size, proofs.root, steps)
    assert root_by_inclusion(leaf_hash(lines[index] + b"?"), index, size, path) != proofs.root
    assert not is_consistent(old, leaf_hash(b"another"), size, proofs.root, steps)
    assert not is_consistent(old, old_root, size, leaf_hash(b"another"), steps)
    assert not is_consistent(old, old_root, size, proofs.root, [*steps, EMPTY_ROOT])
    if steps:
        place = data.draw(st.integers(0, len(steps) - 1))
        steps[place] = leaf_hash(steps[place])
        assert not is_consistent(old, old_root, size, proofs.root, steps)
    if path:
        place = data.draw(st.integers(0, len(path) - 1))
        path[place] = leaf_hash(path[place])
        assert root_by_inclusion(leaf_hash(lines[index]), index, size, path) != proofs.root


def test_what_lies_outside_the_tree_is_refused() -> None:
    few = leaves(INPUTS[:3])
    with pytest.raises(ValueError, match="no leaf 3"):
        prove(few, 3, [3])
    with pytest.raises(ValueError, match="no earlier size 4"):
        prove(few, 3, consistency=[4])
    with pytest.raises(ValueError, match="no earlier size 0"):
        prove(few, 3, consistency=[0])
    with pytest.raises(ValueError, match="expected 4 leaves, got 3"):
        prove(few, 4)
    with pytest.raises(ValueError, match="has 2 hashes, got 1"):
        root_by_inclusion(few[0], 0, 3, [few[1]])


def test_the_tree_remembers_no_more_than_its_peaks() -> None:
    tree = Tree()
    for number in range(1000):
        tree.append(leaf_hash(str(number).encode()))
    assert len(tree._peaks) == (1000).bit_count()
    assert tree.kept == {}
