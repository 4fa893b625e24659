"""From wire to command, and from events to acks: order entry as REST and the socket share it."""

import secrets
from collections.abc import Sequence

from engine.commands import Place
from engine.events import Accepted, Cancelled, Event, Rejected, Traded
from gateway.errors import fault_of_rejection
from gateway.wire import Ack, Fault, OrderNew


def place_command(acct: int, order: OrderNew) -> Place:
    """The command of a new order, to which the sequencer gives its time; one without a `cid` gets one."""
    cid = order.cid or secrets.token_hex(8)
    return Place(
        0, acct, cid, order.sym, order.side, int(order.px), order.qty, order.tif, order.type, order.post, order.display,
        order.expire_ts, int(order.stop_px),
    )  # fmt: skip


def place_ack(request: OrderNew, events: Sequence[Event], ts_in: int, ts_out: int) -> Ack | Fault:
    """The answer to a new order from the events of its command."""
    first = events[0]
    if not isinstance(first, Accepted):
        return _refused(first, request.id)
    left, state = first.qty, "open"
    for event in events[1:]:
        if isinstance(event, Traded):
            left = event.buy_open if event.buy_oid == first.oid else event.sell_open
            state = "open" if left else "filled"
        elif isinstance(event, Cancelled) and event.oid == first.oid:
            state = "cancelled"
    return Ack(
        op="order.new",
        id=request.id,
        cid=first.cid,
        oid=first.oid,
        st=state,
        seq=first.seq,
        cum=first.qty - left,
        lvs=left if state == "open" else 0,
        ts_in=ts_in,
        ts_out=ts_out,
    )


def cancel_ack(op: str, request_id: int, events: Sequence[Event], ts_in: int, ts_out: int) -> Ack | Fault:
    """The answer to a cancel: of the one order, or of the first of several."""
    first = events[0]
    if not isinstance(first, Cancelled):
        return _refused(first, request_id)
    return Ack(
        op=op,
        id=request_id,
        cid=first.cid,
        oid=first.oid,
        st="cancelled",
        seq=first.seq,
        cum=first.filled,
        lvs=0,
        ts_in=ts_in,
        ts_out=ts_out,
    )


def _refused(event: Event, request_id: int) -> Fault:
    assert isinstance(event, Rejected)
    fault = fault_of_rejection(event)
    fault.id = request_id
    return fault
