"""What operators set for single accounts: whether they are blocked, and how often they may order."""

from sqlalchemy import delete, insert

from gateway.access.tables import accounts
from gateway.store import Account, Store


async def set_account(store: Store, account: Account) -> None:
    """Keep it, and act on it from now on. A blocked account may look, and do nothing."""
    async with store.shop.begin() as db:
        await db.execute(delete(accounts).where(accounts.c.acct == account.acct))
        await db.execute(insert(accounts).values(account._asdict()))
    store.accounts[account.acct] = account
