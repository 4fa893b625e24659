"""The cellar: bottles, where they stand, what moves them, pickups, liens, counts, storage fees and alarms."""

from alembic import op
from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, Table, Text
from sqlalchemy.sql.schema import SchemaItem

revision = "0002"
down_revision = "0001"

APPENDED = ("custody_moves", "custody_inspections", "custody_releases")
INT = BigInteger().with_variant(Integer, "sqlite")

_metadata = MetaData()


def upgrade() -> None:
    _metadata.create_all(op.get_bind(), checkfirst=False)
    is_postgresql = op.get_context().dialect.name == "postgresql"
    if is_postgresql:
        op.execute(
            "CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'what happened to a bottle stays as written'; END $$"
        )
    for table in APPENDED:
        for change in ("UPDATE", "DELETE"):
            refusal = (
                "EXECUTE FUNCTION refuse_rewriting()"
                if is_postgresql
                else "BEGIN SELECT RAISE(ABORT, 'what happened to a bottle stays as written'); END"
            )
            op.execute(f"CREATE TRIGGER {table}_no_{change.lower()} BEFORE {change} ON {table} {refusal}")


def _table(name: str, *items: SchemaItem) -> Table:
    return Table(f"custody_{name}", _metadata, *items, sqlite_strict=True)


def _id() -> Column[int]:
    return Column("id", INT, primary_key=True)


def _int(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, INT, primary_key=key, autoincrement=False, nullable=False)


def _text(name: str, *, key: bool = False, unique: bool = False) -> Column[str]:
    return Column(name, Text, primary_key=key, unique=unique, nullable=False)


def _ref(table: str, name: str = "", *, key: bool = False) -> Column[int]:
    """A row of another table, whose name without its plural s is the column's."""
    target = ForeignKey(f"custody_{table}.id")
    return Column(name or table[:-1], INT, target, primary_key=key, autoincrement=False, nullable=False)


def _maybe(table: str) -> Column[int]:
    return Column(table[:-1], INT, ForeignKey(f"custody_{table}.id"))


def _four_eyes(name: str, maker: str, checker: str) -> CheckConstraint:
    return CheckConstraint(f"{checker} <> {maker}", name=f"custody_{name}_four_eyes")


