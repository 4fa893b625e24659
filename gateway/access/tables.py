"""The tables of access, in the shop database. Times are nanoseconds UTC, 0 for never.

What says who somebody is stands in `access_personal` alone and can be erased; everything else knows a person's number.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text
from sqlalchemy.sql.schema import SchemaItem

from ledger.shop import metadata

INT = BigInteger().with_variant(Integer, "sqlite")  # STRICT tables of SQLite know INTEGER only, which has 64 bits


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(f"access_{name}", metadata, *items, sqlite_strict=True)


def _key(name: str, *items: SchemaItem) -> Column[int]:
    return Column(name, INT, *items, primary_key=True, autoincrement=False)


def _int(name: str, *items: SchemaItem) -> Column[int]:
    return Column(name, INT, *items, nullable=False)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


keys = Table(
    "api_keys",
    metadata,
    Column("key", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("acct", BigInteger, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("person", BigInteger, nullable=False, server_default="0"),  # who made it for himself; 0: an operator did
    Column("label", Text, nullable=False, server_default=""),
    Column("ips", Text, nullable=False, server_default=""),  # networks, with spaces between; empty: from anywhere
    Column("created_ts", BigInteger, nullable=False, server_default="0"),
    Column("expires_ts", BigInteger, nullable=False, server_default="0"),
    Column("used_ts", BigInteger, nullable=False, server_default="0"),
    Index("api_keys_by_acct", "acct"),
)
people = _table(
    "people",
    _key("id"),
    _int("acct"),
    _text("post"),
    _text("password"),  # Argon2id, with its salt and parameters
    _text("totp"),  # base 32; empty for none
    _int("totp_on"),  # 0 until its first code was shown
    _int("totp_step"),  # of the last code that was used
    _int("created_ts"),
    _int("erased_ts"),
    Index("access_people_by_acct", "acct", unique=True),
)
personal = _table(
    "personal",
    _key("person", ForeignKey("access_people.id")),
    _text("login"),
    _text("name"),
    _text("phone"),
    _text("email"),
    Index("access_personal_by_login", "login", unique=True),
)
sessions = _table(
    "sessions",
    Column("id", Text, primary_key=True, nullable=False),
    _text("digest"),  # SHA-256 of the token
    _int("person", ForeignKey("access_people.id")),
    _int("is_bearer"),  # a program's, else a browser's
    _int("created_ts"),
    _int("expires_ts"),
    _text("ip"),
    _text("agent"),
    Index("access_sessions_by_digest", "digest", unique=True),
    Index("access_sessions_by_person", "person"),
)
accounts = _table(
    "accounts",
    _key("acct"),
    _int("is_blocked"),
    _int("order_rate"),  # a second; 0: like everybody's
)
approvals = _table(
    "approvals",
    _key("id"),
    _text("key"),  # the transfer's
    _text("kind"),
    _text("detail"),
    _text("reason"),
    _text("maker"),
    _int("made_ts"),
    _text("state"),
    _text("checker"),
    _text("answer"),  # the checker's reason
    _int("checked_ts"),
    _int("eyes"),  # 4, or 2 where one operator alone may decide
    _text("code"),  # the refusal of what was approved
    _int("seq"),  # the command that did it
    CheckConstraint("checker <> maker", name="access_approval_two_people"),
    CheckConstraint(
        "eyes = 2 OR checker <> '' OR state = 'proposed'",
        name="access_approval_four_eyes",
    ),
    Index("access_approvals_by_state", "state", "id"),
    Index("access_approvals_by_key", "key", unique=True),
)
