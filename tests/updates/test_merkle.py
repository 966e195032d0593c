from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_seal.updates.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    is_consistent,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    root_of,
)
from edge_seal.updates.proquints import proquints

# The leaves and roots that the authors of RFC 6962 publish for implementations to agree on.
VECTORS = (
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    ("606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
)


def by_definition(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of RFC 6962, 2.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


def tree(size: int) -> list[bytes]:
    return [leaf_hash(f"leaf {number}".encode()) for number in range(size)]


def test_the_published_vectors_come_out() -> None:
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf, _ in VECTORS]
    assert root_of(()) == EMPTY_ROOT
    for size, (_, root) in enumerate(VECTORS, start=1):
        assert root_of(leaves[:size]).hex() == root


@pytest.mark.parametrize("size", [*range(1, 34), 100, 129])
def test_every_leaf_is_proven_and_nothing_else_by_the_same_path(size: int) -> None:
    leaves = tree(size)
    root = root_of(leaves)
    assert root == by_definition(leaves)
    for index, leaf in enumerate(leaves):
        path = inclusion_path(leaves, index)
        assert len(path) <= (size - 1).bit_length()
        assert root_from_inclusion(index, size, leaf, path) == root
        assert root_from_inclusion(index, size, leaf_hash(b"other"), path) != root
        assert root_from_inclusion(index, size, leaf, (*path, leaf)) is None
        if path:
            assert root_from_inclusion(index, size, leaf, path[:-1]) is None
        for other in {(index + 1) % size, (index + 7) % size} - {index}:
            assert root_from_inclusion(other, size, leaf, path) != root


@pytest.mark.parametrize("size", [*range(1, 20), 64, 65])
def test_growth_is_proven_and_nothing_else_is(size: int) -> None:
    leaves = tree(size)
    root = root_of(leaves)
    for old_size in range(1, size + 1):
        old_root, path = root_of(leaves[:old_size]), consistency_path(leaves, old_size)
        assert is_consistent(old_size, size, old_root, root, path)
        assert not is_consistent(old_size, size, leaf_hash(b"x"), root, path)
        assert not is_consistent(old_size, size, old_root, leaf_hash(b"x"), path)
        assert not is_consistent(old_size, size, old_root, root, (*path, root))
        for place in range(len(path)):
            wrong = [*path[:place], leaf_hash(b"x"), *path[place + 1 :]]
            assert not is_consistent(old_size, size, old_root, root, wrong)
            assert not is_consistent(old_size, size, old_root, root, [*path[:place], *path[place + 1 :]])


def test_a_tree_that_was_changed_did_not_grow_out_of_the_old_one() -> None:
    leaves = tree(13)
    old_root = root_of(leaves[:6])
    for changed in range(6):
        other = [*leaves[:changed], leaf_hash(b"other"), *leaves[changed + 1 :]]
        assert not is_consistent(6, 13, old_root, root_of(other), consistency_path(other, 6))


@settings(max_examples=60, deadline=None)
@given(size=st.integers(0, 300), at=st.integers(0, 300))
def test_a_frontier_goes_on_from_its_peaks(size: int, at: int) -> None:
    leaves, frontier = tree(size), Frontier()
    for index, leaf in enumerate(leaves):
        if index == at:
            frontier = Frontier(frontier.size, frontier.peaks)
        frontier.add(leaf)
    assert frontier.root() == by_definition(leaves)
    assert (frontier.size, len(frontier.peaks)) == (size, size.bit_count())


def test_what_is_no_frontier_and_what_no_tree_can_prove_is_refused() -> None:
    for size, peaks in ((3, [b"x" * 32]), (1, [b"short"]), (-1, []), (0, [b"x" * 32])):
        with pytest.raises(ValueError, match="peaks"):
            Frontier(size, peaks)
    for index in (-1, 4):
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_path(tree(4), index)
    for old in (0, 5):
        with pytest.raises(ValueError, match="never had"):
            consistency_path(tree(4), old)
    assert root_from_inclusion(4, 4, tree(1)[0], ()) is None
    assert not is_consistent(0, 4, EMPTY_ROOT, root_of(tree(4)), ())
    assert not is_consistent(3, 4, root_of(tree(3)), root_of(tree(4)), ())


def test_words_are_those_of_the_paper() -> None:
    assert proquints(bytes([127, 0, 0, 1])) == "lusab-babad"
    assert proquints(bytes([63, 84, 220, 193])) == "gutih-tugad"
    assert len({proquints(value.to_bytes(2, "big")) for value in range(1 << 16)}) == 1 << 16
    with pytest.raises(ValueError, match="two bytes"):
        proquints(b"abc")
