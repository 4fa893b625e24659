"""The ledger's tables, for SQLite and PostgreSQL.

Entries, postings, trades, days and closings are immutable: triggers, made by the migrations, refuse to change them.
Balances and orders are their running totals. Ids are dense and ascending, given by the writer, so that every insert is
an append.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, Table, Text
from sqlalchemy.sql.schema import SchemaItem

metadata = MetaData()
INT = BigInteger().with_variant(Integer, "sqlite")  # STRICT tables of SQLite know INTEGER only, which has 64 bits


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True)


def _key(name: str, *items: SchemaItem) -> Column[int]:
    return Column(name, INT, *items, primary_key=True, autoincrement=False)


def _int(name: str, *items: SchemaItem) -> Column[int]:
    return Column(name, INT, *items, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


accounts = _table(
    "accounts",
    _key("id"),
    _text("kind"),
    Column("acct", INT),  # null for a contra account
    _text("asset"),
    Index("accounts_by_acct", "acct", "asset", "kind", unique=True),
)
entries = _table(
    "entries",
    _key("id"),
    _int("seq"),
    _int("ts"),
    _text("kind"),
    _int("ref"),
    Column("key", Text, nullable=False, server_default=""),
)
postings = _table(
    "postings",
    _key("id"),
    _int("entry_id", ForeignKey("entries.id")),
    _int("account_id", ForeignKey("accounts.id")),
    _int("amount"),
    CheckConstraint("amount <> 0", name="posting_moves_something"),
    Index("postings_by_account", "account_id", "id"),
)
balances = _table(
    "balances",
    _key("account_id", ForeignKey("accounts.id")),
    _int("is_contra"),  # 1 for the accounts that may be negative
    _int("amount"),
    CheckConstraint("amount >= 0 OR is_contra = 1", name="balance_not_negative"),
)
orders = _table(
    "orders",
    _key("oid"),
    _int("acct"),
    _text("cid"),
    _text("sym"),
    _text("side"),
    _int("px"),
    _int("qty"),
    _text("tif"),
    _int("seq"),
    _int("ts"),
    _int("open"),
    _int("filled"),
    _int("notional"),
    _int("fee"),
    _text("reason"),
    _int("ts_last"),
    CheckConstraint("open >= 0 AND filled >= 0 AND open + filled <= qty", name="order_adds_up"),
    Index("orders_by_cid", "acct", "cid", unique=True),
    Index("orders_by_acct", "acct", "oid"),
)
Index("orders_open", orders.c.acct, orders.c.oid, sqlite_where=orders.c.open > 0, postgresql_where=orders.c.open > 0)
trades = _table(
    "trades",
    _key("id"),
    _int("seq"),
    _int("ts"),
    _text("sym"),
    _int("px"),
    _int("qty"),
    _int("buy_acct"),
    _int("buy_oid"),
    _int("buy_fee"),
    _int("sell_acct"),
    _int("sell_oid"),
    _int("sell_fee"),
    _text("aggressor"),
    Index("trades_by_sym", "sym", "id"),
    Index("trades_by_buy", "buy_oid"),
    Index("trades_by_sell", "sell_oid"),
)
days = _table("days", _key("id"), _int("entry_last"), _int("posting_last"))  # that are over, where each ended
closings = _table(  # the balance, at the end of a day, of an account that it moved
    "closings",
    _key("id"),
    _int("day"),
    _int("account_id"),
    _int("amount"),
    Index("closings_by_account", "account_id", "day", unique=True),
)
progress = _table(
    "progress",
    _key("id"),
    _int("projected_seq"),
    CheckConstraint("id = 1", name="progress_is_one_row"),
)
