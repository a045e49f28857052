"""Alembic's door: runs migrations on the connection that ``schema`` hands over."""

from alembic import context

from undercloud.db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    transactional_ddl=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
