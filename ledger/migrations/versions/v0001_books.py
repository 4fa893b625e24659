"""Accounts, entries, postings, balances, orders, trades and the projection's progress."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SMALL = sa.SmallInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", INT, primary_key=True, autoincrement=False),
        sa.Column("acct", INT, nullable=False),
        sa.Column("asset", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.UniqueConstraint("acct", "asset", "kind"),
        sqlite_strict=True,
    )
    op.create_table(
        "entries",
        sa.Column("id", INT, primary_key=True, autoincrement=False),
        sa.Column("seq", INT, nullable=False),
        sa.Column("ts", INT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "postings",
        sa.Column("id", INT, primary_key=True, autoincrement=False),
        sa.Column("entry_id", INT, sa.ForeignKey("entries.id"), nullable=False),
        sa.Column("account_id", INT, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("amount", INT, nullable=False),
        sa.CheckConstraint("amount <> 0", name="moves_something"),
        sqlite_strict=True,
    )
    op.create_index("postings_by_account", "postings", ["account_id", "id"])
    op.create_table(
        "balances",
        sa.Column("account_id", INT, sa.ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
        sa.Column("amount", INT, nullable=False),
        sa.Column("contra", SMALL, nullable=False),
        sa.CheckConstraint("amount >= 0 OR contra = 1", name="never_below_zero"),
        sqlite_strict=True,
    )
    op.create_table(
        "orders",
        sa.Column("oid", INT, primary_key=True, autoincrement=False),
        sa.Column("acct", INT, nullable=False),
        sa.Column("cid", sa.Text, nullable=False),
        sa.Column("sym", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("px", INT, nullable=False),
        sa.Column("qty", INT, nullable=False),
        sa.Column("tif", sa.Text, nullable=False),
        sa.Column("filled", INT, nullable=False),
        sa.Column("open", INT, nullable=False),
        sa.Column("fee", INT, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("seq", INT, nullable=False),
        sa.Column("ts", INT, nullable=False),
        sa.CheckConstraint("open >= 0 AND filled >= 0 AND filled + open <= qty", name="adds_up"),
        sa.UniqueConstraint("acct", "cid"),
        sqlite_strict=True,
    )
    op.create_index("orders_by_account", "orders", ["acct", "oid"])
    op.create_table(
        "trades",
        sa.Column("id", INT, primary_key=True, autoincrement=False),
        sa.Column("seq", INT, nullable=False),
        sa.Column("ts", INT, nullable=False),
        sa.Column("sym", sa.Text, nullable=False),
        *[sa.Column(name, INT, nullable=False) for name in ("px", "qty", "buy_acct", "buy_oid", "buy_fee")],
        *[sa.Column(name, INT, nullable=False) for name in ("sell_acct", "sell_oid", "sell_fee")],
        sa.Column("aggressor", sa.Text, nullable=False),
        sqlite_strict=True,
    )
    op.create_index("trades_by_instrument", "trades", ["sym", "id"])
    progress = op.create_table(
        "progress",
        sa.Column("id", INT, primary_key=True, autoincrement=False),
        sa.Column("projected_seq", INT, nullable=False),
        sa.CheckConstraint("id = 1", name="one_row"),
        sqlite_strict=True,
    )
    op.bulk_insert(progress, [{"id": 1, "projected_seq": 0}])
    for table in ("entries", "postings", "trades"):
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END"
            )
