"""The days that are over: where each ended, and the balances of what it moved."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

INT = sa.BigInteger().with_variant(sa.Integer, "sqlite")
MOVED = """
    SELECT (e.ts + 28800000000000) / 86400000000000 AS day, p.account_id, p.amount, p.id, p.entry_id
    FROM postings p JOIN entries e ON e.id = p.entry_id
"""
OVER = "day < (SELECT max((ts + 28800000000000) / 86400000000000) FROM entries)"
FILL = (
    f"INSERT INTO days SELECT day, max(entry_id), max(id) FROM ({MOVED}) AS moved WHERE {OVER} GROUP BY day",  # noqa: S608
    f"""
    INSERT INTO closings
    SELECT row_number() OVER (ORDER BY day, account_id), day, account_id,
           CAST(sum(amount) OVER (PARTITION BY account_id ORDER BY day) AS BIGINT)
    FROM (SELECT day, account_id, sum(amount) AS amount FROM ({MOVED}) AS moved WHERE {OVER} GROUP BY day, account_id)
    AS by_day
    """,  # noqa: S608
)


def upgrade() -> None:
    _create("days", "entry_last", "posting_last")
    _create("closings", "day", "account_id", "amount")
    op.create_index("closings_by_account", "closings", ["account_id", "day"], unique=True)
    for statement in FILL:
        op.execute(statement)
    for table in ("days", "closings"):
        if op.get_context().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "EXECUTE FUNCTION refuse_change()"
            )
            continue
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} are immutable'); END"
            )


def _create(name: str, *columns: str) -> None:
    key = sa.Column("id", INT, primary_key=True, autoincrement=False)
    op.create_table(name, key, *(sa.Column(column, INT, nullable=False) for column in columns), sqlite_strict=True)
