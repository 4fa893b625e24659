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
        *(_ints("entry_id", "account_id") if _is_postgresql() else _references("entry_id", "account_id")),
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
    if _is_postgresql():
        _make_immutable_on_postgresql()
        op.execute(CHECK_POSTINGS)
    else:
        _make_immutable_on_sqlite()


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def _make_immutable_on_sqlite() -> None:
    for table in IMMUTABLE:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END"
            )


def _make_immutable_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% are immutable', TG_TABLE_NAME; END $$"
    )
    for table in IMMUTABLE:
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "EXECUTE FUNCTION refuse_change()"
        )


# A foreign key on PostgreSQL is a trigger a row and would halve the projector's speed. This is one a statement, and it
# sees what no foreign key sees: whether the batch balances. Entries are numbered without a gap, so counting finds one
# that is missing. The settings keep the plan from scanning a table that was small when it was made.
CHECK_POSTINGS = """
CREATE FUNCTION check_postings() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    first bigint;
    last bigint;
    unbalanced text;
    out_by numeric;
BEGIN
    SELECT min(entry_id), max(entry_id) INTO first, last FROM added;
    IF (SELECT count(*) FROM entries WHERE id BETWEEN first AND last) <> last - first + 1 THEN
        RAISE foreign_key_violation USING MESSAGE = format('entries %s to %s are not all there', first, last);
    END IF;
    SELECT coalesce(accounts.asset, 'of no account'), sum(moved.amount) INTO unbalanced, out_by
    FROM (SELECT account_id, sum(amount) AS amount FROM added GROUP BY account_id) AS moved
    LEFT JOIN accounts ON accounts.id = moved.account_id
    GROUP BY accounts.asset HAVING accounts.asset IS NULL OR sum(moved.amount) <> 0 LIMIT 1;
    IF FOUND THEN
        RAISE check_violation USING MESSAGE = format('postings are out by %s %s', out_by, unbalanced);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER postings_checked AFTER INSERT ON postings REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION check_postings();
"""


def _create(name: str, *items: sa.schema.SchemaItem) -> None:
    op.create_table(name, *items, sqlite_strict=True)


def _key(name: str, *items: sa.schema.SchemaItem) -> sa.Column[int]:
    return sa.Column(name, INT, *items, primary_key=True, autoincrement=False)


def _references(*names: str) -> Iterable[sa.Column[int]]:
    tables = {"entry_id": "entries.id", "account_id": "accounts.id"}
    return [sa.Column(name, INT, sa.ForeignKey(tables[name]), nullable=False) for name in names]


def _ints(*names: str) -> Iterable[sa.Column[int]]:
    return [sa.Column(name, INT, nullable=False) for name in names]


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)
