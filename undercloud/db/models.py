"""What the database holds.

Columns named ``sealed…`` hold bytes that the vault encrypted; nothing else in here is secret. Deployments
name their stack instead of pointing at a plan, so that the history outlives the plan.
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from undercloud.db.types import Prose, UtcDateTime, binary, prose, word

DIGEST = word(64)
NAME = word(255)
PATH = word(700)


class Base(DeclarativeBase):
    """Every constraint has a name, so that migrations can change it on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime.datetime: UtcDateTime(), dict[str, Any]: JSON(), list[Any]: JSON()}

    @staticmethod
    def sealed_columns() -> dict[Table, list[Column[Any]]]:
        """What the vault sealed, by table; each of these tables has a key of one column."""
        found = {
            table: [column for column in table.columns if column.name.startswith("sealed")]
            for table in Base.metadata.sorted_tables
        }
        return {table: columns for table, columns in found.items() if columns}


class KeyCheck(Base):
    """A known text sealed with the key when it was made: tells a wrong key and that secrets may exist."""

    __tablename__ = "key_check"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(binary())
    created: Mapped[datetime.datetime]


class Blob(Base):
    """A file's content, kept once whatever the number of plans and versions it is in."""

    __tablename__ = "blobs"
    sha256: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    sealed: Mapped[bytes] = mapped_column(binary())


class Plan(Base):
    """What one stack is deployed from."""

    __tablename__ = "plans"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(NAME, unique=True)
    created: Mapped[datetime.datetime]
    updated: Mapped[datetime.datetime]


