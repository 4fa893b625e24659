"""Hypothesis strategies for commands: small numbers, so that orders meet, run out of cover and hit every limit."""

from hashlib import sha256

from hypothesis import strategies as st

from engine.commands import (
    CASH,
    AddAsset,
    Allot,
    Amend,
    Cancel,
    CancelAll,
    Command,
    Deposit,
    Group,
    Leg,
    LegKind,
    List,
    Method,
    Offer,
    OrderType,
    Phase,
    Place,
    Recall,
    Roll,
    SetBand,
    SetFees,
    SetPhase,
    Side,
    Subscribe,
    TimeInForce,
    Transfer,
    When,
    Withdraw,
)

ACCOUNTS = st.integers(1, 4)
LISTED = ["A", "B", "C", "D", "E", "F", "G"]
ISSUER = 9
SEED = "a seed"
SYMBOLS = st.sampled_from([*LISTED, *LISTED, "NONE"])
ASSETS = st.sampled_from([CASH, CASH, *LISTED, "POINT", "NONE"])
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
    List(0, "G", ref=100, stp="oldest", taker_bp=20, dyn_bp=200, static_bp=300, resale_lock_days=2, first_up_bp=500,
         first_down_bp=400, first_days=1),
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


HOLDS = st.sampled_from(["h0", "h1", "h2", "h3", "h4"])
AMOUNTS = st.one_of(st.integers(1, 40), st.integers(1, 30_000))
PARTIES = st.sampled_from([1, 2, 3, 4, -1, -2, -1001])


def legs() -> st.SearchStrategy[Leg]:
    transfer = st.builds(Leg, st.just(LegKind.TRANSFER), PARTIES, PARTIES, ASSETS, AMOUNTS, st.just(""))
    return st.one_of(
        transfer.filter(lambda leg: leg.acct != leg.to),
        st.builds(Leg, st.just(LegKind.HOLD), ACCOUNTS, st.just(0), ASSETS, AMOUNTS, HOLDS),
        st.builds(Leg, st.just(LegKind.CAPTURE), st.just(0), PARTIES, st.just(""), st.integers(0, 30), HOLDS),
        st.builds(Leg, st.just(LegKind.RELEASE), st.just(0), st.just(0), st.just(""), st.integers(0, 30), HOLDS),
    )


def not_trading() -> st.SearchStrategy[Command]:
    """Transfers and offerings."""
    keys = st.integers(0, 30).map(str)
    offerings = st.sampled_from(["o1", "o2", "o3"])
    commit = sha256(SEED.encode()).hexdigest()
    return st.one_of(
        st.builds(Transfer, TS, keys, st.lists(legs(), min_size=1, max_size=3).map(tuple)),
        st.builds(Transfer, TS, keys, st.lists(legs(), min_size=1, max_size=3).map(tuple)),
        st.builds(
            Offer, TS, offerings, st.just(ISSUER), SYMBOLS, st.integers(1, 500), st.integers(1, 60), st.just(commit),
            st.just(2), st.just(4), st.sampled_from([0, 20]), st.just(1), st.sampled_from(Method),
            st.sampled_from([0, 0, 10]), st.sampled_from([0, 0, 60]), st.booleans(),
        ),
        st.builds(Subscribe, TS, st.integers(0, 4), offerings, st.integers(0, 15).map(lambda n: 2 * n)),
        st.builds(Subscribe, TS, st.sampled_from([1, 2, 3, ISSUER]), offerings, st.integers(0, 25)),
        st.builds(Allot, TS, offerings, st.sampled_from([SEED, SEED, SEED, "another"])),
        st.builds(Recall, TS, offerings),
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
        not_trading(),
        not_trading(),
        st.builds(Cancel, TS, ACCOUNTS, CIDS),
        st.builds(CancelAll, TS, ACCOUNTS, st.sampled_from(["", "A", "NONE"]), st.sampled_from(["", "B", "S"])),
        st.builds(Amend, TS, ACCOUNTS, CIDS, st.sampled_from([0, 99, 100, 102, 2990, 3005]), st.integers(0, 26)),
        st.builds(Group, TS, ACCOUNTS, st.integers(0, 1)),
        st.builds(Roll, TS, SYMBOLS),
        st.builds(Deposit, TS, ACCOUNTS, ASSETS, st.integers(1, 50_000)),
        st.builds(Withdraw, TS, ACCOUNTS, ASSETS, st.integers(1, 2000)),
        st.builds(
            SetBand,
            TS,
            SYMBOLS,
            st.integers(0, 3000),
            st.integers(0, 3000),
            st.sampled_from([0, 97, 100, 3005]),
            st.sampled_from(When),
        ),
        st.builds(SetPhase, TS, SYMBOLS, st.sampled_from([*Phase, *[Phase.CONTINUOUS] * 6, *[Phase.OPENING_CALL] * 4])),
        st.builds(SetFees, TS, st.sampled_from(LISTED), st.integers(0, 40), st.integers(0, 40), st.integers(0, 30)),
        st.builds(AddAsset, TS, st.sampled_from(["POINT", "A", CASH])),
        st.sampled_from(LISTINGS),
    )


def opening() -> list[Command]:
    """Instruments listed and accounts funded, so that a random history trades from its first order."""
    funded: list[Command] = list(LISTINGS)
    for acct in (1, 2, 3):
        funded.append(Deposit(0, acct, CASH, 200_000))
        funded += [Deposit(0, acct, sym, 60) for sym in LISTED]
    funded += [Deposit(0, ISSUER, sym, 100) for sym in LISTED]
    return [*funded, AddAsset(0, "POINT"), Deposit(0, 1, "POINT", 500)]
