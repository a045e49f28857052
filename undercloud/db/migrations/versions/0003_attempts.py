"""What a deployment was limited to, what it takes back, and how far the record follows its playbook."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring it in."""
    text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
    word = sa.String(32).with_variant(mysql.VARCHAR(32, collation="utf8mb4_bin"), "mysql", "mariadb")
    columns = (
        sa.Column("limited_to", text, nullable=False, server_default=sa.text("('')")),
        sa.Column("rollback_of", word, nullable=False, server_default=""),
        sa.Column("playbook", sa.JSON(), nullable=False, server_default=sa.text("'{}'")),
    )
    for column in columns:
        op.add_column("deployments", column)


def downgrade() -> None:
    """Take it out."""
    for name in ("playbook", "rollback_of", "limited_to"):
        op.drop_column("deployments", name)
