"""Validations of kept plans; in MariaDB all texts are Unicode and compared exactly, whatever its default."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0002"
down_revision = "0001"

_TABLES = (
    "key_check",
    "blobs",
    "plans",
    "plan_versions",
    "plan_files",
    "states",
    "compilations",
    "compiled_files",
    "deployments",
    "stages",
    "events",
    "host_keys",
    "locks",
)
_TEXTS = (
    ("deployments", "directory", "NOT NULL"),
    ("deployments", "cancel", "NULL"),
    ("events", "message", "NOT NULL"),
    ("host_keys", "key", "NOT NULL"),
)


def upgrade() -> None:
    """Bring it in."""
    _unicode()
    exact = mysql.VARCHAR(255, collation="utf8mb4_bin")
    moment = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
    op.create_table(
        "validations",
        sa.Column(
            "id",
            sa.String(32).with_variant(mysql.VARCHAR(32, collation="utf8mb4_bin"), "mysql", "mariadb"),
            primary_key=True,
        ),
        sa.Column("plan", sa.String(255).with_variant(exact, "mysql", "mariadb"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.String(16).with_variant(mysql.VARCHAR(16, collation="utf8mb4_bin"), "mysql", "mariadb"),
            nullable=False,
        ),
        sa.Column("process", sa.JSON(), nullable=False),
        sa.Column("started", moment, nullable=False),
        sa.Column("ended", moment, nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )
    op.create_index("ix_validations_plan_started", "validations", ["plan", "started"])


def _unicode() -> None:
    """A database made without a character set may hold latin1, which a message of Ansible's may not fit."""
    if op.get_context().dialect.name not in {"mysql", "mariadb"}:
        return
    # A column of a foreign key may be converted only while nobody looks.
    op.execute("SET FOREIGN_KEY_CHECKS = 0")
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    op.execute("SET FOREIGN_KEY_CHECKS = 1")
    for table, column, null in _TEXTS:
        # Converting has made them longer already where they were not Unicode.
        op.execute(f"ALTER TABLE {table} MODIFY `{column}` MEDIUMTEXT {null}")


def downgrade() -> None:
    """Take it out; texts stay Unicode, which the revision before takes too."""
    op.drop_table("validations")
