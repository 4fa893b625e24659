"""The ledger's tables. Entries, postings and trades are immutable; balances and orders are their running totals."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
Int = BigInteger().with_variant(Integer, "sqlite")

accounts = Table(
    "accounts",
    metadata,
    Column("id", Int, primary_key=True, autoincrement=False),
    Column("acct", Int, nullable=False),
    Column("asset", Text, nullable=False),
    Column("kind", Text, nullable=False),
    UniqueConstraint("acct", "asset", "kind"),
    sqlite_strict=True,
)
entries = Table(
    "entries",
    metadata,
    Column("id", Int, primary_key=True, autoincrement=False),
    Column("seq", Int, nullable=False),
    Column("ts", Int, nullable=False),
    Column("kind", Text, nullable=False),
    sqlite_strict=True,
)
postings = Table(
    "postings",
    metadata,
    Column("id", Int, primary_key=True, autoincrement=False),
    Column("entry_id", Int, ForeignKey("entries.id"), nullable=False),
    Column("account_id", Int, ForeignKey("accounts.id"), nullable=False),
    Column("amount", Int, nullable=False),
    CheckConstraint("amount <> 0", name="moves_something"),
    Index("postings_by_account", "account_id", "id"),
    sqlite_strict=True,
)
balances = Table(
    "balances",
    metadata,
    Column("account_id", Int, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("amount", Int, nullable=False),
    Column("contra", SmallInteger().with_variant(Integer, "sqlite"), nullable=False),
    CheckConstraint("amount >= 0 OR contra = 1", name="never_below_zero"),
    sqlite_strict=True,
)
orders = Table(
    "orders",
    metadata,
    Column("oid", Int, primary_key=True, autoincrement=False),
    Column("acct", Int, nullable=False),
    Column("cid", Text, nullable=False),
    Column("sym", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("px", Int, nullable=False),
    Column("qty", Int, nullable=False),
    Column("tif", Text, nullable=False),
    Column("filled", Int, nullable=False),
    Column("open", Int, nullable=False),
    Column("fee", Int, nullable=False),
    Column("reason", Text, nullable=False),  # why it was cancelled, else empty
    Column("seq", Int, nullable=False),
    Column("ts", Int, nullable=False),
    CheckConstraint("open >= 0 AND filled >= 0 AND filled + open <= qty", name="adds_up"),
    UniqueConstraint("acct", "cid"),
    Index("orders_by_account", "acct", "oid"),
    sqlite_strict=True,
)
trades = Table(
    "trades",
    metadata,
    Column("id", Int, primary_key=True, autoincrement=False),
    Column("seq", Int, nullable=False),
    Column("ts", Int, nullable=False),
    Column("sym", Text, nullable=False),
    Column("px", Int, nullable=False),
    Column("qty", Int, nullable=False),
    Column("buy_acct", Int, nullable=False),
    Column("buy_oid", Int, nullable=False),
    Column("buy_fee", Int, nullable=False),
    Column("sell_acct", Int, nullable=False),
    Column("sell_oid", Int, nullable=False),
    Column("sell_fee", Int, nullable=False),
    Column("aggressor", Text, nullable=False),
    Index("trades_by_instrument", "sym", "id"),
    sqlite_strict=True,
)
progress = Table(
    "progress",
    metadata,
    Column("id", Int, primary_key=True, autoincrement=False),
    Column("projected_seq", Int, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
    sqlite_strict=True,
)
