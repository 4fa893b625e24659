"""Hypothesis strategies for commands: small numbers, so that orders meet, run out of cover and hit every limit."""

from hypothesis import strategies as st

from engine.commands import (
    CASH,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    List,
    Phase,
    Place,
    SetBand,
    SetPhase,
    Side,
    TimeInForce,
    Withdraw,
)

ACCOUNTS = st.integers(1, 4)
SYMBOLS = st.sampled_from(["A", "B", "C", "NONE"])
ASSETS = st.sampled_from([CASH, CASH, "A", "B", "C", "NONE"])
CIDS = st.integers(0, 40).map(str)
TS = st.integers(0, 100)

LISTINGS = [
    List(0, "A", ref=100, up_bp=1000, down_bp=1000, stp="none"),
    List(0, "B", ref=3000, tick=5, lot=2, min_qty=2, max_qty=20, up_bp=2000, down_bp=1000, max_holding=30,
         maker_bp=7, taker_bp=30, min_fee=3, stp="newest"),
    List(0, "C", tick=1, up_bp=-1, max_px=400, maker_bp=30, taker_bp=10, stp="newest"),
]  # fmt: skip


def places() -> st.SearchStrategy[Place]:
    prices = st.one_of(st.integers(95, 105), st.integers(2985, 3015), st.integers(1, 4000))
    return st.builds(
        Place,
        TS,
        ACCOUNTS,
        CIDS,
        SYMBOLS,
        st.sampled_from(Side),
        prices,
        st.integers(1, 24),
        st.sampled_from(TimeInForce),
    )  # fmt: skip


def commands() -> st.SearchStrategy[Command]:
    return st.one_of(
        places(),
        places(),
        places(),
        st.builds(Cancel, TS, ACCOUNTS, CIDS),
        st.builds(CancelAll, TS, ACCOUNTS, st.sampled_from(["", "A", "NONE"])),
        st.builds(Deposit, TS, ACCOUNTS, ASSETS, st.integers(1, 50_000)),
        st.builds(Withdraw, TS, ACCOUNTS, ASSETS, st.integers(1, 2000)),
        st.builds(
            SetBand, TS, SYMBOLS, st.integers(0, 3000), st.integers(0, 3000), st.sampled_from([0, 97, 100, 3005])
        ),
        st.builds(SetPhase, TS, SYMBOLS, st.sampled_from([*Phase, Phase.CONTINUOUS, Phase.CONTINUOUS])),
        st.sampled_from(LISTINGS),
    )


def opening() -> list[Command]:
    """Instruments listed and accounts funded, so that a random history trades from its first order."""
    funded: list[Command] = list(LISTINGS)
    for acct in (1, 2, 3):
        funded.append(Deposit(0, acct, CASH, 200_000))
        funded += [Deposit(0, acct, sym, 60) for sym in ("A", "B", "C")]
    return funded
