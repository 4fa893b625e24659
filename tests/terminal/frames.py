"""Instruments and messages for the terminal's tests."""

from typing import Any

from gateway.wire import Balance, Book, Exec, Instrument
from terminal.state import State

SYM = "FEITIAN-2021-500"


def instrument(sym: str = SYM, **other: Any) -> Instrument:
    facts: dict[str, Any] = {
        "sym": sym, "name_zh": "飞天茅台 2021", "name_en": "Moutai Feitian 2021", "winery": "Kweichow Moutai",
        "vintage": 2021, "ml": 500, "abv_bp": 5300, "tick": 100, "lot": 2, "min_qty": 2, "max_qty": 100,
        "lo": 240_000, "hi": 294_000, "ref": 267_000, "phase": "CONTINUOUS", "last": 0, "fee_bp": 20,
    }  # fmt: skip
    return Instrument(**(facts | other))


def loaded(cash: int = 10_000_000, bottles: int = 20) -> State:
    state = State()
    balances = [Balance(asset="CNY", free=cash, held=0), Balance(asset=SYM, free=bottles, held=0)]
    state.load([instrument()], balances, [])
    return state


def book(t: str, seq: int, prev: int, b: list[tuple[int, int]], a: list[tuple[int, int]]) -> Book:
    return Book(t="s" if t == "s" else "u", sym=SYM, ep=1, seq=seq, prev=prev, ts=1, b=b, a=a)


def execution(et: str, oid: int = 1, **other: Any) -> Exec:
    facts: dict[str, Any] = {
        "aseq": 1, "prev": 0, "oid": oid, "cid": f"c{oid}", "sym": SYM, "side": "B", "et": et, "px": 267_000, "qty": 10,
        "cum": 0, "lvs": 10, "fee": 0, "role": "", "tid": 0, "why": "", "ts": 5,
    }  # fmt: skip
    return Exec(**(facts | other))
