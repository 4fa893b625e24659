"""Faults of the durable side. Refused business is never one of these: see `engine.reject`."""


class LedgerError(Exception):
    """Base of everything the ledger raises.

    LedgerError
    |-- BadDatabase       what was given is no database that we can use
    |-- NoDatabase        the database server does not answer, or does not let us in
    |-- DataInUse         another process writes this data; `pid`
    |-- JournalFault      a commit failed and its outcome is unknown: stop, recover, let clients ask
    |-- JournalCorrupt    the journal is not what was written; `seq_good` is the last command that can be trusted
    |-- UnbalancedEntry   an entry that does not sum to zero; `entry`
    |-- Overdrawn         a customer's account would go below zero; `account`
    |-- ProjectorFault    the ledger could not follow the journal
    `-- RecoveryRefused   the files do not belong together; nothing was opened
    """


class BadDatabase(LedgerError):
    pass


class NoDatabase(LedgerError):
    pass


class DataInUse(LedgerError):
    def __init__(self, place: object, pid: int | None, where: str = "") -> None:
        """`where` says more about the process, such as its host."""
        holder = f"process {pid}{where}" if pid else "another process"
        super().__init__(f"{place} is in use by {holder}; stop that one first")
        self.pid = pid


class JournalFault(LedgerError):
    pass


class JournalCorrupt(LedgerError):
    def __init__(self, place: str, why: str, seq_good: int) -> None:
        super().__init__(f"journal: {place}: {why}; the last good command is {seq_good}")
        self.place = place
        self.why = why
        self.seq_good = seq_good


class UnbalancedEntry(LedgerError):
    def __init__(self, entry: object, out_by: dict[str, int]) -> None:
        super().__init__(f"out by {out_by}: {entry}")
        self.entry = entry
        self.out_by = out_by


class Overdrawn(LedgerError):
    def __init__(self, account: object, amount: int) -> None:
        super().__init__(f"account {account} would stand at {amount}")
        self.account = account


class ProjectorFault(LedgerError):
    pass


class RecoveryRefused(LedgerError):
    pass
