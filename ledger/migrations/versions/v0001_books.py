"""Accounts, entries, postings, balances, orders, trades, and how far they have come."""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
IMMUTABLE = ("entries", "postings", "trades")


def upgrade() -> None:
    _create(
        "accounts",
        _key("id"),
        _text("kind"),
        sa.Column("acct", INT),
        _text("asset"),
    )
    op.create_index("accounts_by_acct", "accounts", ["acct", "asset", "kind"], unique=True)
    _create("entries", _key("id"), *_ints("seq", "ts"), _text("kind"), *_ints("ref"))
    _create(
        "postings",
        _key("id"),
        sa.Column("entry_id", INT, sa.ForeignKey("entries.id"), nullable=False),
        sa.Column("account_id", INT, sa.ForeignKey("accounts.id"), nullable=False),
        *_ints("amount"),
        sa.CheckConstraint("amount <> 0", name="posting_moves_something"),
    )
    op.create_index("postings_by_account", "postings", ["account_id", "id"])
    _create(
        "balances",
        _key("account_id", sa.ForeignKey("accounts.id")),
        *_ints("is_contra", "amount"),
        sa.CheckConstraint("amount >= 0 OR is_contra = 1", name="balance_not_negative"),
    )
    _create(
        "orders",
        _key("oid"),
        *_ints("acct"),
        *(_text(name) for name in ("cid", "sym", "side")),
        *_ints("px", "qty"),
        _text("tif"),
        *_ints("seq", "ts", "open", "filled", "notional", "fee"),
        _text("reason"),
        *_ints("ts_last"),
        sa.CheckConstraint("open >= 0 AND filled >= 0 AND open + filled <= qty", name="order_adds_up"),
    )
    op.create_index("orders_by_cid", "orders", ["acct", "cid"], unique=True)
    op.create_index("orders_by_acct", "orders", ["acct", "oid"])
    is_open = sa.text("open > 0")
    op.create_index("orders_open", "orders", ["acct", "oid"], sqlite_where=is_open, postgresql_where=is_open)
    _create(
        "trades",
        _key("id"),
        *_ints("seq", "ts"),
        _text("sym"),
        *_ints("px", "qty", "buy_acct", "buy_oid", "buy_fee", "sell_acct", "sell_oid", "sell_fee"),
        _text("aggressor"),
    )
    op.create_index("trades_by_sym", "trades", ["sym", "id"])
    op.create_index("trades_by_buy", "trades", ["buy_oid"])
    op.create_index("trades_by_sell", "trades", ["sell_oid"])
    _create(
        "progress",
        _key("id"),
        *_ints("projected_seq"),
        sa.CheckConstraint("id = 1", name="progress_is_one_row"),
    )
    op.execute("INSERT INTO progress VALUES (1, 0)")
    if op.get_context().dialect.name == "sqlite":
        _make_immutable()


def _make_immutable() -> None:
    for table in IMMUTABLE:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END"
            )


def _create(name: str, *items: sa.schema.SchemaItem) -> None:
    op.create_table(name, *items, sqlite_strict=True)


def _key(name: str, *items: sa.schema.SchemaItem) -> sa.Column[int]:
    return sa.Column(name, INT, *items, primary_key=True, autoincrement=False)


def _ints(*names: str) -> Iterable[sa.Column[int]]:
    return [sa.Column(name, INT, nullable=False) for name in names]


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
