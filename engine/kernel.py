# cython: boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The hot path: hold, match, settle, on flat records indexed by int.

One source for two ways of running: compiled by Cython the records are C structs, without a compiler they are
objects with slots (`engine.shim`). Reads top to bottom: data, cover, levels, match, settle, doors.

Units: `ticks` are prices in ticks of the instrument, `price` and cash in fen, quantities in bottles. Record 0 of every
pool is "none", so that zeroed memory is empty; account 0 takes the fees. A function that grows a pool says so: pointers
into that pool from before the call are stale after it.
"""

try:
    import cython
except ImportError:
    from engine import shim as cython
if cython.compiled:
    from cython.cimports.cpython.buffer import (
        Py_buffer,
        PyBUF_SIMPLE,
        PyBUF_WRITABLE,
        PyBuffer_Release,
        PyObject_GetBuffer,
    )
    from cython.cimports.libc.stdlib import calloc, free
    from cython.cimports.libc.string import memcpy
else:
    from engine import shim as cython
    from engine.shim import grow, leading_zeros, prefetch, record_of, trailing_zeros

import numpy as np

from engine.codes import (
    ABOVE_MAX_QTY,
    ABOVE_POSITION_LIMIT,
    ACCEPTED,
    AMENDED,
    AMOUNT_MAX,
    BELOW_FILLED,
    BELOW_MIN_QTY,
    BUY,
    BY_BAND,
    BY_FEES,
    BY_IOC,
    BY_MARKET,
    BY_SELF_TRADE,
    BY_USER,
    CALL,
    CALL_LOCKED,
    CANCELLED,
    COMMAND_DTYPE,
    CONTINUOUS,
    DUPLICATE_ID,
    EVENT_DTYPE,
    FEE_BASE_MAX,
    FEE_BP_MAX,
    FEES,
    FOK,
    GTC,
    HALTED,
    HOW_END,
    HOW_STOP,
    ICEBERG,
    ID_BITS,
    ID_PAGE,
    INSUFFICIENT_BOTTLES,
    INSUFFICIENT_FUNDS,
    INTERRUPTED,
    INTERRUPTION,
    IOC,
    MALFORMED,
    MARKET,
    MATCHED,
    NEITHER,
    NO_ASK,
    NO_ENTRY_HALTED,
    NOT_FILLABLE,
    OFF_LOT,
    OFF_TICK,
    OID_MAX,
    OP_CANCEL,
    OP_PLACE,
    PHASE_CLOSED,
    POST,
    POSTED,
    PREVENTED,
    PRICE_OUT_OF_BAND,
    SELL,
    STOP,
    STP_DECREMENT,
    STP_NEWEST,
    STP_NONE,
    STP_OLDEST,
    TIF_MASK,
    TRADED,
    UNKNOWN_INSTRUMENT,
    UNKNOWN_ORDER,
    WAITING,
    WOULD_CROSS,
)

COMPILED: bool = cython.compiled
LINE = cython.declare(cython.int, 64)  # bytes of a cache line
EVENTS = cython.declare(cython.int, 4_096)  # room for so many at first
FETCHES = cython.declare(cython.int, 7)  # steps of `_fetch`,
FETCH_AHEAD = cython.declare(cython.int, 5)  # so many commands apart,
NEAR_ORDERS = cython.declare(cython.int, 1 << 16)  # once there are more orders than caches hold

# ------------------------------------------------------------------------------------------------------- data

i32 = cython.typedef(cython.int)
i64 = cython.typedef(cython.longlong)
u64 = cython.typedef(cython.ulonglong)

Order = cython.struct(  # 64 bytes
    oid=cython.longlong,
    ticks=cython.longlong,
    open=cython.longlong,
    filled=cython.longlong,
    fee_base=cython.longlong,  # sum of notional * basis points over the fills
    fee_paid=cython.longlong,
    prev=cython.int,  # neighbours in the level's queue; next also chains the free slots
    next=cython.int,
    position=cython.int,
    side=cython.char,
    flags=cython.char,  # POSTED, ICEBERG
)
Position = cython.struct(  # one account's bottles of one instrument
    account=cython.int,
    instr=cython.int,
    free=cython.longlong,
    held=cython.longlong,
    buys=cython.longlong,  # open quantity of its buy orders
)
Account = cython.struct(
    free=cython.longlong, held=cython.longlong, group=cython.longlong
)  # group: who must not trade with itself
Level = cython.struct(qty=cython.longlong, head=cython.int, tail=cython.int)  # a queue; head also chains free pages
Page = cython.struct(bits=cython.ulonglong, levels=cython.int)  # 64 neighbouring ticks: which are occupied, where
Ladder = cython.struct(  # one side of one book
    best=cython.longlong,  # in ticks
    pages=cython.int,  # its first page, 0 until the first order
    groups=cython.int,  # its first summary word, one bit for each page that is occupied
    n_pages=cython.int,
    first=cython.int,  # tick >> 6 of the first page
)
Instrument = cython.struct(
    lo=cython.longlong,  # the band in ticks, inclusive
    hi=cython.longlong,
    tick=cython.longlong,
    lot=cython.longlong,
    qty_min=cython.longlong,
    qty_max=cython.longlong,
    holding_max=cython.longlong,  # 0: none
    guard_lo=cython.longlong,  # a trade outside these ticks is not made: it interrupts
    guard_hi=cython.longlong,
    maker_bp=cython.longlong,
    taker_bp=cython.longlong,
    fee_min=cython.longlong,
    state=cython.int,
    stp=cython.int,
    charges=cython.int,  # whether there is any fee at all
    lock_days=cython.int,  # how long bottles that were bought may not be sold
    day=cython.int,
)
IdPage = cython.struct(slots=cython.int, live=cython.int)  # 4,096 neighbouring order ids; none kept when none live
Event = cython.struct(
    kind=cython.int,
    instr=cython.int,
    side=cython.int,  # of the order; in a trade, of the aggressor
    reason=cython.int,
    account=cython.int,
    maker_account=cython.int,
    oid=cython.longlong,
    maker_oid=cython.longlong,
    price=cython.longlong,
    price_before=cython.longlong,  # of an amended order, else the price
    qty=cython.longlong,
    open=cython.longlong,  # left after the event
    maker_open=cython.longlong,
    fee=cython.longlong,
    maker_fee=cython.longlong,
    filled=cython.longlong,  # of the order so far
    release=cython.longlong,  # back to free: the buyer's in a trade, the owner's in a cancel
)
Command = cython.struct(
    op=cython.char,
    side=cython.char,
    how=cython.char,
    pad=cython.char,
    instr=cython.int,
    account=cython.int,
    pad2=cython.int,
    oid=cython.longlong,
    price=cython.longlong,
    qty=cython.longlong,
)


if cython.compiled:

    @cython.cfunc
    def grow(pool: cython.p_void, size: cython.size_t, used: i64, wanted: i64) -> cython.p_void:
        """Make room for `wanted` records of `size` bytes in a pool that has `used`, new ones zero.

        Pools begin on a cache line, so that an order is on one and not on two, and what is not used yet costs
        address space only. Raises MemoryError.
        """
        if room(wanted) <= room(used):
            return pool
        raw: cython.p_char = cython.cast(cython.p_char, calloc(1, room(wanted) * size + LINE))
        if raw is cython.NULL:
            raise MemoryError(f"cannot grow a pool to {wanted} records")
        grown: cython.p_char = raw + LINE - (cython.cast(cython.size_t, raw) & (LINE - 1))
        cython.cast(cython.pointer[cython.p_char], grown - cython.sizeof(cython.p_char))[0] = raw
        if pool is not cython.NULL:
            memcpy(grown, pool, room(used) * size)
            give_back(pool)
        return grown

    @cython.cfunc
    @cython.exceptval(check=False)
    def give_back(pool: cython.p_void) -> cython.void:
        """Free a pool that `grow` made: what it really allocated stands just before it."""
        if pool is not cython.NULL:
            before: cython.p_char = cython.cast(cython.p_char, pool) - cython.sizeof(cython.p_char)
            free(cython.cast(cython.pointer[cython.p_char], before)[0])


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def room(used: i64) -> i64:
    """How many records a pool has room for when so many are used: the next power of two."""
    return used if used <= 1 else cython.cast(i64, 1) << (64 - leading_zeros(used - 1))


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def scatter(account: i32, instr: i32) -> i64:
    """Spread an account and an instrument over a table; neither product passes 63 bits."""
    mixed: i64 = (cython.cast(i64, account) * 0x5851F42D) ^ (cython.cast(i64, instr) * 0x14057B7D)
    return mixed ^ (mixed >> 17)


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def fee_to_date(it: cython.pointer[Instrument], fee_base: i64, fee_paid: i64) -> i64:
    """Fen that an order with this sum of notional * basis points owes: rounded up, at least the minimum.

    Never less than it paid: when fees fall, nothing is given back.
    """
    fee: i64 = (fee_base + 9_999) // 10_000
    if fee < it.fee_min:
        fee = it.fee_min
    return fee if fee > fee_paid else fee_paid


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def buy_hold(it: cython.pointer[Instrument], ticks: i64, qty: i64, fee_base: i64, fee_paid: i64) -> i64:
    """Fen to hold for a buy with `qty` open: its cost at the limit, and the highest fee that can still fall due."""
    if qty == 0:
        return 0
    notional: i64 = qty * ticks * it.tick
    if not it.charges:
        return notional
    rate_bp: i64 = it.maker_bp if it.maker_bp > it.taker_bp else it.taker_bp
    return notional + fee_to_date(it, fee_base + notional * rate_bp, fee_paid) - fee_paid


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def charge(it: cython.pointer[Instrument], order: cython.pointer[Order], notional: i64, rate_bp: i64) -> i64:
    """Book a fill's fee on its order and return it. A seller's fees to date never exceed its proceeds to date."""
    order.fee_base += notional * rate_bp
    due: i64 = fee_to_date(it, order.fee_base, order.fee_paid)
    # Fees below the minimum were capped, so they are all the proceeds so far; otherwise the cap cannot bind.
    if order.side == SELL and order.fee_paid < it.fee_min and due > order.fee_paid + notional:
        due = order.fee_paid + notional
    fee: i64 = due - order.fee_paid
    order.fee_paid = due
    return fee


@cython.cclass
class Kernel:
    """Accounts, positions, instruments and the orders resting in their books.

    Invariant, between calls: an order is in the id map exactly when it rests in its level's queue; every free and
    held amount is at least 0; what is held equals what the resting orders need; no book is crossed.
    """

    orders: cython.pointer[Order]
    positions: cython.pointer[Position]
    accounts: cython.pointer[Account]
    instruments: cython.pointer[Instrument]
    ladders: cython.pointer[Ladder]  # two an instrument, by side
    waiting: cython.pointer[Level]  # likewise: the market orders that wait for the end of a call
    pages: cython.pointer[Page]
    groups: cython.pointer[u64]
    levels: cython.pointer[Level]
    position_table: cython.pointer[i32]
    id_pages: cython.pointer[IdPage]
    id_slots: cython.pointer[i32]
    events: cython.pointer[Event]
    # Records used in each pool; levels and id slots count by the page.
    orders_used: i64
    positions_used: i64
    accounts_used: i64
    instruments_used: i64
    pages_used: i64
    groups_used: i64
    level_pages_used: i64
    id_pages_used: i64
    id_slot_pages_used: i64
    events_used: i64
    events_room: i64
    position_table_mask: i64
    # Heads of the chains of records given back, 0 when there are none.
    order_free: i32
    level_page_free: i32
    id_slot_page_free: i32
    icebergs: dict  # order id -> [display quantity, how much of it shows now]
    locks: dict  # (account, instr) -> {day on which they may be sold: bottles}, by day
    ladders_free: dict  # number of pages -> [(first page, first group)] given back by ladders that moved
    hold = cython.declare(cython.longlong, visibility="readonly")  # by the order accepted last: fen or bottles

    def __init__(self) -> None:
        self.orders = cython.cast(cython.pointer[Order], grow(cython.NULL, cython.sizeof(Order), 0, 1))
        self.positions = cython.cast(cython.pointer[Position], grow(cython.NULL, cython.sizeof(Position), 0, 1))
        self.accounts = cython.cast(cython.pointer[Account], grow(cython.NULL, cython.sizeof(Account), 0, 1))
        self.instruments = cython.cast(cython.pointer[Instrument], grow(cython.NULL, cython.sizeof(Instrument), 0, 1))
        self.ladders = cython.cast(cython.pointer[Ladder], grow(cython.NULL, cython.sizeof(Ladder), 0, 2))
        self.waiting = cython.cast(cython.pointer[Level], grow(cython.NULL, cython.sizeof(Level), 0, 2))
        self.pages = cython.cast(cython.pointer[Page], grow(cython.NULL, cython.sizeof(Page), 0, 1))
        self.groups = cython.cast(cython.pointer[u64], grow(cython.NULL, cython.sizeof(u64), 0, 1))
        self.levels = cython.cast(cython.pointer[Level], grow(cython.NULL, cython.sizeof(Level), 0, 64))
        self.position_table = cython.cast(cython.pointer[i32], grow(cython.NULL, cython.sizeof(i32), 0, 64))
        self.id_pages = cython.cast(cython.pointer[IdPage], grow(cython.NULL, cython.sizeof(IdPage), 0, 1))
        self.id_slots = cython.cast(cython.pointer[i32], grow(cython.NULL, cython.sizeof(i32), 0, ID_PAGE))
        self.events = cython.cast(cython.pointer[Event], grow(cython.NULL, cython.sizeof(Event), 0, EVENTS))
        self.orders_used = self.positions_used = self.accounts_used = self.instruments_used = 1
        self.pages_used = self.groups_used = self.level_pages_used = 1
        self.id_pages_used = self.id_slot_pages_used = 1
        self.events_used = 0
        self.events_room = EVENTS
        self.position_table_mask = 63
        self.order_free = self.level_page_free = self.id_slot_page_free = 0
        self.icebergs = {}
        self.locks = {}
        self.ladders_free = {}

    def __dealloc__(self) -> None:
        if cython.compiled:
            give_back(self.orders)
            give_back(self.positions)
            give_back(self.accounts)
            give_back(self.instruments)
            give_back(self.ladders)
            give_back(self.waiting)
            give_back(self.pages)
            give_back(self.groups)
            give_back(self.levels)
            give_back(self.position_table)
            give_back(self.id_pages)
            give_back(self.id_slots)
            give_back(self.events)

    # ------------------------------------------------------------------------------------- cover: who has what

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _find(self, account: i32, instr: i32) -> i32:
        """The index of an account's position, 0 when it has none: position 0 stays all zero."""
        at: i64 = scatter(account, instr) & self.position_table_mask
        index: i32 = self.position_table[at]
        while index:
            if self.positions[index].account == account and self.positions[index].instr == instr:
                return index
            at = (at + 1) & self.position_table_mask
            index = self.position_table[at]
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _open_position(self, account: i32, instr: i32) -> i32:
        """Add a position that `_find` did not find. Grows positions."""
        used: i64 = self.positions_used
        self.positions = cython.cast(
            cython.pointer[Position], grow(self.positions, cython.sizeof(Position), used, used + 1)
        )
        self.positions[used].account = account
        self.positions[used].instr = instr
        self.positions_used = used + 1
        if used * 2 > self.position_table_mask:
            self._rehash(4 * used)
        else:
            self._enter(cython.cast(i32, used))
        return cython.cast(i32, used)

    @cython.cfunc
    @cython.exceptval(check=False)
    def _enter(self, index: i32) -> cython.void:
        """Put a position in the table: open addressing, at most half full."""
        at: i64 = scatter(self.positions[index].account, self.positions[index].instr) & self.position_table_mask
        while self.position_table[at]:
            at = (at + 1) & self.position_table_mask
        self.position_table[at] = index

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _rehash(self, size: i64) -> cython.int:
        index: i64
        if cython.compiled:
            give_back(self.position_table)
        self.position_table = cython.cast(cython.pointer[i32], grow(cython.NULL, cython.sizeof(i32), 0, room(size)))
        self.position_table_mask = room(size) - 1
        for index in range(1, self.positions_used):
            self._enter(cython.cast(i32, index))
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _release(self, order: cython.pointer[Order]) -> i64:
        """Free all that an order still holds, and say how much: fen of a buy, bottles of a sell."""
        position: cython.pointer[Position] = cython.address(self.positions[order.position])
        owner: cython.pointer[Account] = cython.address(self.accounts[position.account])
        it: cython.pointer[Instrument] = cython.address(self.instruments[position.instr])
        held: i64 = order.open
        if order.side == BUY:
            held = buy_hold(it, order.ticks, order.open, order.fee_base, order.fee_paid)
            owner.held -= held
            owner.free += held
            position.buys -= order.open
        else:
            position.held -= held
            position.free += held
        order.open = 0
        return held

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _lock(self, position: cython.pointer[Position], it: cython.pointer[Instrument], qty: i64) -> cython.int:
        """Keep bottles that were bought from being sold for some days."""
        days: dict = self.locks.setdefault((position.account, position.instr), {})
        day = it.day + it.lock_days
        days[day] = days.get(day, 0) + qty
        return 0

    def locked(self, account: i32, instr: i32) -> int:
        """How many of an account's bottles may not be sold yet."""
        return sum(self.locks[account, instr].values()) if (account, instr) in self.locks else 0

    # ------------------------------------------------------------------------------------------- slots and ids

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def _take_slot(self) -> i32:
        """A slot for a new order. Grows orders."""
        slot: i32 = self.order_free
        if slot:
            self.order_free = self.orders[slot].next
            return slot
        used: i64 = self.orders_used
        self.orders = cython.cast(cython.pointer[Order], grow(self.orders, cython.sizeof(Order), used, used + 1))
        self.orders_used = used + 1
        return cython.cast(i32, used)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _give_slot(self, slot: i32) -> cython.void:
        if self.orders[slot].flags & ICEBERG:
            del self.icebergs[self.orders[slot].oid]
        self.orders[slot].next = self.order_free
        self.order_free = slot

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _slot(self, oid: i64) -> i32:
        """The slot of a resting order, 0 when there is none of this id."""
        number: i64 = oid >> ID_BITS
        if number < 0 or number >= self.id_pages_used or self.id_pages[number].slots == 0:
            return 0
        return self.id_slots[self.id_pages[number].slots * ID_PAGE + (oid & (ID_PAGE - 1))]

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def _bind(self, oid: i64, slot: i32) -> cython.int:
        """Enter an id. Grows id pages and id slots."""
        number: i64 = oid >> ID_BITS
        if number >= self.id_pages_used:
            self.id_pages = cython.cast(
                cython.pointer[IdPage], grow(self.id_pages, cython.sizeof(IdPage), self.id_pages_used, number + 1)
            )
            self.id_pages_used = number + 1
        if self.id_pages[number].slots == 0:
            self.id_pages[number].slots = self._take_id_slots()
        self.id_pages[number].live += 1
        self.id_slots[self.id_pages[number].slots * ID_PAGE + (oid & (ID_PAGE - 1))] = slot
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _unbind(self, oid: i64) -> cython.void:
        """Remove an id; a page of ids without a live order is given back."""
        page: cython.pointer[IdPage] = cython.address(self.id_pages[oid >> ID_BITS])
        self.id_slots[page.slots * ID_PAGE + (oid & (ID_PAGE - 1))] = 0
        page.live -= 1
        if page.live == 0:
            self.id_slots[page.slots * ID_PAGE] = self.id_slot_page_free
            self.id_slot_page_free = page.slots
            page.slots = 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _take_id_slots(self) -> i32:
        """An empty page of id slots. Grows id slots."""
        taken: i32 = self.id_slot_page_free
        if taken:
            self.id_slot_page_free = self.id_slots[taken * ID_PAGE]
            self.id_slots[taken * ID_PAGE] = 0
            return taken
        used: i64 = self.id_slot_pages_used
        self.id_slots = cython.cast(
            cython.pointer[i32], grow(self.id_slots, cython.sizeof(i32), used * ID_PAGE, (used + 1) * ID_PAGE)
        )
        self.id_slot_pages_used = used + 1
        return cython.cast(i32, used)

    # ------------------------------------------------------------------------------------------------- levels

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _ladder(self, order: cython.pointer[Order]) -> cython.pointer[Ladder]:
        return cython.address(self.ladders[2 * self.positions[order.position].instr + order.side])

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _waiting_queue(self, order: cython.pointer[Order]) -> cython.pointer[Level]:
        return cython.address(self.waiting[2 * self.positions[order.position].instr + order.side])

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _level(self, ladder: cython.pointer[Ladder], ticks: i64) -> cython.pointer[Level]:
        """The level at a tick whose page is open."""
        number: i64 = (ticks >> 6) - ladder.first
        return cython.address(self.levels[self.pages[ladder.pages + number].levels * 64 + (ticks & 63)])

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _shown(self, order: cython.pointer[Order]) -> i64:
        """How much of an order is in the book for all to see, and trades before its next refresh."""
        if order.flags & ICEBERG:
            return self.icebergs[order.oid][1]
        return order.open

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def _rest(self, slot: i32) -> cython.int:
        """Put an order at the end of its level's queue. Grows pages, groups and levels."""
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        ladder: cython.pointer[Ladder] = self._ladder(order)
        if ladder.pages == 0:
            self._open_ladder(ladder, cython.address(self.instruments[self.positions[order.position].instr]))
        number: i64 = (order.ticks >> 6) - ladder.first
        page: cython.pointer[Page] = cython.address(self.pages[ladder.pages + number])
        if page.levels == 0:
            page.levels = self._take_level_page()
        level: cython.pointer[Level] = cython.address(self.levels[page.levels * 64 + (order.ticks & 63)])
        self._append(level, slot, self._shown(order))
        if level.head == slot:
            page.bits |= cython.cast(u64, 1) << (order.ticks & 63)
            self.groups[ladder.groups + (number >> 6)] |= cython.cast(u64, 1) << (number & 63)
            if order.ticks > ladder.best if order.side == BUY else order.ticks < ladder.best:
                ladder.best = order.ticks
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _append(self, queue: cython.pointer[Level], slot: i32, qty: i64) -> cython.void:
        """Put an order at the end of a queue, with so much of its quantity."""
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        queue.qty += qty
        order.next = 0
        order.prev = queue.tail
        if queue.tail:
            self.orders[queue.tail].next = slot
        else:
            queue.head = slot
        queue.tail = slot

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _remove(self, queue: cython.pointer[Level], order: cython.pointer[Order], qty: i64) -> cython.void:
        """Take an order, wherever it stands, out of a queue, with so much of its quantity."""
        queue.qty -= qty
        if order.prev:
            self.orders[order.prev].next = order.next
        else:
            queue.head = order.next
        if order.next:
            self.orders[order.next].prev = order.prev
        else:
            queue.tail = order.prev

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _unlink(self, order: cython.pointer[Order]) -> cython.void:
        """Take an order, and what shows of it, out of its level's queue."""
        ladder: cython.pointer[Ladder] = self._ladder(order)
        level: cython.pointer[Level] = self._level(ladder, order.ticks)
        self._remove(level, order, self._shown(order))
        if level.head == 0:
            self._vacate(ladder, order.ticks, order.side)

    @cython.cfunc
    @cython.exceptval(check=False)
    def _vacate(self, ladder: cython.pointer[Ladder], ticks: i64, side: i32) -> cython.void:
        """Mark a level empty; when it was the best, find the next best by the bitmaps.

        Nothing is better than the best, so the next one is the outermost bit that is left: first in its own page,
        then in the groups, which say which pages are occupied.
        """
        number: i64 = (ticks >> 6) - ladder.first
        page: cython.pointer[Page] = cython.address(self.pages[ladder.pages + number])
        page.bits &= ~(cython.cast(u64, 1) << (ticks & 63))
        if page.bits == 0:
            self.groups[ladder.groups + (number >> 6)] &= ~(cython.cast(u64, 1) << (number & 63))
        if ticks != ladder.best:
            return
        group: i64 = number >> 6
        if side == BUY:
            if page.bits == 0:
                while group >= 0 and self.groups[ladder.groups + group] == 0:
                    group -= 1
                if group < 0:
                    ladder.best = 0
                    return
                number = group * 64 + 63 - leading_zeros(self.groups[ladder.groups + group])
            ladder.best = (ladder.first + number) * 64 + 63 - leading_zeros(self.pages[ladder.pages + number].bits)
        else:
            if page.bits == 0:
                while group * 64 < ladder.n_pages and self.groups[ladder.groups + group] == 0:
                    group += 1
                if group * 64 >= ladder.n_pages:
                    ladder.best = NO_ASK
                    return
                number = group * 64 + trailing_zeros(self.groups[ladder.groups + group])
            ladder.best = (ladder.first + number) * 64 + trailing_zeros(self.pages[ladder.pages + number].bits)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _open_ladder(self, ladder: cython.pointer[Ladder], it: cython.pointer[Instrument]) -> cython.int:
        """Give a ladder empty pages that cover the instrument's band. Grows pages and groups."""
        ladder.first = cython.cast(i32, it.lo >> 6)
        ladder.n_pages = cython.cast(i32, (it.hi >> 6) - ladder.first + 1)
        given_back: list = self.ladders_free.get(ladder.n_pages)
        if given_back:
            ladder.pages, ladder.groups = given_back.pop()
            return 0
        used: i64 = self.pages_used
        ladder.pages = cython.cast(i32, used)
        self.pages_used = used + ladder.n_pages
        self.pages = cython.cast(cython.pointer[Page], grow(self.pages, cython.sizeof(Page), used, self.pages_used))
        used = self.groups_used
        ladder.groups = cython.cast(i32, used)
        self.groups_used = used + (ladder.n_pages + 63) // 64
        self.groups = cython.cast(cython.pointer[u64], grow(self.groups, cython.sizeof(u64), used, self.groups_used))
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _take_level_page(self) -> i32:
        """64 empty levels. Grows levels."""
        taken: i32 = self.level_page_free
        if taken:
            self.level_page_free = self.levels[taken * 64].head
            self.levels[taken * 64].head = 0
            return taken
        used: i64 = self.level_pages_used
        self.levels = cython.cast(
            cython.pointer[Level], grow(self.levels, cython.sizeof(Level), used * 64, (used + 1) * 64)
        )
        self.level_pages_used = used + 1
        return cython.cast(i32, used)

    # ------------------------------------------------------------------------------------------ match, settle

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def _match(self, order: cython.pointer[Order], it: cython.pointer[Instrument], instr: i32) -> cython.int:
        """Trade an incoming order against the other side: best price first, then oldest.

        What ended it: MATCHED when nothing is left that it could trade with, PREVENTED by self-trade prevention, or
        INTERRUPTED because the next trade would be outside the volatility guard: the instrument is in a call then.
        """
        book: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + 1 - order.side])
        group: i64 = self.accounts[self.positions[order.position].account].group
        while order.open > 0 and (book.best <= order.ticks if order.side == BUY else book.best >= order.ticks):
            level: cython.pointer[Level] = self._level(book, book.best)
            slot: i32 = level.head
            resting: cython.pointer[Order] = cython.address(self.orders[slot])
            self._reserve()
            if it.stp != STP_NONE and self.accounts[self.positions[resting.position].account].group == group:
                if not self._prevent(order, slot, it.stp):
                    return PREVENTED
                continue
            if book.best < it.guard_lo or book.best > it.guard_hi:
                it.state = CALL
                return INTERRUPTED
            qty: i64 = self._shown(resting)
            if order.open < qty:
                qty = order.open
            order.open -= qty
            resting.open -= qty
            level.qty -= qty
            self._settle(order, resting, it, resting.ticks * it.tick, qty, it.taker_bp)
            if resting.flags & ICEBERG:
                self._refresh(slot, qty)
            if resting.open == 0:
                self._unlink(resting)
                self._unbind(resting.oid)
                self._give_slot(slot)
        return MATCHED

    @cython.cfunc
    @cython.exceptval(check=False)
    def _refresh(self, slot: i32, traded: i64) -> cython.void:
        """Take a fill off an iceberg's slice; when that is gone, show the next one, at the back of the queue."""
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        iceberg: list = self.icebergs[order.oid]
        iceberg[1] -= traded
        if iceberg[1] or order.open == 0:
            return
        self._unlink(order)
        iceberg[1] = order.open if order.open < iceberg[0] else iceberg[0]
        self._rest(slot)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _prevent(self, order: cython.pointer[Order], slot: i32, stp: i32) -> cython.bint:
        """Keep an order from trading with one of its own group; whether it may go on."""
        resting: cython.pointer[Order] = cython.address(self.orders[slot])
        if stp == STP_DECREMENT:
            qty: i64 = order.open if order.open < resting.open else resting.open
            self._reduce_resting(resting, qty, BY_SELF_TRADE)
            if resting.open == 0:
                self._unlink(resting)
                self._unbind(resting.oid)
                self._give_slot(slot)
            self._reduce(order, qty, BY_SELF_TRADE)
            return True
        if stp != STP_NEWEST:
            self._cancel(slot, BY_SELF_TRADE)
        return stp == STP_OLDEST

    @cython.cfunc
    @cython.exceptval(check=False)
    def _reduce_resting(self, order: cython.pointer[Order], qty: i64, reason: i32) -> cython.void:
        """Take quantity off a resting order where it stands, the hidden part first."""
        level: cython.pointer[Level] = self._level(self._ladder(order), order.ticks)
        level.qty -= self._shown(order)
        self._reduce(order, qty, reason)
        if order.flags & ICEBERG and self.icebergs[order.oid][1] > order.open:
            self.icebergs[order.oid][1] = order.open
        level.qty += self._shown(order)

    @cython.cfunc
    @cython.exceptval(check=False)
    def _reduce(self, order: cython.pointer[Order], qty: i64, reason: i32) -> cython.void:
        """Release part of what an order has open, and say so: it is amended, or cancelled when nothing is left."""
        position: cython.pointer[Position] = cython.address(self.positions[order.position])
        owner: cython.pointer[Account] = cython.address(self.accounts[position.account])
        it: cython.pointer[Instrument] = cython.address(self.instruments[position.instr])
        release: i64 = qty
        if order.side == BUY:
            release = buy_hold(it, order.ticks, order.open, order.fee_base, order.fee_paid)
            release -= buy_hold(it, order.ticks, order.open - qty, order.fee_base, order.fee_paid)
            owner.held -= release
            owner.free += release
            position.buys -= qty
        else:
            position.held -= release
            position.free += release
        order.open -= qty
        event: cython.pointer[Event] = self._order_event(AMENDED if order.open else CANCELLED, order)
        event.reason = reason
        event.release = release

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _settle(
        self,
        order: cython.pointer[Order],
        resting: cython.pointer[Order],
        it: cython.pointer[Instrument],
        price: i64,
        qty: i64,
        rate_bp: i64,
    ) -> cython.void:
        """Swap cash for bottles between two orders whose open quantities are already without `qty`.

        `rate_bp` is what the incoming order pays; the resting one pays the maker's rate.
        """
        buy: cython.pointer[Order] = order if order.side == BUY else resting
        sell: cython.pointer[Order] = resting if order.side == BUY else order
        bought: cython.pointer[Position] = cython.address(self.positions[buy.position])
        sold: cython.pointer[Position] = cython.address(self.positions[sell.position])
        buyer: cython.pointer[Account] = cython.address(self.accounts[bought.account])
        seller: cython.pointer[Account] = cython.address(self.accounts[sold.account])
        notional: i64 = qty * price
        fee: i64 = 0
        resting_fee: i64 = 0
        release: i64 = qty * (buy.ticks * it.tick - price)
        if it.charges:
            held: i64 = buy_hold(it, buy.ticks, buy.open + qty, buy.fee_base, buy.fee_paid)
            fee = charge(it, order, notional, rate_bp)
            resting_fee = charge(it, resting, notional, it.maker_bp)
            paid: i64 = notional + (fee if order.side == BUY else resting_fee)
            release = held - buy_hold(it, buy.ticks, buy.open, buy.fee_base, buy.fee_paid) - paid
            buyer.held -= paid
            seller.free -= resting_fee if order.side == BUY else fee
            self.accounts[FEES].free += fee + resting_fee
        else:
            buyer.held -= notional
        buyer.held -= release
        buyer.free += release
        seller.free += notional
        bought.free += qty
        bought.buys -= qty
        if it.lock_days:
            self._lock(bought, it, qty)
            self._trim_locks(sold.account, sold.instr)
        sold.held -= qty
        buy.filled += qty
        sell.filled += qty

        event: cython.pointer[Event] = self._event()
        event.kind = TRADED
        event.instr = bought.instr
        event.side = order.side
        event.reason = 0
        event.account = self.positions[order.position].account
        event.maker_account = self.positions[resting.position].account
        event.oid = order.oid
        event.maker_oid = resting.oid
        event.price = price
        event.price_before = price
        event.qty = qty
        event.open = order.open
        event.maker_open = resting.open
        event.filled = order.filled
        event.fee = fee
        event.maker_fee = resting_fee
        event.release = release

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _event(self) -> cython.pointer[Event]:
        """The next event, for which `_reserve` made room."""
        self.events_used += 1
        return cython.address(self.events[self.events_used - 1])

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _order_event(self, kind: i32, order: cython.pointer[Order]) -> cython.pointer[Event]:
        """The next event, about one order as it stands."""
        position: cython.pointer[Position] = cython.address(self.positions[order.position])
        event: cython.pointer[Event] = self._event()
        event.kind = kind
        event.instr = position.instr
        event.side = order.side
        event.reason = 0
        event.account = position.account
        event.maker_account = 0
        event.oid = order.oid
        event.maker_oid = 0
        event.price = order.ticks * self.instruments[position.instr].tick
        event.price_before = event.price
        event.qty = 0
        event.open = order.open
        event.maker_open = 0
        event.fee = 0
        event.maker_fee = 0
        event.filled = order.filled
        event.release = 0
        return event

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def _reserve(self) -> cython.int:
        """Make room for four more events. Grows events."""
        if self.events_used + 4 > self.events_room:
            self.events = cython.cast(
                cython.pointer[Event],
                grow(self.events, cython.sizeof(Event), self.events_room, 2 * self.events_room),
            )
            self.events_room *= 2
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _retire(self, order: cython.pointer[Order], reason: i32) -> cython.void:
        """Release an order that is in no queue, and say so."""
        event: cython.pointer[Event] = self._order_event(CANCELLED, order)
        event.reason = reason
        event.qty = order.open
        event.open = 0
        event.release = self._release(order)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _cancel(self, slot: i32, reason: i32) -> cython.void:
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        if order.flags & WAITING:
            self._remove(self._waiting_queue(order), order, order.open)
        elif not order.flags & STOP:
            self._unlink(order)
        self._retire(order, reason)
        self._unbind(order.oid)
        self._give_slot(slot)

    # ---------------------------------------------------------------------------------------- doors: hot calls

    @cython.ccall
    @cython.exceptval(-1, check=False)
    def place(self, oid: i64, account: i32, instr: i32, side: i32, price: i64, qty: i64, how: i32) -> i32:
        """Check, hold, match and rest an order; return 0, or the code of the refusal that changed nothing.

        `price` in fen; `how` is GTC, IOC or FOK, and POST or MARKET added to it (a market order's price is not read).
        Trades and cancels that follow are events; `hold` is what the order held on entry.
        """
        return self._place(oid, account, instr, side, price, qty, how, 0)

    @cython.ccall
    @cython.exceptval(-1, check=False)
    def place_iceberg(
        self, oid: i64, account: i32, instr: i32, side: i32, price: i64, qty: i64, how: i32, display: i64
    ) -> i32:
        """Place an order of which only `display` shows at a time, once it rests."""
        return self._place(oid, account, instr, side, price, qty, how, display)

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1, check=False)
    def _place(
        self, oid: i64, account: i32, instr: i32, side: i32, price: i64, qty: i64, how: i32, display: i64
    ) -> i32:
        if (
            qty <= 0
            or price <= 0
            or (side != BUY and side != SELL)
            or how < 0
            or how >= HOW_END
            or account <= FEES
            or account >= self.accounts_used
            or oid <= 0
            or oid > OID_MAX
            or display > qty
        ):
            return MALFORMED
        if self._slot(oid):
            return DUPLICATE_ID
        if instr <= 0 or instr >= self.instruments_used:
            return UNKNOWN_INSTRUMENT
        it: cython.pointer[Instrument] = cython.address(self.instruments[instr])
        if it.state != CONTINUOUS:
            if it.state >= HALTED:
                return NO_ENTRY_HALTED if it.state == HALTED else PHASE_CLOSED
            if how & (TIF_MASK | POST):
                return PHASE_CLOSED
        ticks: i64 = price
        if how & MARKET:
            ticks = it.hi if side == BUY else it.lo
        elif it.tick != 1:
            ticks = price // it.tick
            if ticks * it.tick != price:
                return OFF_TICK
        if ticks < it.lo or ticks > it.hi:
            return PRICE_OUT_OF_BAND
        if it.lot != 1 and (qty % it.lot != 0 or display % it.lot != 0):
            return OFF_LOT
        if qty < it.qty_min:
            return BELOW_MIN_QTY
        if qty > it.qty_max:
            return ABOVE_MAX_QTY
        index: i32 = self._find(account, instr)
        position: cython.pointer[Position] = cython.address(self.positions[index])
        hold: i64 = qty
        if side == BUY:
            if it.holding_max and position.free + position.held + position.buys + qty > it.holding_max:
                return ABOVE_POSITION_LIMIT
            hold = buy_hold(it, ticks, qty, 0, 0)
            if hold > self.accounts[account].free:
                return INSUFFICIENT_FUNDS
        elif qty > position.free or (it.lock_days and qty > position.free - self.locked(account, instr)):
            return INSUFFICIENT_BOTTLES
        if how > IOC and not how & HOW_STOP:
            if how & POST and self._crosses(instr, side, ticks):
                return WOULD_CROSS
            if how & TIF_MASK == FOK and not self._fills(account, instr, side, ticks, qty):
                return NOT_FILLABLE

        if index == 0:
            index = self._open_position(account, instr)
            position = cython.address(self.positions[index])
        slot: i32 = self._take_slot()
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        order.oid = oid
        order.ticks = ticks
        order.open = qty
        order.filled = 0
        order.fee_base = 0
        order.fee_paid = 0
        order.position = index
        order.side = side
        order.flags = POSTED if how & POST else 0
        self.hold = hold
        if side == BUY:
            self.accounts[account].free -= hold
            self.accounts[account].held += hold
            position.buys += qty
        else:
            position.free -= hold
            position.held += hold

        if how & HOW_STOP:
            order.flags |= STOP
            self._bind(oid, slot)
            return ACCEPTED
        ended: cython.int = MATCHED
        if it.state == CONTINUOUS:
            ended = self._match(order, it, instr)
        elif how & MARKET:
            order.flags |= WAITING
            self._append(self._waiting_queue(order), slot, qty)
            self._bind(oid, slot)
            return ACCEPTED
        if order.open and ended != PREVENTED and how & (TIF_MASK | MARKET) == GTC:
            if 0 < display < qty:
                order.flags |= ICEBERG
                self.icebergs[oid] = [display, min(display, order.open)]
            self._rest(slot)
            self._bind(oid, slot)
        else:
            if order.open:
                self._reserve()
                self._retire(order, BY_SELF_TRADE if ended == PREVENTED else BY_IOC if how & TIF_MASK else BY_MARKET)
            self._give_slot(slot)
        if ended == INTERRUPTED:
            self._reserve()
            self._order_event(INTERRUPTION, order)
        return ACCEPTED

    @cython.cfunc
    @cython.exceptval(check=False)
    def _crosses(self, instr: i32, side: i32, ticks: i64) -> cython.bint:
        """Whether an order at this price would trade at once."""
        best: i64 = self.ladders[2 * instr + 1 - side].best
        return best <= ticks if side == BUY else best >= ticks

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _fills(self, account: i32, instr: i32, side: i32, ticks: i64, qty: i64) -> cython.bint:
        """Whether so much could trade at once: hidden quantity counts, and what self-trade prevention leaves."""
        stp: i32 = self.instruments[instr].stp
        tick: i64 = self.instruments[instr].tick
        ladder: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + 1 - side])
        slot: i32
        level_ticks: i64
        for price, _ in self.depth(instr, 1 - side, 0):
            level_ticks = price // tick
            if level_ticks > ticks if side == BUY else level_ticks < ticks:
                return False
            within: cython.bint = self.instruments[instr].guard_lo <= level_ticks <= self.instruments[instr].guard_hi
            hidden: i64 = 0  # trades after all that shows at the level
            slot = self._level(ladder, level_ticks).head
            while slot:
                owner: i32 = self.positions[self.orders[slot].position].account
                if stp == STP_NONE or self.accounts[owner].group != self.accounts[account].group:
                    if not within:
                        return False
                    shown: i64 = self._shown(cython.address(self.orders[slot]))
                    hidden += self.orders[slot].open - shown
                    qty -= shown
                    if qty <= 0:
                        return True
                elif stp != STP_OLDEST:
                    return False
                slot = self.orders[slot].next
            qty -= hidden
            if qty <= 0:
                return True
        return False

    def amend(self, oid: i64, account: i32, price: i64, total: i64) -> int:
        """Give a resting order a new price and new total quantity, filled and open; return 0 or a refusal's code.

        Less at the same price keeps the place in the queue. Anything else goes to the back, and trades at once when
        it crosses. `price` in fen; `hold` is then what the order holds more than before, and may be negative.
        """
        slot: i32 = self._slot(oid)
        if slot == 0 or self.positions[self.orders[slot].position].account != account:
            return UNKNOWN_ORDER
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        position: cython.pointer[Position] = cython.address(self.positions[order.position])
        owner: cython.pointer[Account] = cython.address(self.accounts[account])
        instr: i32 = position.instr
        it: cython.pointer[Instrument] = cython.address(self.instruments[instr])
        ticks: i64 = price // it.tick
        left: i64 = total - order.filled
        stays: cython.bint = order.flags & STOP != 0  # it is in no queue, and keeps its trigger's place
        keeps: cython.bint = price == order.ticks * it.tick and left <= order.open
        if order.flags & WAITING or it.state == CALL_LOCKED:
            return PHASE_CLOSED
        if it.state >= HALTED and not keeps:
            return NO_ENTRY_HALTED if it.state == HALTED else PHASE_CLOSED
        if ticks * it.tick != price:
            return OFF_TICK
        self.hold = 0
        if ticks == order.ticks and left == order.open:
            self._reserve()
            event: cython.pointer[Event] = self._order_event(AMENDED, order)
            event.reason = BY_USER
            return ACCEPTED
        if ticks != order.ticks and (ticks < it.lo or ticks > it.hi):
            return PRICE_OUT_OF_BAND
        if total % it.lot != 0:
            return OFF_LOT
        if left <= 0:
            return BELOW_FILLED
        if total < it.qty_min:
            return BELOW_MIN_QTY
        if total > it.qty_max:
            return ABOVE_MAX_QTY
        more: i64 = left - order.open
        hold: i64 = more
        if order.side == BUY:
            if more > 0 and it.holding_max and position.free + position.held + position.buys + more > it.holding_max:
                return ABOVE_POSITION_LIMIT
            hold = buy_hold(it, ticks, left, order.fee_base, order.fee_paid)
            hold -= buy_hold(it, order.ticks, order.open, order.fee_base, order.fee_paid)
            if hold > owner.free:
                return INSUFFICIENT_FUNDS
        elif more > 0 and more > position.free - self.locked(account, instr):
            return INSUFFICIENT_BOTTLES
        if it.state == CONTINUOUS and not keeps and order.flags & POSTED and self._crosses(instr, order.side, ticks):
            return WOULD_CROSS

        self.hold = hold
        self._reserve()
        if keeps and not stays:
            self._reduce_resting(order, -more, BY_USER)
            return ACCEPTED
        before: i64 = order.ticks * it.tick
        if not stays:
            self._unlink(order)
        order.ticks = ticks
        order.open = left
        if order.side == BUY:
            owner.free -= hold
            owner.held += hold
            position.buys += more
        else:
            position.free -= hold
            position.held += hold
        event = self._order_event(AMENDED, order)
        event.reason = BY_USER
        event.price_before = before
        event.release = -hold
        if stays:
            return ACCEPTED
        ended: cython.int = self._match(order, it, instr) if it.state == CONTINUOUS else MATCHED
        if order.open and ended != PREVENTED:
            if order.flags & ICEBERG:
                self.icebergs[oid][1] = min(self.icebergs[oid][0], order.open)
            self._rest(slot)
        else:
            if order.open:
                self._reserve()
                self._retire(order, BY_SELF_TRADE)
            self._unbind(oid)
            self._give_slot(slot)
        if ended == INTERRUPTED:
            self._reserve()
            self._order_event(INTERRUPTION, order)
        return ACCEPTED

    @cython.ccall
    @cython.exceptval(-1, check=False)
    def cancel(self, oid: i64, account: i32) -> i32:
        """Cancel an account's resting order; return 0, or the code of the refusal."""
        slot: i32 = self._slot(oid)
        if slot == 0 or self.positions[self.orders[slot].position].account != account:
            return UNKNOWN_ORDER
        if self.instruments[self.positions[self.orders[slot].position].instr].state == CALL_LOCKED:
            return PHASE_CLOSED
        self._reserve()
        self._cancel(slot, BY_USER)
        return ACCEPTED

    def trigger(self, oid: i64, how: i32) -> tuple[int, int]:
        """Enter a stop as an order of this kind; return its price in fen, and what it released before.

        A market order's limit is the band's edge now, and for a buy never above what it holds for.
        """
        slot: i32 = self._slot(oid)
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        position: cython.pointer[Position] = cython.address(self.positions[order.position])
        instr: i32 = position.instr
        it: cython.pointer[Instrument] = cython.address(self.instruments[instr])
        released: i64 = 0
        order.flags &= ~STOP
        if how & MARKET and order.side == SELL:
            order.ticks = it.lo
        elif how & MARKET and order.ticks > it.hi:
            released = buy_hold(it, order.ticks, order.open, order.fee_base, order.fee_paid)
            order.ticks = it.hi
            released -= buy_hold(it, order.ticks, order.open, order.fee_base, order.fee_paid)
            self.accounts[position.account].held -= released
            self.accounts[position.account].free += released
        price: i64 = order.ticks * it.tick
        ended: cython.int = MATCHED
        rests: cython.bint = how & (TIF_MASK | MARKET) == GTC
        reason: i32 = BY_IOC if how & TIF_MASK else BY_MARKET
        if order.ticks < it.lo or order.ticks > it.hi:
            rests, reason = False, BY_BAND
        elif how & TIF_MASK != FOK or self._fills(position.account, instr, order.side, order.ticks, order.open):
            ended = self._match(order, it, instr)
            if ended == PREVENTED:
                rests, reason = False, BY_SELF_TRADE
        if order.open and rests:
            self._rest(slot)
        else:
            if order.open:
                self._reserve()
                self._retire(order, reason)
            self._unbind(oid)
            self._give_slot(slot)
        if ended == INTERRUPTED:
            self._reserve()
            self._order_event(INTERRUPTION, order)
        return price, released

    def equilibrium(self, instr: i32, ref: i64) -> tuple[int, int, int]:
        """What a call would trade if it ended now: price, quantity, surplus of buys; price 0 when nothing crosses.

        RULES §6, after SGX 8.2.1, CME's indicative opening price and ASX 2002. Candidates are all ticks between the
        lowest and the highest limit: most quantity, least surplus, then the highest when buys stay over at all that
        are left, the lowest when sells do, else the nearest to `ref`, of two the higher. Between two occupied ticks
        nothing changes, so each gap is weighed once. Icebergs count whole. O(levels).
        """
        bids: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + BUY])
        asks: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + SELL])
        tick: i64 = self.instruments[instr].tick
        more_bids: dict = self._hidden_at(instr, BUY)
        more_asks: dict = self._hidden_at(instr, SELL)
        demand: i64 = self.waiting[2 * instr + BUY].qty
        supply: i64 = self.waiting[2 * instr + SELL].qty
        bid: i64 = self._occupied_from(bids, 0)
        while bid != NO_ASK:
            demand += self._level(bids, bid).qty
            bid = self._occupied_from(bids, bid + 1)
        demand += sum(more_bids.values())
        bid = self._occupied_from(bids, 0)
        ask: i64 = self._occupied_from(asks, 0)
        if bid == NO_ASK and ask == NO_ASK:
            traded: i64 = demand if demand < supply else supply
            if traded == 0:
                return 0, 0, 0
            return ref, traded, demand - supply
        best_qty: i64 = 0
        best_surplus: i64 = 0  # its size
        lowest: i64 = 0  # of the ticks as good as any so far, and what they have in common
        highest: i64 = 0
        nearest: i64 = 0
        all_buys: cython.bint = False
        all_sells: cython.bint = False
        surplus_at_nearest: i64 = 0
        surplus_at_lowest: i64 = 0
        surplus_at_highest: i64 = 0
        at: i64 = bid if bid < ask else ask
        while at != NO_ASK:
            leaving: i64 = 0
            if ask == at:
                supply += self._level(asks, at).qty
                if more_asks:
                    supply += more_asks.get(at, 0)
                ask = self._occupied_from(asks, at + 1)
            if bid == at:
                leaving = self._level(bids, at).qty
                if more_bids:
                    leaving += more_bids.get(at, 0)
                bid = self._occupied_from(bids, at + 1)
            following: i64 = bid if bid < ask else ask
            first: i64 = at
            last: i64 = at
            for _ in range(2):  # the tick itself, then the gap above it
                qty: i64 = demand if demand < supply else supply
                surplus: i64 = demand - supply
                size: i64 = surplus if surplus > 0 else -surplus
                if qty > best_qty or (qty == best_qty and qty > 0 and size < best_surplus):
                    best_qty, best_surplus = qty, size
                    all_buys = all_sells = True
                    lowest, surplus_at_lowest = first, surplus
                    nearest = -1
                if qty == best_qty and qty > 0 and size == best_surplus:
                    all_buys = all_buys and surplus > 0
                    all_sells = all_sells and surplus < 0
                    highest, surplus_at_highest = last, surplus
                    near: i64 = (ref + tick // 2) // tick  # the tick nearest to the reference, of two the higher
                    near = first if near < first else last if near > last else near
                    if nearest < 0 or abs(near * tick - ref) <= abs(nearest * tick - ref):
                        nearest, surplus_at_nearest = near, surplus
                demand -= leaving
                leaving = 0
                first = at + 1
                last = following - 1
                if following == NO_ASK or first > last:
                    break
            at = following
        if best_qty == 0:
            return 0, 0, 0
        if all_buys:
            return highest * tick, best_qty, surplus_at_highest
        if all_sells:
            return lowest * tick, best_qty, surplus_at_lowest
        return nearest * tick, best_qty, surplus_at_nearest

    @cython.cfunc
    @cython.exceptval(check=False)
    def _occupied_from(self, ladder: cython.pointer[Ladder], ticks: i64) -> i64:
        """The lowest occupied tick from here on up, NO_ASK when there is none."""
        if ladder.pages == 0:
            return NO_ASK
        number: i64 = (ticks >> 6) - ladder.first
        bits: u64 = 0
        if number < 0:
            number = -1
        elif number < ladder.n_pages:
            bits = self.pages[ladder.pages + number].bits >> (ticks & 63) << (ticks & 63)
        if bits == 0:
            number += 1
            group: i64 = number >> 6
            if number >= ladder.n_pages:
                return NO_ASK
            bits = self.groups[ladder.groups + group] >> (number & 63) << (number & 63)
            while bits == 0:
                group += 1
                if group * 64 >= ladder.n_pages:
                    return NO_ASK
                bits = self.groups[ladder.groups + group]
            number = group * 64 + trailing_zeros(bits)
            bits = self.pages[ladder.pages + number].bits
        return (ladder.first + number) * 64 + trailing_zeros(bits)

    @cython.cfunc
    def _hidden_at(self, instr: i32, side: i32) -> dict:
        """What the icebergs of a side do not show, by tick."""
        found: dict = {}
        for oid, (_, shown) in self.icebergs.items():
            order: cython.pointer[Order] = cython.address(self.orders[self._slot(oid)])
            if self.positions[order.position].instr == instr and order.side == side:
                found[order.ticks] = found.get(order.ticks, 0) + order.open - shown
        return found

    def uncross(self, instr: i32, price: i64) -> int:
        """Trade all that crosses at one price, which the caller found; return the quantity.

        Market orders first, then by price, then time; icebergs with all they have. Both sides pay the maker's rate
        and self-trade prevention does not act. Market orders that wait are cancelled then.
        """
        it: cython.pointer[Instrument] = cython.address(self.instruments[instr])
        total: i64 = 0
        while price > 0:
            buy_slot: i32 = self._front(instr, BUY, price // it.tick)
            sell_slot: i32 = self._front(instr, SELL, price // it.tick)
            if buy_slot == 0 or sell_slot == 0:
                break
            buy: cython.pointer[Order] = cython.address(self.orders[buy_slot])
            sell: cython.pointer[Order] = cython.address(self.orders[sell_slot])
            qty: i64 = buy.open if buy.open < sell.open else sell.open
            self._reserve()
            self._take(buy, qty)
            self._take(sell, qty)
            self._settle(buy, sell, it, price, qty, it.maker_bp)
            self.events[self.events_used - 1].side = NEITHER
            total += qty
            self._leave(buy_slot)
            self._leave(sell_slot)
        for side in (BUY, SELL):
            while self.waiting[2 * instr + side].head:
                self._reserve()
                self._cancel(self.waiting[2 * instr + side].head, BY_MARKET)
        for oid in list(self.icebergs):
            slot: i32 = self._slot(oid)
            order: cython.pointer[Order] = cython.address(self.orders[slot])
            if self.positions[order.position].instr == instr:
                level: cython.pointer[Level] = self._level(self._ladder(order), order.ticks)
                level.qty -= self._shown(order)
                self.icebergs[oid][1] = min(self.icebergs[oid][0], order.open)
                level.qty += self._shown(order)
        return total

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _front(self, instr: i32, side: i32, ticks: i64) -> i32:
        """The order that trades next in an uncross at this price, 0 when there is none."""
        if self.waiting[2 * instr + side].head:
            return self.waiting[2 * instr + side].head
        ladder: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + side])
        if ladder.pages == 0 or (ladder.best < ticks if side == BUY else ladder.best > ticks):
            return 0
        return self._level(ladder, ladder.best).head

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _take(self, order: cython.pointer[Order], qty: i64) -> cython.int:
        """Take a fill of an uncross off an order and off what its level shows."""
        if order.flags & WAITING:
            order.open -= qty
            self._waiting_queue(order).qty -= qty
            return 0
        level: cython.pointer[Level] = self._level(self._ladder(order), order.ticks)
        level.qty -= self._shown(order)
        order.open -= qty
        if order.flags & ICEBERG and self.icebergs[order.oid][1] > order.open:
            self.icebergs[order.oid][1] = order.open
        level.qty += self._shown(order)
        return 0

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _leave(self, slot: i32) -> cython.int:
        """Let an order that an uncross has filled go."""
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        if order.open:
            return 0
        if order.flags & WAITING:
            self._remove(self._waiting_queue(order), order, 0)
        else:
            self._unlink(order)
        self._unbind(order.oid)
        self._give_slot(slot)
        return 0

    def withdraw_order(self, oid: i64, reason: i32) -> None:
        """Take a resting order out of the book for a reason that is not its owner's."""
        self._reserve()
        self._cancel(self._slot(oid), reason)

    # --------------------------------------------------------------------------------------------- door: batch

    def run(self, commands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run commands of COMMAND_DTYPE in order; return a code for each (int8), and all events as EVENT_DTYPE.

        Raises TypeError when the array is not contiguous or not of that type.
        """
        if commands.dtype != COMMAND_DTYPE or not commands.flags.c_contiguous:
            raise TypeError("commands must be a contiguous array of COMMAND_DTYPE")
        codes = np.empty(len(commands), np.int8)
        self.events_used = 0
        if cython.compiled:
            source = cython.declare(Py_buffer)
            target = cython.declare(Py_buffer)
            PyObject_GetBuffer(commands, cython.address(source), PyBUF_SIMPLE)
            PyObject_GetBuffer(codes, cython.address(target), PyBUF_WRITABLE)
            try:
                self._run(
                    cython.cast(cython.pointer[Command], source.buf),
                    cython.cast(cython.pointer[cython.schar], target.buf),
                    len(codes),
                )
            finally:
                PyBuffer_Release(cython.address(source))
                PyBuffer_Release(cython.address(target))
            events = np.empty(self.events_used, EVENT_DTYPE)
            if self.events_used:
                PyObject_GetBuffer(events, cython.address(target), PyBUF_WRITABLE)
                memcpy(target.buf, self.events, target.len)
                PyBuffer_Release(cython.address(target))
            self.events_used = 0
        else:
            self._run([record_of(Command, row) for row in commands.tolist()], codes, len(codes))
            events = np.array(self.drain(), EVENT_DTYPE)
        return codes, events

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _run(
        self, commands: cython.pointer[Command], codes: cython.pointer[cython.schar], count: cython.Py_ssize_t
    ) -> cython.int:
        at: cython.Py_ssize_t
        coming: cython.Py_ssize_t
        step: cython.int
        far: cython.bint = cython.compiled and self.orders_used > NEAR_ORDERS
        for at in range(count):
            if far:
                for step in range(FETCHES):
                    coming = at + (FETCHES - step) * FETCH_AHEAD
                    if coming < count:
                        self._fetch(cython.address(commands[coming]), step)
            command: cython.pointer[Command] = cython.address(commands[at])
            if command.op == OP_PLACE:
                codes[at] = self.place(
                    command.oid, command.account, command.instr, command.side, command.price, command.qty, command.how
                )
            elif command.op == OP_CANCEL:
                codes[at] = self.cancel(command.oid, command.account)
            else:
                codes[at] = MALFORMED
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _fetch(self, command: cython.pointer[Command], step: cython.int) -> cython.void:
        """Ask memory for one record that a coming command will need, further down their chain with each step.

        With a million live orders each record is a cache miss away from the one before: id, order, position, ladder,
        page, level, neighbour. Asked for while other commands run, none is waited for. Only a hint: what it reads may
        be out of date by the time the command runs.
        """
        instr: i32 = command.instr
        side: i32 = command.side
        ticks: i64 = command.price
        if command.op == OP_CANCEL:
            number: i64 = command.oid >> ID_BITS
            if number < 0 or number >= self.id_pages_used:
                return
            place: i64 = self.id_pages[number].slots * ID_PAGE + (command.oid & (ID_PAGE - 1))
            if step == 0:
                prefetch(cython.address(self.id_slots[place]))
                return
            order: cython.pointer[Order] = cython.address(self.orders[self.id_slots[place]])
            if step == 1:
                prefetch(order)
                return
            if step == 2:
                prefetch(cython.address(self.positions[order.position]))
                prefetch(cython.address(self.orders[order.prev]))
                prefetch(cython.address(self.orders[order.next]))
                return
            instr = self.positions[order.position].instr
            side = order.side
            ticks = order.ticks
        elif instr <= 0 or instr >= self.instruments_used:
            return
        else:
            ticks //= self.instruments[instr].tick
            entry: i64 = scatter(command.account, instr) & self.position_table_mask
            if step == 0:
                prefetch(cython.address(self.position_table[entry]))
            elif step == 1:
                prefetch(cython.address(self.positions[self.position_table[entry]]))
        ladder: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + (side & 1)])
        if step == 3:
            prefetch(cython.address(self.instruments[instr]))
            prefetch(ladder)
        if step <= 3 or ladder.pages == 0:
            return
        if command.op == OP_PLACE and self._crosses(instr, side & 1, ticks):
            ladder = cython.address(self.ladders[2 * instr + 1 - (side & 1)])
            ticks = ladder.best
        page: i64 = (ticks >> 6) - ladder.first
        if page < 0 or page >= ladder.n_pages:
            return
        if step == 4:
            prefetch(cython.address(self.pages[ladder.pages + page]))
        elif step == 5:
            prefetch(self._level(ladder, ticks))
        else:
            prefetch(cython.address(self.orders[self._level(ladder, ticks).head]))
            prefetch(cython.address(self.orders[self._level(ladder, ticks).tail]))

    def drain(self) -> list[tuple[int, ...]]:
        """Return the events since the last drain as tuples in the order of EVENT_DTYPE, and forget them."""
        at: i64
        events: list = []
        for at in range(self.events_used):
            event: cython.pointer[Event] = cython.address(self.events[at])
            events.append(
                (
                    event.kind,
                    event.instr,
                    event.side,
                    event.reason,
                    event.account,
                    event.maker_account,
                    event.oid,
                    event.maker_oid,
                    event.price,
                    event.price_before,
                    event.qty,
                    event.open,
                    event.maker_open,
                    event.fee,
                    event.maker_fee,
                    event.filled,
                    event.release,
                )
            )
        self.events_used = 0
        return events

    # ----------------------------------------------------------------------------------- doors: cold, validated

    def add_account(self) -> int:
        """Open an account and return its index."""
        used: i64 = self.accounts_used
        self.accounts = cython.cast(
            cython.pointer[Account], grow(self.accounts, cython.sizeof(Account), used, used + 1)
        )
        self.accounts[used].group = used
        self.accounts_used = used + 1
        return used

    def add_instrument(
        self,
        tick: i64,
        lot: i64,
        qty_min: i64,
        holding_max: i64,
        maker_bp: i64,
        taker_bp: i64,
        fee_min: i64,
        stp: i32,
        lock_days: i32,
    ) -> int:
        """List an instrument, open for trading but with an empty band, and return its index."""
        used: i64 = self.instruments_used
        self.instruments = cython.cast(
            cython.pointer[Instrument], grow(self.instruments, cython.sizeof(Instrument), used, used + 1)
        )
        self.ladders = cython.cast(
            cython.pointer[Ladder], grow(self.ladders, cython.sizeof(Ladder), 2 * used, 2 * used + 2)
        )
        self.waiting = cython.cast(
            cython.pointer[Level], grow(self.waiting, cython.sizeof(Level), 2 * used, 2 * used + 2)
        )
        self.instruments_used = used + 1
        it: cython.pointer[Instrument] = cython.address(self.instruments[used])
        it.tick = tick
        it.lot = lot
        it.qty_min = qty_min
        it.holding_max = holding_max
        it.guard_hi = NO_ASK
        it.stp = stp
        it.lock_days = lock_days
        self._set_rates(it, maker_bp, taker_bp, fee_min)
        it.state = CONTINUOUS
        self.ladders[2 * used + SELL].best = NO_ASK
        return used

    @cython.cfunc
    @cython.exceptval(check=False)
    def _set_rates(self, it: cython.pointer[Instrument], maker_bp: i64, taker_bp: i64, fee_min: i64) -> cython.void:
        it.maker_bp = maker_bp
        it.taker_bp = taker_bp
        it.fee_min = fee_min
        it.charges = maker_bp > 0 or taker_bp > 0 or fee_min > 0

    def set_guard(self, instr: i32, lo: i64, hi: i64) -> None:
        """Set the ticks between which trades are made without an interruption, inclusive."""
        self.instruments[instr].guard_lo = lo
        self.instruments[instr].guard_hi = hi

    def set_day(self, instr: i32, day: i32) -> None:
        """Say what day it is; bottles that are locked until then may be sold."""
        self.instruments[instr].day = day
        for key in [key for key in self.locks if key[1] == instr]:
            days = {until: qty for until, qty in self.locks[key].items() if until > day}
            if days:
                self.locks[key] = days
            else:
                del self.locks[key]

    @cython.cfunc
    def _trim_locks(self, account: i32, instr: i32) -> cython.void:
        """Forget locks on bottles that an account has no more, the oldest first."""
        days: dict = self.locks.get((account, instr), {})
        index: i32 = self._find(account, instr)
        more: i64 = self.locked(account, instr) - self.positions[index].free - self.positions[index].held
        for day in list(days):
            gone: i64 = min(more, days[day])
            if gone <= 0:
                break
            more -= gone
            days[day] -= gone
            if days[day] == 0:
                del days[day]
        if not days:
            self.locks.pop((account, instr), None)

    def set_fees(self, instr: i32, maker_bp: i64, taker_bp: i64, fee_min: i64, buys: list[int]) -> None:
        """Set the fees and hold the instrument's open `buys` anew, in this order; cancel those not covered any more."""
        it: cython.pointer[Instrument] = cython.address(self.instruments[instr])
        helds: list = [self._held(self._slot(oid)) for oid in buys]
        self._set_rates(it, maker_bp, taker_bp, fee_min)
        for oid, held in zip(buys, helds, strict=True):
            slot: i32 = self._slot(oid)
            order: cython.pointer[Order] = cython.address(self.orders[slot])
            owner: cython.pointer[Account] = cython.address(self.accounts[self.positions[order.position].account])
            more: i64 = self._held(slot) - held
            owner.free -= more
            owner.held += more
            self._reserve()
            if owner.free < 0:
                self._cancel(slot, BY_FEES)
                self.events[self.events_used - 1].release = held  # what it held before is what the books know
            elif more:
                event: cython.pointer[Event] = self._order_event(AMENDED, order)
                event.reason = BY_FEES
                event.release = -more

    @cython.cfunc
    def _held(self, slot: i32) -> i64:
        """Fen that an open buy holds."""
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        it: cython.pointer[Instrument] = cython.address(self.instruments[self.positions[order.position].instr])
        return buy_hold(it, order.ticks, order.open, order.fee_base, order.fee_paid)

    def set_band(self, instr: i32, lo: i64, hi: i64, qty_max: i64) -> None:
        """Set the band, in ticks, and the largest order; cancel what rests outside, oldest first.

        Outside is also what has become so large at the new upper edge that its cost or its fees would not fit.
        """
        it: cython.pointer[Instrument] = cython.address(self.instruments[instr])
        outside = [
            order[0]
            for order in (*self.queue(instr, BUY), *self.queue(instr, SELL))
            if not lo * it.tick <= order[2] <= hi * it.tick
            or order[3] > AMOUNT_MAX // (hi * it.tick)
            or order[5] > FEE_BASE_MAX - order[3] * hi * it.tick * FEE_BP_MAX
        ]
        if lo != it.lo or hi != it.hi:
            outside += [order[0] for side in (BUY, SELL) for order in self.waiting_orders(instr, side)]
        for oid in sorted(outside):
            self._reserve()
            self._cancel(self._slot(oid), BY_BAND)
        it.lo = lo
        it.hi = hi
        it.qty_max = qty_max
        self._move_ladder(cython.address(self.ladders[2 * instr + BUY]), it)
        self._move_ladder(cython.address(self.ladders[2 * instr + SELL]), it)

    @cython.cfunc
    @cython.exceptval(-1, check=False)
    def _move_ladder(self, ladder: cython.pointer[Ladder], it: cython.pointer[Instrument]) -> cython.int:
        """Give a ladder pages for the new band; those that both bands cover keep their levels."""
        if ladder.pages == 0:
            return 0
        first: i64 = ladder.first
        pages: i32 = ladder.pages
        groups: i32 = ladder.groups
        count: i64 = ladder.n_pages
        number: i64
        moved: i64
        self._open_ladder(ladder, it)
        for number in range(count):
            page: cython.pointer[Page] = cython.address(self.pages[pages + number])
            moved = first + number - ladder.first
            if 0 <= moved < ladder.n_pages:
                self.pages[ladder.pages + moved].bits = page.bits
                self.pages[ladder.pages + moved].levels = page.levels
                if page.bits:
                    self.groups[ladder.groups + (moved >> 6)] |= cython.cast(u64, 1) << (moved & 63)
            elif page.levels:
                self.levels[page.levels * 64].head = self.level_page_free
                self.level_page_free = page.levels
            page.bits = 0
            page.levels = 0
            self.groups[groups + (number >> 6)] = 0
        self.ladders_free.setdefault(count, []).append((pages, groups))
        return 0

    def set_group(self, account: i32, group: i64) -> None:
        """Put an account into a group of accounts that must not trade with each other."""
        self.accounts[account].group = group

    def set_state(self, instr: i32, state: i32) -> None:
        """Let an instrument trade, collect, halt or close: CONTINUOUS, CALL, CALL_LOCKED, HALTED, CLOSED."""
        self.instruments[instr].state = state

    def add_cash(self, account: i32, free: i64, held: i64 = 0) -> None:
        """Add fen to an account, or take them; that there are enough is the caller's to see."""
        self.accounts[account].free += free
        self.accounts[account].held += held

    def add_bottles(self, account: i32, instr: i32, free: i64, held: i64 = 0) -> None:
        """Add bottles to an account, or take them; that there are enough is the caller's to see."""
        index: i32 = self._find(account, instr)
        if index == 0:
            index = self._open_position(account, instr)
        self.positions[index].free += free
        self.positions[index].held += held
        if self.instruments[instr].lock_days and (free < 0 or held < 0):
            self._trim_locks(account, instr)

    def load_lock(self, account: i32, instr: i32, day: int, qty: int) -> None:
        """Take up a lock of a snapshot."""
        self.locks.setdefault((account, instr), {})[day] = qty

    def all_locks(self) -> list[tuple[int, int, int, int]]:
        """(account, instr, day, bottles) of every lock."""
        return [(*key, day, qty) for key, days in self.locks.items() for day, qty in days.items()]

    def load_order(
        self,
        oid: i64,
        account: i32,
        price: i64,
        open: i64,
        filled: i64,
        fee_base: i64,
        fee_paid: i64,
        flags: i32,
        display: i64,
        shown: i64,
        instr: i32,
        side: i32,
    ) -> None:
        """Rest an order of a snapshot at the end of its queue; what it holds is loaded with the balances."""
        index: i32 = self._find(account, instr)
        if index == 0:
            index = self._open_position(account, instr)
        slot: i32 = self._take_slot()
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        order.oid = oid
        order.ticks = price // self.instruments[instr].tick
        order.open = open
        order.filled = filled
        order.fee_base = fee_base
        order.fee_paid = fee_paid
        order.position = index
        order.side = side
        order.flags = flags
        if flags & ICEBERG:
            self.icebergs[oid] = [display, shown]
        if side == BUY:
            self.positions[index].buys += open
        if flags & WAITING:
            self._append(self._waiting_queue(order), slot, open)
        elif not flags & STOP:
            self._rest(slot)
        self._bind(oid, slot)

    # ------------------------------------------------------------------------------------------ doors: reading

    def cash(self, account: i32) -> tuple[int, int]:
        """Fen free and held."""
        return self.accounts[account].free, self.accounts[account].held

    def bottles(self, account: i32, instr: i32) -> tuple[int, int]:
        """Bottles free and held."""
        index: i32 = self._find(account, instr)
        return self.positions[index].free, self.positions[index].held

    def all_positions(self) -> list[tuple[int, int, int, int, int]]:
        """(account, instr, free, held, open buys) of every position, in order of opening."""
        return [
            (
                self.positions[index].account,
                self.positions[index].instr,
                self.positions[index].free,
                self.positions[index].held,
                self.positions[index].buys,
            )
            for index in range(1, self.positions_used)
        ]

    def level(self, instr: i32, side: i32, price: i64) -> int:
        """Quantity at a price, 0 where none rests. O(1)."""
        ladder: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + side])
        ticks: i64 = price // self.instruments[instr].tick
        number: i64 = (ticks >> 6) - ladder.first
        if ladder.pages == 0 or number < 0 or number >= ladder.n_pages or not self.pages[ladder.pages + number].levels:
            return 0
        return self._level(ladder, ticks).qty

    def depth(self, instr: i32, side: i32, levels: int) -> list[tuple[int, int]]:
        """The best `levels` levels of a side as (price, quantity), best first; all of them for 0."""
        found: list = []
        at: i64
        number: i64
        bit: i64
        bits: u64
        ladder: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + side])
        tick: i64 = self.instruments[instr].tick
        for at in range(ladder.n_pages if ladder.pages else 0):
            number = ladder.n_pages - 1 - at if side == BUY else at
            bits = self.pages[ladder.pages + number].bits
            while bits:
                bit = 63 - leading_zeros(bits) if side == BUY else trailing_zeros(bits)
                bits &= ~(cython.cast(u64, 1) << bit)
                ticks: i64 = (ladder.first + number) * 64 + bit
                found.append((ticks * tick, self._level(ladder, ticks).qty))
                if len(found) == levels:
                    return found
        return found

    def order(self, oid: i64) -> tuple[int, ...] | None:
        """A resting order as the arguments of `load_order`, or None."""
        slot: i32 = self._slot(oid)
        return self._order(slot) if slot else None

    @cython.cfunc
    def _order(self, slot: i32) -> tuple:
        order: cython.pointer[Order] = cython.address(self.orders[slot])
        position: cython.pointer[Position] = cython.address(self.positions[order.position])
        price: i64 = order.ticks * self.instruments[position.instr].tick
        display, shown = self.icebergs.get(order.oid, (0, 0))
        return (
            order.oid,
            position.account,
            price,
            order.open,
            order.filled,
            order.fee_base,
            order.fee_paid,
            order.flags,
            display,
            shown,
            position.instr,
            order.side,
        )

    def queue(self, instr: i32, side: i32) -> list[tuple[int, ...]]:
        """Every resting order of a side as `order` gives it, by price, then time."""
        found: list = []
        ladder: cython.pointer[Ladder] = cython.address(self.ladders[2 * instr + side])
        for price, _ in self.depth(instr, side, 0):
            found += self._queue(self._level(ladder, price // self.instruments[instr].tick))
        return found

    def waiting_orders(self, instr: i32, side: i32) -> list[tuple[int, ...]]:
        """The market orders that wait in a call as `order` gives them, oldest first."""
        return self._queue(cython.address(self.waiting[2 * instr + side]))

    @cython.cfunc
    def _queue(self, queue: cython.pointer[Level]) -> list:
        found: list = []
        slot: i32 = queue.head
        while slot:
            found.append(self._order(slot))
            slot = self.orders[slot].next
        return found
