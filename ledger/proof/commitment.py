"""What is committed to, what a holder gets, and how both are checked. Pure.

One leaf is one bottle. So the number of leaves is the number of bottles owed, a proof says nothing about what anybody
else has, and no bottle can be shown to two holders: a leaf names its account. A holder's leaves stand side by side, at
a place that follows from a salt which only the exchange and the holder know.
"""

import hmac
import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from ledger.proof.tree import Tree, leaf_hash, root_of

FORMAT = "cellarbook-custody-1"
DOCUMENT = b"\x02"  # in front of what is published, as 0 and 1 are of leaves and nodes


class BadProof(Exception):
    """Something about a proof is wrong; the message says what."""


class Part(NamedTuple):
    """A holder's run of leaves in the tree of an asset."""

    first: int
    qty: int
    salt: bytes
    path: list[bytes]


def salt_of(secret: bytes, day: str, acct: int, asset: str) -> bytes:
    return hmac.digest(secret, f"{day}\n{acct}\n{asset}".encode(), "sha256")


def bottle_leaf(salt: bytes, acct: int, asset: str, number: int) -> bytes:
    """The leaf of a holder's bottle, numbered from 1."""
    return leaf_hash(salt + f"{acct}\n{asset}\n{number}".encode())


class Shelf:
    """All holders of one asset on one day."""

    def __init__(self, secret: bytes, day: str, asset: str, holdings: Mapping[int, int]) -> None:
        """`holdings` are bottles by account, none of them 0."""
        salts = {acct: salt_of(secret, day, acct, asset) for acct in holdings}
        self._parts: dict[int, tuple[int, int, bytes]] = {}
        leaves: list[bytes] = []
        for acct in sorted(holdings, key=lambda acct: sha256(salts[acct]).digest()):
            qty, salt = holdings[acct], salts[acct]
            self._parts[acct] = len(leaves), qty, salt
            leaves += [bottle_leaf(salt, acct, asset, number) for number in range(1, qty + 1)]
        self.tree = Tree(leaves)

    def part(self, acct: int) -> Part:
        """The part of somebody who has some."""
        first, qty, salt = self._parts[acct]
        return Part(first, qty, salt, self.tree.proof(first, qty))


def root_of_document(document: Mapping[str, Any]) -> str:
    """What stands for the whole document: SHA-256 over the byte 2 and its JSON, keys sorted, without spaces."""
    return sha256(DOCUMENT + as_json(document).encode()).hexdigest()


def as_json(data: object) -> str:
    """JSON in the one form that has a root: keys sorted, no spaces, no escapes that are not needed."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def told(acct: int, asset: str, part: Part) -> dict[str, Any]:
    """A part as the holder's file has it."""
    return {
        "acct": acct,
        "asset": asset,
        "qty": part.qty,
        "first": part.first,
        "salt": part.salt.hex(),
        "path": [step.hex() for step in part.path],
    }


def verify(proof: Mapping[str, Any], root: str | None = None) -> list[str]:
    """Check a holder's file, against a root that was published elsewhere when one is given; say what it proves.

    Raises BadProof.
    """
    try:
        document, holdings = proof["document"], proof["holdings"]
        if document["format"] != FORMAT:
            raise BadProof(f"unknown format {document['format']!r}")
        if proof["root"] != root_of_document(document):
            raise BadProof("the document is not what its root stands for")
        if root is not None and root.lower() != proof["root"]:
            raise BadProof("this root is not the one that was published")
        assets = {asset["asset"]: asset for asset in document["assets"]}
        said = []
        for part in holdings:
            _verify_part(part, assets.get(part["asset"]))
            said.append(
                f"{part['qty']} of {assets[part['asset']]['bottles']} {part['asset']} are account {part['acct']}'s"
            )
    except (KeyError, TypeError, AttributeError) as error:
        raise BadProof(f"this is no proof of custody: {error!r}") from None
    return said


def _verify_part(part: Mapping[str, Any], asset: Mapping[str, Any] | None) -> None:
    if asset is None:
        raise BadProof(f"{part['asset']} is not in the document")
    if not all(type(part[name]) is int for name in ("qty", "first", "acct")) or part["qty"] < 1:
        raise BadProof(f"{part['asset']}: not a number of bottles")
    if part["qty"] > asset["bottles"]:
        raise BadProof(f"{part['asset']}: more bottles than there are")
    try:
        salt, path = bytes.fromhex(part["salt"]), [bytes.fromhex(step) for step in part["path"]]
        leaves = [bottle_leaf(salt, part["acct"], part["asset"], number + 1) for number in range(part["qty"])]
        found = root_of(asset["bottles"], part["first"], leaves, path)
    except ValueError as error:
        raise BadProof(f"{part['asset']}: {error}") from None
    if found.hex() != asset["root"]:
        raise BadProof(f"{part['asset']}: these bottles are not in the tree that was published")
