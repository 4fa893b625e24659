"""Who gets how much of an oversubscribed offering 申购配售, so that anyone can compute it again.

All chance comes from one number for each ticket: number i is bytes 8i to 8i + 7, big-endian, of SHAKE-256 over
`seed:digest`, where the seed was committed to before the window opened and the digest is SHA-256 over the
subscriptions as lines `account,quantity` in their order. The smallest numbers win; of equal ones the first ticket.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256, shake_256

import numpy as np
import numpy.typing as npt

Subscription = tuple[int, int]  # account, quantity


def commitment(seed: str) -> str:
    """What an offering publishes of its seed before the window opens."""
    return sha256(seed.encode()).hexdigest()


def digest_of(subscriptions: Iterable[Subscription]) -> str:
    """The digest of all subscriptions in their order."""
    return sha256("".join(f"{acct},{qty}\n" for acct, qty in subscriptions).encode()).hexdigest()


def tickets(seed: str, digest: str, count: int) -> npt.NDArray[np.uint64]:
    """The number of each of so many tickets."""
    stream = shake_256(f"{seed}:{digest}".encode()).digest(8 * count)
    return np.frombuffer(stream, ">u8").astype(np.uint64)


def draw(wanted: Sequence[int], available: int, unit: int, seed: str, digest: str) -> list[int]:
    """Allot by lot: a ticket for each unit wanted, consecutive in the order of the subscriptions.

    What is left of `available` beyond whole units stays unsold.
    """
    if sum(wanted) <= available:
        return list(wanted)
    owners = np.repeat(np.arange(len(wanted)), np.asarray(wanted) // unit)
    won = _first(tickets(seed, digest, len(owners)), available // unit)
    return [int(count) * unit for count in np.bincount(owners[won], minlength=len(wanted))]


def pro_rata(wanted: Sequence[int], available: int, minimum: int, step: int, seed: str, digest: str) -> list[int]:
    """Allot the minimum to each, then what is left in steps in proportion to what each wanted beyond it.

    Shares are rounded half up. When that gives out too much or too little, a draw decides: of those rounded up who
    keeps the step, of those rounded down who gets one more. When not even the minimum is there for everyone, a draw
    decides who gets it. After SEBI's retail allotment of 2012.
    """
    if sum(wanted) <= available:
        return list(wanted)
    numbers = tickets(seed, digest, len(wanted))
    if minimum * len(wanted) > available:
        won = set(_first(numbers, available // minimum).tolist())
        return [minimum if at in won else 0 for at in range(len(wanted))]
    excess = [(qty - minimum) // step for qty in wanted]
    left, total = (available - minimum * len(wanted)) // step, sum(excess)
    if left >= total:
        return list(wanted)
    shares = [(2 * steps * left + total) // (2 * total) for steps in excess]
    over = sum(shares) - left
    if over:
        way = 1 if over > 0 else -1
        rounded = [at for at, steps in enumerate(excess) if way * (shares[at] * total - steps * left) > 0]
        by_luck = [rounded[at] for at in _first(numbers[rounded], len(rounded))]
        for at in by_luck[len(rounded) - over :] if over > 0 else by_luck[:-over]:
            shares[at] -= way
    return [minimum + share * step for share in shares]


def _first(numbers: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.intp]:
    """Where the `count` smallest numbers are; of equal ones the first."""
    return np.argsort(numbers, kind="stable")[:count]
