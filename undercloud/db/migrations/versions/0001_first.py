"""The first schema: plans, versions, states, compilations, deployments, events, host keys, locks."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None


def word(length: int) -> Any:
    """Text that is compared exactly."""
    exact = mysql.VARCHAR(length, collation="utf8mb4_bin")
    return sa.String(length).with_variant(exact, "mysql", "mariadb")


def binary() -> Any:
    """Bytes without a limit that matters."""
    return sa.LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")


def moment() -> Any:
    """A date and time with microseconds."""
    return sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def column(name: str, kind: Any, *parts: Any, null: bool = False, key: bool = False) -> sa.Column[Any]:
    """A column, not null unless said; a key that is not counted by the database."""
    return sa.Column(
        name, kind, *parts, nullable=null, primary_key=key, autoincrement=False if key else "auto"
    )


def number(name: str = "id") -> sa.Column[Any]:
    """A key that the database counts."""
    return sa.Column(name, sa.Integer(), primary_key=True)


def to(table: str, target: str, name: str, ondelete: str | None = "CASCADE") -> sa.ForeignKey:
    """A reference, named after the naming convention of the models."""
    return sa.ForeignKey(target, name=f"fk_{table}_{name}", ondelete=ondelete)


def upgrade() -> None:
    """Bring it in."""
    _contents()
    _plans()
    _deployments()
    op.create_table(
        "host_keys",
        number(),
        column("address", word(255)),
        column("port", sa.Integer()),
        column("key_type", word(64)),
        column("key", sa.Text()),
        column("since", moment()),
        sa.UniqueConstraint("address", "port", "key_type", name="uq_host_keys_address_port_key_type"),
    )
    op.create_table(
        "locks",
        column("name", word(255), key=True),
        column("fence", sa.BigInteger()),
        column("holder", word(255), null=True),
        column("process", sa.JSON()),
        column("since", moment(), null=True),
        column("heartbeat", moment(), null=True),
    )


def _contents() -> None:
    op.create_table(
        "key_check",
        column("id", sa.Integer(), key=True),
        column("sealed", binary()),
        column("created", moment()),
    )
    op.create_table(
        "blobs",
        column("sha256", word(64), key=True),
        column("size", sa.BigInteger()),
        column("sealed", binary()),
    )


def _plans() -> None:
    op.create_table(
        "plans",
        number(),
        column("name", word(255)),
        column("created", moment()),
        column("updated", moment()),
        sa.UniqueConstraint("name", name="uq_plans_name"),
    )
    op.create_table(
        "plan_versions",
        number(),
        column("plan_id", sa.Integer(), to("plan_versions", "plans.id", "plan_id")),
        column("number", sa.Integer()),
        column("digest", word(64)),
        column("sealed_source", binary()),
        column("created", moment()),
        sa.UniqueConstraint("plan_id", "number", name="uq_plan_versions_plan_id_number"),
    )
    _files("plan_files", "version_id", "plan_versions.id")
    op.create_table(
        "states",
        number(),
        column("plan_id", sa.Integer(), to("states", "plans.id", "plan_id")),
        column("number", sa.Integer()),
        column("sealed", binary()),
        column("created", moment()),
        sa.UniqueConstraint("plan_id", "number", name="uq_states_plan_id_number"),
    )
    op.create_table(
        "compilations",
        number(),
        column("plan_id", sa.Integer(), to("compilations", "plans.id", "plan_id")),
        column("version_id", sa.Integer(), to("compilations", "plan_versions.id", "version_id")),
        column("state_id", sa.Integer(), to("compilations", "states.id", "state_id")),
        column("facts", sa.JSON()),
        column("sealed", binary()),
        column("created", moment()),
    )
    for name in ("plan_id", "version_id", "state_id"):
        op.create_index(f"ix_compilations_{name}", "compilations", [name])
    _files("compiled_files", "compilation_id", "compilations.id")


def _files(table: str, owner: str, target: str) -> None:
    op.create_table(
        table,
        column(owner, sa.Integer(), to(table, target, owner), key=True),
        column("path", word(700), key=True),
        column("sha256", word(64), to(table, "blobs.sha256", "sha256", None)),
    )
    op.create_index(f"ix_{table}_sha256", table, ["sha256"])


def _deployments() -> None:
    op.create_table(
        "deployments",
        column("id", word(32), key=True),
        column("stack", word(255)),
        column("operation", word(16)),
        column("status", word(16)),
        column("stage", word(32)),
        column("version", sa.Integer()),
        column(
            "compilation_id",
            sa.Integer(),
            to("deployments", "compilations.id", "compilation_id", "SET NULL"),
            null=True,
        ),
        column("sealed_request", binary()),
        column("holder", word(255)),
        column("fence", sa.BigInteger()),
        column("started", moment()),
        column("ended", moment(), null=True),
        column("hosts", sa.JSON()),
        column("findings", sa.JSON()),
        column("directory", sa.Text()),
        column("cancel", sa.Text(), null=True),
    )
    op.create_index("ix_deployments_stack_started", "deployments", ["stack", "started"])
    op.create_index("ix_deployments_status", "deployments", ["status"])
    op.create_index("ix_deployments_compilation_id", "deployments", ["compilation_id"])
    op.create_table(
        "stages",
        column("deployment_id", word(32), to("stages", "deployments.id", "deployment_id"), key=True),
        column("position", sa.Integer(), key=True),
        column("name", word(32)),
        column("status", word(16)),
        column("started", moment(), null=True),
        column("ended", moment(), null=True),
    )
    op.create_table(
        "events",
        column("deployment_id", word(32), to("events", "deployments.id", "deployment_id"), key=True),
        column("seq", sa.Integer(), key=True),
        column("time", moment()),
        column("kind", word(16)),
        column("stage", word(32)),
        column("step", sa.Integer()),
        column("host", word(255)),
        column("status", word(16)),
        column("message", sa.Text()),
        column("data", sa.JSON()),
    )
    op.create_index("ix_events_deployment_id_kind", "events", ["deployment_id", "kind"])


def downgrade() -> None:
    """Take it out."""
    for table in (
        "locks",
        "host_keys",
        "events",
        "stages",
        "deployments",
        "compiled_files",
        "compilations",
        "states",
        "plan_files",
        "plan_versions",
        "plans",
        "blobs",
        "key_check",
    ):
        op.drop_table(table)
