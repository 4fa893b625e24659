# C types for the names that kernel.py imports from engine.codes, and the two bit scans that C has and Python has not.

cdef extern from *:
    int trailing_zeros "__builtin_ctzll"(unsigned long long word) noexcept
    int leading_zeros "__builtin_clzll"(unsigned long long word) noexcept
    void prefetch "__builtin_prefetch"(const void *address) noexcept

cdef int BUY, SELL, GTC, IOC, FOK, TIF_MASK, POST, MARKET, HOW_END, POSTED, ICEBERG
cdef int NEITHER, WAITING, STOP, HOW_STOP, CONTINUOUS, CALL, CALL_LOCKED, HALTED, CLOSED, STP_NONE, STP_NEWEST, STP_OLDEST, STP_BOTH, STP_DECREMENT
cdef int BY_USER, BY_IOC, BY_MARKET, BY_SELF_TRADE, BY_BAND, BY_EXPIRY, BY_FEES
cdef int BELOW_FILLED, WOULD_CROSS, NOT_FILLABLE, AMENDED
cdef int ACCEPTED, MALFORMED, DUPLICATE_ID, UNKNOWN_INSTRUMENT, NO_ENTRY_HALTED, PHASE_CLOSED, UNKNOWN_ORDER
cdef int OFF_TICK, PRICE_OUT_OF_BAND, OFF_LOT, BELOW_MIN_QTY, ABOVE_MAX_QTY, ABOVE_POSITION_LIMIT
cdef int INSUFFICIENT_FUNDS, INSUFFICIENT_BOTTLES
cdef int MATCHED, PREVENTED, INTERRUPTED
cdef int TRADED, CANCELLED, INTERRUPTION, OP_PLACE, OP_CANCEL
cdef int FEES, ID_BITS, ID_PAGE
cdef long long NO_ASK, OID_MAX
