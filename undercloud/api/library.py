"""Kept plans looked into: their files, what they set, and what they evaluate to. Nothing here changes any."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from undercloud.db import plans, states
from undercloud.db.database import Database
from undercloud.db.models import Blob, PlanFile, PlanVersion
from undercloud.deploy import versions, views
from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import Bundle
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.loader import Plan, assemble
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation
from undercloud.validation.composition import Composition
from undercloud.validation.explain.veil import Veil

_ASSEMBLED, _EVALUATED = 8, 2  # how many are kept in memory; docs/performance.md says how large they are
T = TypeVar("T")


@dataclass(frozen=True)
class Evaluated:
    """A compiled version, and what masks its secrets."""

    compilation: Compilation
    composition: Composition
    veil: Veil


class Memory:
    """The last results of slow work by their key; each is worked out once, also for many who ask.

    Who asks for another one waits for nobody. What failed is not kept: who asks next tries again.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._guard = threading.Lock()
        self._kept: OrderedDict[int, Future[Any]] = OrderedDict()

    def get(self, key: int, make: Callable[[], T]) -> T:
        """The result that is kept under ``key``, or else what ``make`` gives; raises what that raises."""
        with self._guard:
            found = self._kept.get(key)
            mine = found is None
            future: Future[T] = Future() if found is None else found
            self._kept[key] = future
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        if mine:
            self._work_out(key, future, make)
        return future.result()

    def _work_out(self, key: int, future: Future[T], make: Callable[[], T]) -> None:
        try:
            future.set_result(make())
        except BaseException as error:  # noqa: BLE001 - handed to everybody who waits, whatever it is
            with self._guard:
                if self._kept.get(key) is future:
                    del self._kept[key]
            future.set_exception(error)


class Library:
    """What is asked about plans that the Engine interface has no word for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plans = Memory(_ASSEMBLED)
        self._evaluated = Memory(_EVALUATED)

    def versions(self, name: str, before: int, limit: int) -> list[dict[str, Any]]:
        """A plan's versions, newest first."""
        with self._database.read() as session:
            plan = versions.plan_of(session, name)
            query = select(PlanVersion).where(PlanVersion.plan_id == plan.id)
            if before:
                query = query.where(PlanVersion.number < before)
            rows = session.scalars(query.order_by(PlanVersion.number.desc()).limit(limit)).all()
            return [_version(session, name, row) for row in rows]

    def version(self, name: str, number: int) -> dict[str, Any]:
        """One version."""
        with self._database.read() as session:
            return _version(session, name, versions.find(session, name, number))

    def exists(self, name: str, number: int) -> None:
        """DEP-003 for an unknown plan, DEP-028 for an unknown version (0: any)."""
        with self._database.read() as session:
            versions.plan_of(session, name)
            if number:
                versions.find(session, name, number)

    def files(self, name: str, number: int, marker: str, limit: int) -> list[dict[str, Any]]:
        """A version's files by path, after a marker."""
        with self._database.read() as session:
            row = versions.find(session, name, number)
            query = (
                select(PlanFile.path, PlanFile.sha256, Blob.size)
                .join(Blob, Blob.sha256 == PlanFile.sha256)
                .where(PlanFile.version_id == row.id, PlanFile.path > marker)
                .order_by(PlanFile.path)
                .limit(limit)
            )
            return [{"path": path, "sha256": sha, "size": size} for path, sha, size in session.execute(query)]

    def file(self, name: str, number: int, path: str) -> bytes:
        """One file; API-010 when the version has none of that path."""
        with self._database.read() as session:
            row = versions.find(session, name, number)
            sealed = session.scalar(
                select(Blob.sealed)
                .join(PlanFile, Blob.sha256 == PlanFile.sha256)
                .where(PlanFile.version_id == row.id, PlanFile.path == path)
            )
        if sealed is None:
            raise UndercloudError.of(
                "API-010", f"this version has no file {path}", fix="See the paths that …/files lists."
            )
        return plans.open_blob(self._database.vault, sealed)

    def passwords(self, name: str) -> list[dict[str, str]]:
        """Names and kinds of what was generated; no value leaves this method."""
        kinds = {"passwords": "password", "random_strings": "random string", "certificates": "certificate"}
        with self._database.read() as session:
            state = states.current(session, versions.plan_of(session, name).id)
            value: Mapping[str, Any] = self._database.vault.open_json(state.sealed) if state else {}
        return [
            {"name": each, "kind": kind} for key, kind in kinds.items() for each in sorted(value.get(key, {}))
        ]

    def plan(self, name: str, number: int) -> Plan:
        """A version put together; UndercloudError with all that is wrong with it."""
        with self._database.read() as session:
            row = versions.find(session, name, number)
        return self._plans.get(row.id, lambda: self._assemble(row))

    def evaluated(self, name: str, number: int) -> Evaluated:
        """A version compiled, with placeholders for what is generated; findings stay in it."""
        plan = self.plan(name, number)
        with self._database.read() as session:
            row = versions.find(session, name, number)

        def make() -> Evaluated:
            compilation = compiler.compile(plan, State(), SeededEntropy("api"))
            composition = Composition(compilation.plan, compilation.stack, compilation.topology)
            return Evaluated(compilation, composition, Veil(composition))

        return self._evaluated.get(row.id, make)

    def _assemble(self, row: PlanVersion) -> Plan:
        vault = self._database.vault
        with self._database.read() as session:
            files = plans.version_files(session, vault, row.id)
        return assemble(Bundle.restored(files, vault.open_json(row.sealed_source)))


def _version(session: Session, name: str, row: PlanVersion) -> dict[str, Any]:
    count = select(func.count()).select_from(PlanFile).where(PlanFile.version_id == row.id)
    return {
        "plan": name,
        "number": row.number,
        "digest": row.digest,
        "created": views.moment(row.created),
        "files": session.scalar(count) or 0,
    }
