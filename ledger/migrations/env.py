"""Alembic's entry: run the migrations on the connection that `ledger.migrations.upgrade` was given."""

from alembic import context

from ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
