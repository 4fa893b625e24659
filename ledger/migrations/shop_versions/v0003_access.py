"""Access: people, sessions, approvals, keys with an owner and an end; and the operators' log becomes a chain."""

import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, Table, Text
from sqlalchemy.sql.schema import SchemaItem

revision = "0003"
down_revision = "0002"

INT = BigInteger().with_variant(Integer, "sqlite")
WORDS = "what an operator did stays as written"

_metadata = MetaData()


def upgrade() -> None:
    for name in ("person", "created_ts", "expires_ts", "used_ts"):
        op.add_column("api_keys", Column(name, BigInteger, nullable=False, server_default="0"))
    for name in ("label", "ips"):
        op.add_column("api_keys", Column(name, Text, nullable=False, server_default=""))
    op.create_index("api_keys_by_acct", "api_keys", ["acct"])
    _metadata.create_all(op.get_bind(), checkfirst=False)
    _chain_what_was_done()
    is_postgresql = op.get_context().dialect.name == "postgresql"
    if is_postgresql:
        op.execute(
            "CREATE FUNCTION refuse_rewriting_log() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{WORDS}'; END $$"
        )
    for change in ("UPDATE", "DELETE"):
        refusal = (
            "EXECUTE FUNCTION refuse_rewriting_log()" if is_postgresql else f"BEGIN SELECT RAISE(ABORT, '{WORDS}'); END"
        )
        op.execute(
            f"CREATE TRIGGER operator_log_no_{change.lower()} BEFORE {change} ON operator_log FOR EACH ROW {refusal}"
        )


def _chain_what_was_done() -> None:
    """Move the rows of the table that was no chain."""
    old = sa.table(
        "operator_actions", *(sa.column(name) for name in ("id", "ts", "actor", "action", "reason", "detail"))
    )
    before, db = "", op.get_bind()
    for number, row in enumerate(db.execute(sa.select(old).order_by(old.c.id)).all(), 1):
        values = (number, *row[1:])
        before = sha256(json.dumps([before, *values]).encode()).hexdigest()
        db.execute(sa.insert(_log).values((*values, before)))
    op.drop_table("operator_actions")


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(name, _metadata, *items, sqlite_strict=True)


def _key(name: str, *items: SchemaItem) -> Column[int]:
    return Column(name, INT, *items, primary_key=True, autoincrement=False)


def _int(name: str, *items: SchemaItem) -> Column[int]:
    return Column(name, INT, *items, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


_log = _table(
    "operator_log",
    _key("id"),
    _int("ts"),
    _text("actor"),
    _text("action"),
    _text("reason"),
    _text("detail"),
    _text("hash"),
)
_table(
    "access_people",
    _key("id"),
    _int("acct"),
    _text("post"),
    _text("password"),
    _text("totp"),
    _int("totp_on"),
    _int("totp_step"),
    _int("created_ts"),
    _int("erased_ts"),
    Index("access_people_by_acct", "acct", unique=True),
)
_table(
    "access_personal",
    _key("person", ForeignKey("access_people.id")),
    _text("login"),
    _text("name"),
    _text("phone"),
    _text("email"),
    Index("access_personal_by_login", "login", unique=True),
)
_table(
    "access_sessions",
    Column("id", Text, primary_key=True, nullable=False),
    _text("digest"),
    _int("person", ForeignKey("access_people.id")),
    _int("is_bearer"),
    _int("created_ts"),
    _int("expires_ts"),
    _text("ip"),
    _text("agent"),
    Index("access_sessions_by_digest", "digest", unique=True),
    Index("access_sessions_by_person", "person"),
)
_table("access_accounts", _key("acct"), _int("is_blocked"), _int("order_rate"))
_table(
    "access_approvals",
    _key("id"),
    _text("key"),
    _text("kind"),
    _text("detail"),
    _text("reason"),
    _text("maker"),
    _int("made_ts"),
    _text("state"),
    _text("checker"),
    _text("answer"),
    _int("checked_ts"),
    _int("eyes"),
    _text("code"),
    _int("seq"),
    CheckConstraint("checker <> maker", name="access_approval_two_people"),
    CheckConstraint("eyes = 2 OR checker <> '' OR state = 'proposed'", name="access_approval_four_eyes"),
    Index("access_approvals_by_state", "state", "id"),
    Index("access_approvals_by_key", "key", unique=True),
)
