"""Machines as their inspection saw them, and which machine is which node."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring it in."""
    blob = sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
    text = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    op.create_table(
        "machines",
        sa.Column("uuid", _word(36), primary_key=True),
        sa.Column("name", _word(255), nullable=False),
        sa.Column("entry", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("inspected", moment, nullable=True),
        sa.Column("address", _word(64), nullable=False),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_table(
        "placed_nodes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("stack", _word(255), nullable=False),
        sa.Column("host", _word(255), nullable=False),
        sa.Column("machine", _word(36), nullable=False),
        sa.Column("status", _word(16), nullable=False),
        sa.Column("sealed_host_key", blob, nullable=False),
        sa.Column("host_key", text, nullable=False),
        sa.Column("since", moment, nullable=False),
        sa.UniqueConstraint("stack", "host", name="uq_placed_nodes_stack_host"),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_index("ix_placed_nodes_machine", "placed_nodes", ["machine"])


def downgrade() -> None:
    """Take it out."""
    op.drop_table("placed_nodes")
    op.drop_table("machines")


def _word(length: int) -> sa.types.TypeEngine[str]:
    exact = mysql.VARCHAR(length, collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")
