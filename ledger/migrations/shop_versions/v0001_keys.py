"""API keys, and what operators did. Shops made before there were migrations have these tables already."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("acct", sa.BigInteger, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "operator_actions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ts", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "action", "reason", "detail")),
        if_not_exists=True,
    )
