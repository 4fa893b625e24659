"""Entries say which transfer or offering they belong to."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("entries", sa.Column("key", sa.Text, nullable=False, server_default=""))
