"""The tree is RFC 6962's, and a proof shows that a run of leaves is in it, and nothing else."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.proof.tree import EMPTY, Tree, leaf_hash, node_hash, root_of

SIZES = st.integers(1, 70)


def leaves(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def by_definition(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if not hashes:
        return sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return sha256(b"\x01" + by_definition(hashes[:k]) + by_definition(hashes[k:])).digest()


def test_tree_is_that_of_rfc_6962() -> None:
    assert sha256(b"\x00abc").digest() == leaf_hash(b"abc")
    assert by_definition([]) == Tree([]).root == EMPTY
    for size in range(1, 130):
        assert by_definition(leaves(size)) == Tree(leaves(size)).root


@given(size=SIZES, data=st.data())
def test_any_run_of_leaves_is_proven(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    count = data.draw(st.integers(1, size - first))
    tree = Tree(leaves(size))
    proof = tree.proof(first, count)

    assert tree.root == root_of(size, first, leaves(size)[first : first + count], proof)
    assert len(proof) <= 2 * size.bit_length()


@given(size=st.integers(2, 70), data=st.data())
def test_no_other_run_has_this_root(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    count = data.draw(st.integers(1, size - first))
    tree = Tree(leaves(size))
    run, proof = leaves(size)[first : first + count], tree.proof(first, count)
    change = data.draw(st.sampled_from(["leaf", "first", "path", "short", "long", "more"]))
    match change:
        case "leaf":
            run[data.draw(st.integers(0, count - 1))] = leaf_hash(b"another")
        case "first":
            first = data.draw(st.integers(0, size).filter(lambda place: place != first))
        case "path" if proof:
            proof[data.draw(st.integers(0, len(proof) - 1))] = node_hash(EMPTY, EMPTY)
        case "short" if proof:
            proof.pop()
        case "more":
            run.append(leaf_hash(b"one more"))
        case _:
            proof.append(EMPTY)
    try:
        found = root_of(size, first, run, proof)
    except ValueError:
        return

    assert tree.root != found


@pytest.mark.parametrize(("first", "count"), [(0, 0), (-1, 1), (0, 6), (5, 1), (4, 2)])
def test_what_is_not_in_the_tree_has_no_proof(first: int, count: int) -> None:
    with pytest.raises(ValueError, match="leaves from"):
        Tree(leaves(5)).proof(first, count)
