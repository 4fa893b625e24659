"""A Merkle tree over leaves in a row, and proofs that a run of neighbours is in it.

The tree of RFC 6962 §2.1: SHA-256, a byte in front that tells leaf from node, split at the largest power of two below
the size. A proof holds the hashes of what lies beside the run, from left to right.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

LEAF, NODE = b"\x00", b"\x01"
EMPTY = sha256().digest()


def leaf_hash(content: bytes) -> bytes:
    return sha256(LEAF + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(NODE + left + right).digest()


def _middle(size: int) -> int:
    """The largest power of two below a size of at least 2."""
    return 1 << (size - 1).bit_length() - 1


class Tree:
    """All hashes of a tree. Building takes O(n), a proof O(log n) hashes."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """`leaves` are leaf hashes."""
        self.size = len(leaves)
        self._levels = [list(leaves)]  # the last hash of a level that has no neighbour goes up as it is
        while len(below := self._levels[-1]) > 1:
            above = [node_hash(left, right) for left, right in zip(below[::2], below[1::2], strict=False)]
            self._levels.append(above + below[2 * len(above) :])

    @property
    def root(self) -> bytes:
        return self._levels[-1][0] if self.size else EMPTY

    def proof(self, first: int, count: int) -> list[bytes]:
        """What proves that `count` leaves from number `first` on are in the tree. Raises ValueError."""
        if not (first >= 0 and count > 0 and first + count <= self.size):
            raise ValueError(f"no {count} leaves from {first} on in a tree of {self.size}")
        return list(self._beside(0, self.size, first, first + count))

    def _beside(self, begin: int, size: int, first: int, end: int) -> Iterator[bytes]:
        if end <= begin or begin + size <= first:
            yield self._subtree(begin, size)
        elif not (first <= begin and begin + size <= end):
            left = _middle(size)
            yield from self._beside(begin, left, first, end)
            yield from self._beside(begin + left, size - left, first, end)

    def _subtree(self, begin: int, size: int) -> bytes:
        """The hash over `size` leaves from `begin` on, which are a subtree of the whole."""
        level = (size - 1).bit_length()
        return self._levels[level][begin >> level]


def root_of(size: int, first: int, leaves: Sequence[bytes], proof: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves that these stand in, from number `first` on.

    Raises ValueError when the proof does not fit.
    """
    end = first + len(leaves)
    if not (first >= 0 and leaves and end <= size):
        raise ValueError("these leaves have no place in the tree")
    beside = iter(proof)

    def root(begin: int, count: int) -> bytes:
        if end <= begin or begin + count <= first:
            return next(beside)
        if count == 1:
            return leaves[begin - first]
        left = _middle(count)
        return node_hash(root(begin, left), root(begin + left, count - left))

    try:
        found = root(0, size)
    except StopIteration:
        raise ValueError("the proof is too short") from None
    if next(beside, None) is not None:
        raise ValueError("the proof is too long")
    return found