class PlanVersion(Base):
    """One immutable snapshot of a plan; ``sealed_source`` says how its files belong together."""

    __tablename__ = "plan_versions"
    __table_args__ = (UniqueConstraint("plan_id", "number"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    digest: Mapped[str] = mapped_column(DIGEST)
    sealed_source: Mapped[bytes] = mapped_column(binary())
    created: Mapped[datetime.datetime]


class PlanFile(Base):
    """A file of a plan's version."""

    __tablename__ = "plan_files"
    version_id: Mapped[int] = mapped_column(
        ForeignKey("plan_versions.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(PATH, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)


class State(Base):
    """The compiler's state value after a change: passwords, addresses, node indexes."""

    __tablename__ = "states"
    __table_args__ = (UniqueConstraint("plan_id", "number"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    sealed: Mapped[bytes] = mapped_column(binary())
    created: Mapped[datetime.datetime]


class Compilation(Base):
    """What was compiled from a version and a state: enough to run, resume and delete without compiling.

    ``facts`` are nodes and endpoints; ``sealed`` holds the secrets that the playbook directory refers to.
    """

    __tablename__ = "compilations"
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id", ondelete="CASCADE"), index=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("plan_versions.id", ondelete="CASCADE"), index=True)
    state_id: Mapped[int] = mapped_column(ForeignKey("states.id", ondelete="CASCADE"), index=True)
    facts: Mapped[dict[str, Any]]
    sealed: Mapped[bytes] = mapped_column(binary())
    created: Mapped[datetime.datetime]


class CompiledFile(Base):
    """A file of a playbook directory."""

    __tablename__ = "compiled_files"
    compilation_id: Mapped[int] = mapped_column(
        ForeignKey("compilations.id", ondelete="CASCADE"), primary_key=True
    )
    path: Mapped[str] = mapped_column(PATH, primary_key=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)


class Deployment(Base):
    """One run of an operation (``engine.Operation``).

    ``limited_to`` is an Ansible host pattern; ``playbook`` says how far the record follows the playbook that
    runs.
    """

    __tablename__ = "deployments"
    __table_args__ = (Index(None, "stack", "started"),)
    id: Mapped[str] = mapped_column(word(32), primary_key=True)
    stack: Mapped[str] = mapped_column(NAME)
    operation: Mapped[str] = mapped_column(word(16))
    status: Mapped[str] = mapped_column(word(16), index=True)
    stage: Mapped[str] = mapped_column(word(32))
    version: Mapped[int] = mapped_column(Integer)
    compilation_id: Mapped[int | None] = mapped_column(
        ForeignKey("compilations.id", ondelete="SET NULL"), index=True
    )
    sealed_request: Mapped[bytes] = mapped_column(binary())
    holder: Mapped[str] = mapped_column(NAME)
    fence: Mapped[int] = mapped_column(BigInteger)
    started: Mapped[datetime.datetime]
    ended: Mapped[datetime.datetime | None]
    hosts: Mapped[dict[str, Any]]
    findings: Mapped[list[Any]]
    directory: Mapped[str] = mapped_column(prose())
    cancel: Mapped[str | None] = mapped_column(prose())
    limited_to: Mapped[str] = mapped_column(prose())
    rollback_of: Mapped[str] = mapped_column(word(32))
    playbook: Mapped[dict[str, Any]]


class Stage(Base):
    """One stage of a deployment."""

    __tablename__ = "stages"
    deployment_id: Mapped[str] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(word(32))
    status: Mapped[str] = mapped_column(word(16))
    started: Mapped[datetime.datetime | None]
    ended: Mapped[datetime.datetime | None]


class Event(Base):
    """One thing that happened in a deployment."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "deployment_id", "kind"),)
    deployment_id: Mapped[str] = mapped_column(
        ForeignKey("deployments.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    time: Mapped[datetime.datetime]
    kind: Mapped[str] = mapped_column(word(16))
    stage: Mapped[str] = mapped_column(word(32))
    step: Mapped[int] = mapped_column(Integer)
    host: Mapped[str] = mapped_column(NAME)
    status: Mapped[str] = mapped_column(word(16))
    message: Mapped[str] = mapped_column(Prose())
    data: Mapped[dict[str, Any]]


class Validation(Base):
    """One validation of a plan's version; ``process`` carries it out, so that its death is known."""

    __tablename__ = "validations"
    __table_args__ = (Index(None, "plan", "started"),)
    id: Mapped[str] = mapped_column(word(32), primary_key=True)
    plan: Mapped[str] = mapped_column(NAME)
    version: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(word(16))
    process: Mapped[dict[str, Any]]
    started: Mapped[datetime.datetime]
    ended: Mapped[datetime.datetime | None]
    findings: Mapped[list[Any]]


class HostKey(Base):
    """An SSH host key as seen at first contact; belongs to the undercloud, not to a plan."""

    __tablename__ = "host_keys"
    __table_args__ = (UniqueConstraint("address", "port", "key_type"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    address: Mapped[str] = mapped_column(NAME)
    port: Mapped[int] = mapped_column(Integer)
    key_type: Mapped[str] = mapped_column(word(64))
    key: Mapped[str] = mapped_column(prose())
    since: Mapped[datetime.datetime]


class Machine(Base):
    """A registered machine: how the file of machines says it, and what it is made of.

    ``entry`` holds no password; ``facts`` is empty until it was inspected; ``address`` is its ramdisk's.
    """

    __tablename__ = "machines"
    uuid: Mapped[str] = mapped_column(word(36), primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    entry: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    inspected: Mapped[datetime.datetime | None]
    address: Mapped[str] = mapped_column(word(64))


class PlacedNode(Base):
    """Which machine is which node of which stack, and the SSH host key that we made for it."""

    __tablename__ = "placed_nodes"
    __table_args__ = (UniqueConstraint("stack", "host"),)
    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    stack: Mapped[str] = mapped_column(NAME)
    host: Mapped[str] = mapped_column(NAME)
    machine: Mapped[str] = mapped_column(word(36), index=True)
    status: Mapped[str] = mapped_column(word(16))
    sealed_host_key: Mapped[bytes] = mapped_column(binary())
    host_key: Mapped[str] = mapped_column(prose())
    since: Mapped[datetime.datetime]


class Lock(Base):
    """Who writes a stack; the row stays when nobody does, because ``fence`` only grows.

    ``process`` says which process holds it, so that its death is known at once on the same machine.
    """

    __tablename__ = "locks"
    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    fence: Mapped[int] = mapped_column(BigInteger)
    holder: Mapped[str | None] = mapped_column(NAME)
    process: Mapped[dict[str, Any]]
    since: Mapped[datetime.datetime | None]
    heartbeat: Mapped[datetime.datetime | None]