_table(  # what the engine is asked to move: written before it is asked, closed with its answer
    "intents",
    _id(),
    _text("key", unique=True),
    _text("flow"),
    _int("ref"),  # the flow's own row
    _text("legs"),
    _text("stock"),  # [[warehouse, asset, bottles that it gains]]; warehouse 0 is the road
    _text("actor"),
    _int("ts"),
    _text("state"),
    _text("code"),  # of the engine's refusal
    _int("seq"),  # the command that decided it
    Index("custody_intents_by_state", "state"),
    Index("custody_intents_by_seq", "seq"),
)
_table("warehouses", _id(), _text("code", unique=True), _text("name"), _text("region"))
_table("staff", _text("name", key=True), _ref("warehouses", key=True))
_table(
    "bins",
    _id(),
    _ref("warehouses"),
    _text("code"),
    Index("custody_bins_by_code", "warehouse", "code", unique=True),
)
_table(
    "lots",
    _id(),
    _text("code", unique=True),
    _text("sym"),
    _text("vintage"),
    _text("asset"),  # the symbol, or its twin that may not be resold
    _text("owner"),  # whose goods these are, see stock.Owner
    _int("since"),  # when its first bottles were booked, 0 before
)
_table(
    "advices",
    _id(),
    _ref("lots"),
    _int("acct"),  # who is to have the bottles
    _ref("warehouses"),
    _int("qty"),
    _int("received"),
    _int("booked"),
    _text("actor"),
    _int("ts"),
    CheckConstraint("booked <= received AND received <= qty", name="custody_advice_adds_up"),
)
_table("bookings", _id(), _ref("advices"), _ref("bins"), _text("actor"), _int("ts"))
_table(
    "pickups",
    _id(),
    _int("acct"),
    _text("asset"),
    _ref("warehouses"),
    _int("qty"),
    _int("released"),
    _int("chosen"),  # 1 when the owner chose the serials
    _text("address"),  # an opaque reference; empty when it is collected
    _text("state"),
    _text("hold"),  # the names of the engine's holds, empty for none
    _text("fee_hold"),
    _int("fee_fen"),
    _int("due_ts"),  # it should be ready by then
    _int("late_fen"),  # for each bottle and day begun beyond that
    _int("late_days_max"),
    _int("late_paid_fen"),
    _int("keep_days"),  # how long it waits when it is ready
    _int("requested_ts"),
    _int("ready_ts"),
    _int("expires_ts"),
    _int("left_ts"),  # when the last bottle left the warehouse
    _text("code_digest"),  # empty when there is no code to try
    _int("tries"),
    CheckConstraint("qty > 0 AND released BETWEEN 0 AND qty", name="custody_pickup_adds_up"),
    Index("custody_pickups_by_acct", "acct", "id"),
    Index("custody_pickups_by_state", "state", "warehouse"),
)
_table(
    "bottles",
    _id(),
    _text("serial", unique=True),
    _ref("lots"),
    _ref("advices"),
    _ref("warehouses"),
    _maybe("bins"),
    _text("state"),
    _maybe("pickups"),  # the one that it is reserved for, or left with
    _maybe("intents"),  # the transfer under way that will change it
    Index("custody_bottles_by_lot", "lot", "state"),
    Index("custody_bottles_by_warehouse", "warehouse", "state"),
    Index("custody_bottles_by_bin", "bin"),
    Index("custody_bottles_by_pickup", "pickup"),
    Index("custody_bottles_by_intent", "intent"),
    Index("custody_bottles_by_advice", "advice"),
)
_table(  # how each bottle stood after each step; never changed
    "moves",
    _id(),
    _ref("bottles"),
    _int("ts"),
    _text("actor"),
    _text("flow"),
    _int("ref"),
    _text("state"),
    _ref("warehouses"),
    _maybe("bins"),
    Index("custody_moves_by_bottle", "bottle", "id"),
)
_table(
    "inspections",
    _id(),
    _ref("bottles"),
    _text("grade"),
    _int("seal_intact"),
    _text("defects"),
    _text("photos"),  # SHA-256 digests in hex, one a line
    _int("passed"),
    _text("actor"),
    _int("ts"),
    Index("custody_inspections_by_bottle", "bottle", "id"),
)
_table(
    "hauls",
    _id(),
    _ref("warehouses", "origin"),
    _ref("warehouses", "target"),
    _maybe("bins"),  # where it was put on arrival
    _text("state"),
    _text("sent_by"),
    _int("sent_ts"),
    _text("arrived_by"),
    _int("arrived_ts"),
)
_table("haul_bottles", _ref("hauls", key=True), _ref("bottles", key=True))
_table(
    "counts",
    _id(),
    _ref("bins"),
    _text("state"),
    _text("counted_by"),
    _int("counted_ts"),
    _text("decided_by"),
    _int("decided_ts"),
    _four_eyes("count", "counted_by", "decided_by"),
)
_table("count_lines", _ref("counts", key=True), _text("serial", key=True), _text("finding"))
_table(
    "liens",
    _id(),
    _int("acct"),
    _text("asset"),
    _int("qty"),
    _text("reason"),
    _text("state"),
    _text("hold"),
    _text("placed_by"),
    _int("placed_ts"),
    _text("lifted_by"),
    _int("lifted_ts"),
    _four_eyes("lien", "placed_by", "lifted_by"),
    Index("custody_liens_by_acct", "acct", "id"),
)
_table("lien_bottles", _ref("liens", key=True), _ref("bottles", key=True))
_table(
    "terms",
    _id(),
    _text("asset"),  # empty: of every asset that has no terms of its own
    _int("ts"),
    _text("actor"),
    _int("pickup_min"),
    _int("pickup_max"),
    _int("pickup_fee_fen"),
    _int("ready_days"),
    _int("late_fen"),
    _int("late_days_max"),
    _int("keep_days"),
    _int("free_days"),
    _int("storage_millifen"),
    Index("custody_terms_by_asset", "asset", "id"),
)
_table(
    "releases",
    _id(),
    _ref("pickups"),
    _int("qty"),
    _text("identity"),  # how it was checked; never the document itself
    _text("actor"),
    _int("ts"),
)
_table("shipments", _ref("pickups", key=True), _text("carrier"), _text("tracking"), _text("actor"), _int("ts"))
_table(
    "claims",
    _id(),
    _ref("pickups"),
    _text("reason"),
    _text("state"),
    _text("remedy"),
    _int("amount_fen"),
    _text("opened_by"),
    _int("opened_ts"),
    _text("decided_by"),
    _int("decided_ts"),
    _four_eyes("claim", "opened_by", "decided_by"),
)
_table(  # what an account holds, by the day from which it has held it
    "layers", _int("acct", key=True), _text("asset", key=True), _int("day", key=True), _int("qty")
)
_table(
    "accruals",
    _int("day", key=True),
    _int("acct", key=True),
    _text("asset", key=True),
    _int("qty"),
    _int("charged"),  # bottles beyond their free days
    _int("millifen"),
    Index("custody_accruals_by_acct", "acct", "day"),
)
_table("accrued_days", _int("day", key=True))
_table(
    "bills",
    _id(),
    _int("acct"),
    _int("day"),  # it bills everything accrued up to this day
    _int("fen"),
    _text("state"),
    _int("ts"),
    Index("custody_bills_by_acct", "acct", "day", unique=True),
    Index("custody_bills_by_state", "state"),
)
_table(
    "alarms",
    _id(),
    _int("warehouse"),
    _text("asset"),
    _int("ledger"),
    _int("serials"),
    _int("ts"),
    _text("cleared_by"),
    _int("cleared_ts"),
    Index("custody_alarms_by_cleared", "cleared_ts"),
)
