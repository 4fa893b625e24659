"""What can go wrong on the durable side. A fault stops the exchange; it is never an answer to a client."""


class LedgerError(Exception):
    """Base of this tree:

    LedgerError
    ├── JournalBusy       another process writes this journal
    ├── JournalFault      a commit failed, so its outcome is unknown
    ├── JournalCorrupt    what is read is not what was written
    ├── ProjectionFault   the books could not be kept
    └── UnbalancedEntry   an entry creates or destroys something
    """


class JournalBusy(LedgerError):
    pass


class JournalFault(LedgerError):
    pass


class JournalCorrupt(LedgerError):
    pass


class ProjectionFault(LedgerError):
    pass


class UnbalancedEntry(LedgerError):
    pass
