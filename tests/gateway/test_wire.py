"""Money on the wire: integer fen in MessagePack, decimal yuan in JSON, and nothing that is nearly either."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import wire
from ledger.money import yuan

FEN = st.integers(min_value=1, max_value=wire.FEN_MAX)
PLAIN = {"json": msgspec.json.encode, "msgpack": msgspec.msgpack.encode}
ORDER = {"op": "order.new", "sym": "X", "side": "B", "qty": 3}
PRICE: dict[str, Any] = {"json": "12.00", "msgpack": 1200}


def decoded(encoding: wire.Encoding, **fields: Any) -> Any:
    """Decode an order as a client's own library would have written it."""
    body = ORDER | {"px": PRICE[encoding]} | fields
    return wire.decoder(wire.AnyRequest, encoding).decode(PLAIN[encoding](body))


@pytest.fixture(params=["json", "msgpack"])
def encoding(request: pytest.FixtureRequest) -> wire.Encoding:
    return request.param  # type: ignore[no-any-return]


@given(fen=st.integers(min_value=-wire.FEN_MAX, max_value=wire.FEN_MAX))
def test_yuan_text_gives_back_the_fen_that_it_was_made_from(fen: int) -> None:
    assert fen == wire.fen_of(yuan(fen))


@given(px=FEN)
def test_an_order_comes_back_as_it_was_sent_in_both_encodings(px: int) -> None:
    order = wire.OrderNew(sym="X", side="S", px=px, qty=3, cid="c")
    for encoding in ("json", "msgpack"):
        assert order == wire.decoder(wire.OrderNew, encoding).decode(wire.encode(order, encoding))


def test_a_message_that_was_decoded_can_be_sent_on(encoding: wire.Encoding) -> None:
    order = decoded(encoding)

    assert order == wire.decoder(wire.OrderNew, encoding).decode(wire.encode(order, encoding))


def test_json_writes_money_as_yuan_and_messagepack_as_fen() -> None:
    book = wire.Book(t="s", sym="X", ep=1, seq=2, prev=2, ts=3, b=[(268000, 5)], a=[(268100, 7)])

    as_json = msgspec.json.decode(wire.encode(book, "json"))
    as_msgpack = msgspec.msgpack.decode(wire.encode(book, "msgpack"))

    assert ("book", [["2680.00", 5]], [["2681.00", 7]]) == (as_json["ch"], as_json["b"], as_json["a"])
    assert ("book", [[268000, 5]], [[268100, 7]]) == (as_msgpack["ch"], as_msgpack["b"], as_msgpack["a"])


def test_a_balance_is_money_for_cash_and_a_number_for_bottles() -> None:
    cash = wire.Balance(asset="CNY", free=100_05, held=0)
    bottles = wire.Balance(asset="X", free=10005, held=0)

    assert {"asset": "CNY", "free": "100.05", "held": "0.00"} == msgspec.json.decode(wire.encode(cash, "json"))
    assert {"asset": "X", "free": 10005, "held": 0} == msgspec.json.decode(wire.encode(bottles, "json"))


BAD_MONEY: dict[str, list[Any]] = {
    "json": [1200, 12.0, True, None, "", ".5", "12.", "12.001", "1e3", " 12", "-1.00", "+1", "١٢", "NaN", "9" * 5000],
    "msgpack": ["12.00", 12.0, True, None, -1, wire.FEN_MAX + 1, 2**63, [1200]],
}


@pytest.mark.parametrize(
    ("encoding", "px"), [(name, px) for name, values in BAD_MONEY.items() for px in values], ids=lambda v: repr(v)[:20]
)
def test_money_in_any_other_form_is_refused_by_its_fields_name(encoding: wire.Encoding, px: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.px"):
        decoded(encoding, px=px)


@pytest.mark.parametrize("qty", [0, -1, True, 1.0, "1", None, wire.FEN_MAX + 1, 2**63], ids=repr)
def test_a_quantity_that_is_not_a_number_of_bottles_is_refused_by_name(encoding: wire.Encoding, qty: object) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"\$\.qty"):
        decoded(encoding, qty=qty)


def test_an_unknown_field_of_a_command_is_refused(encoding: wire.Encoding) -> None:
    with pytest.raises(msgspec.ValidationError, match="price"):
        decoded(encoding, price=1)


def test_an_unknown_op_is_refused(encoding: wire.Encoding) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"order\.steal"):
        decoded(encoding, op="order.steal")


def test_a_client_ignores_fields_that_are_newer_than_itself(encoding: wire.Encoding) -> None:
    data = msgspec.to_builtins(wire.Heartbeat(ts=1, seqs={})) | {"mood": "fine"}

    assert wire.Heartbeat(ts=1, seqs={}) == wire.decoder(wire.Heartbeat, encoding).decode(PLAIN[encoding](data))
