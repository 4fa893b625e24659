"""Hypothesis strategies for commands: small numbers, so that orders meet, run out of cover and hit every limit."""

from hypothesis import strategies as st

from engine.commands import (
    CASH,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    List,
    OrderType,
    Phase,
    Place,
    Roll,
    SetBand,
    SetPhase,
    Side,
    TimeInForce,
    Withdraw,
)

ACCOUNTS = st.integers(1, 4)
LISTED = ["A", "B", "C", "D", "E", "F"]
SYMBOLS = st.sampled_from([*LISTED, *LISTED, "NONE"])
ASSETS = st.sampled_from([CASH, CASH, *LISTED, "NONE"])
CIDS = st.integers(0, 25).map(str)
TS = st.sampled_from([0, 0, 0, 0, 0, 10, 30, 60, 90])
QTYS = st.one_of(st.integers(1, 12), st.integers(1, 24))

LISTINGS = [
    List(0, "A", ref=100, up_bp=1000, down_bp=1000, stp="none"),
    List(0, "B", ref=3000, tick=5, lot=2, min_qty=2, max_qty=20, up_bp=2000, down_bp=1000, max_holding=30,
         maker_bp=7, taker_bp=30, min_fee=3, stp="newest"),
    List(0, "C", tick=1, up_bp=-1, max_px=400, maker_bp=30, taker_bp=10, stp="newest"),
    List(0, "D", ref=100, stp="oldest", taker_bp=25),
    List(0, "E", ref=100, stp="both", min_fee=2),
    List(0, "F", ref=100, stp="decrement", maker_bp=25),
]  # fmt: skip


def prices(sym: str) -> st.SearchStrategy[int]:
    """Around the reference, where orders meet; now and then anywhere."""
    near = st.integers(598, 602).map(lambda n: n * 5) if sym == "B" else st.integers(97, 103)
    return st.one_of(near, near, near, near, st.integers(1, 4000))


def places(sym: str) -> st.SearchStrategy[Place]:
    where = (TS, ACCOUNTS, CIDS, st.just(sym), st.sampled_from(Side), prices(sym), QTYS)
    plain = (st.just(OrderType.LIMIT), st.just(False), st.just(0), st.just(0))
    no_stop = (st.just(0),)
    icebergs = (st.just(OrderType.LIMIT), st.booleans(), st.integers(1, 6), st.just(0))
    return st.one_of(
        st.builds(Place, *where, st.just(TimeInForce.GTC), *plain, *no_stop),
        st.builds(Place, *where, st.just(TimeInForce.GTC), *icebergs, *no_stop),
        st.builds(
            Place, *where, st.sampled_from([TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK]), *plain, *no_stop
        ),
        st.builds(
            Place, *where, st.just(TimeInForce.GTD), *plain[:1], st.booleans(), st.integers(0, 6), st.integers(5, 120),
            *no_stop,
        ),
        st.builds(
            Place, *where, st.sampled_from([TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK]),
            st.sampled_from([OrderType.STOP, OrderType.STOP_LIMIT]), *plain[1:], prices(sym),
        ),
        st.builds(
            Place, *where, st.sampled_from(TimeInForce), st.sampled_from(OrderType), st.booleans(), st.integers(0, 12),
            st.sampled_from([0, 0, 0, 70]), st.just(0),
        ),
    )  # fmt: skip


def commands() -> st.SearchStrategy[Command]:
    entries = st.one_of([places(sym) for sym in [*LISTED, "NONE"]])
    return st.one_of(
        entries,
        entries,
        entries,
        entries,
        entries,
        entries,
        entries,
        entries,
        st.builds(Cancel, TS, ACCOUNTS, CIDS),
        st.builds(CancelAll, TS, ACCOUNTS, st.sampled_from(["", "A", "NONE"]), st.sampled_from(["", "B", "S"])),
        st.builds(Amend, TS, ACCOUNTS, CIDS, st.sampled_from([0, 99, 100, 102, 2990, 3005]), st.integers(0, 26)),
        st.builds(Group, TS, ACCOUNTS, st.integers(0, 1)),
        st.builds(Roll, TS, SYMBOLS),
        st.builds(Deposit, TS, ACCOUNTS, ASSETS, st.integers(1, 50_000)),
        st.builds(Withdraw, TS, ACCOUNTS, ASSETS, st.integers(1, 2000)),
        st.builds(
            SetBand, TS, SYMBOLS, st.integers(0, 3000), st.integers(0, 3000), st.sampled_from([0, 97, 100, 3005])
        ),
        st.builds(SetPhase, TS, SYMBOLS, st.sampled_from([*Phase, *[Phase.CONTINUOUS] * 6, *[Phase.OPENING_CALL] * 4])),
        st.sampled_from(LISTINGS),
    )


def opening() -> list[Command]:
    """Instruments listed and accounts funded, so that a random history trades from its first order."""
    funded: list[Command] = list(LISTINGS)
    for acct in (1, 2, 3):
        funded.append(Deposit(0, acct, CASH, 200_000))
        funded += [Deposit(0, acct, sym, 60) for sym in LISTED]
    return funded
