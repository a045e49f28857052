"""Validations as long work: begun by a request, carried out behind it, kept in the database."""

from __future__ import annotations

import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy.orm import Session

from undercloud.db import models, validations
from undercloud.db.database import Database
from undercloud.deploy import views, wire
from undercloud.deploy.engine import Engine
from undercloud.deploy.holder import Process
from undercloud.deploy.requests import GivenFiles
from undercloud.diagnostics import Severity, UndercloudError, internal

_LOG = logging.getLogger(__name__)
_WAITING = 20  # validations that may wait for their turn


class Validations:
    """One at a time, because compiling takes a whole core."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self._database = database
        self._engine = engine
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="validation")
        self._waiting: set[str] = set()

    def start(self, plan: str, version: int, given: GivenFiles) -> dict[str, Any]:
        """Begin one, of the newest version for 0; API-007 when too many wait."""
        if len(self._waiting) >= _WAITING:
            raise UndercloudError.of(
                "API-007", "too many validations wait", fix="Try again when some are done."
            )
        name = uuid.uuid4().hex
        with self._database.write() as session:
            row = validations.begin(session, name, plan, version, Process.current().as_plain())
            told = _plain(row)
        self._waiting.add(name)
        self._pool.submit(self._carry_out, name, plan, version, given)
        return told

    def find(self, name: str) -> dict[str, Any]:
        """One as it stands; API-010 when there is none."""
        with self._database.read() as session:
            return _plain(_known(session, name))

    def listing(self, plan: str, limit: int, marker: str) -> list[dict[str, Any]]:
        """All, newest first, without their findings; with a ``marker``, an id, those before it."""
        with self._database.read() as session:
            before = _known(session, marker) if marker else None
            rows = validations.listing(session, plan, limit, before)
            return [{**_plain(row), "findings": []} for row in rows]

    def close(self) -> None:
        """Begin no more; what runs is read as interrupted when its process has ended."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _carry_out(self, name: str, plan: str, version: int, given: GivenFiles) -> None:
        try:
            found = self._engine.validate_plan(plan, version, given)
            version, findings = found.version, found.findings
        except UndercloudError as error:
            findings = error.findings
        except Exception as fault:  # noqa: BLE001 - a border: the record says what went wrong
            _LOG.exception("validation %s", name)
            findings = internal(f"{type(fault).__name__} in a validation").findings
        failed = any(finding.severity is Severity.ERROR for finding in findings)
        try:
            with self._database.write() as session:
                validations.end(
                    session, name, version, "failed" if failed else "succeeded", wire.to_plain(findings)
                )
        except UndercloudError:
            _LOG.exception("validation %s", name)
        finally:
            self._waiting.discard(name)


def _known(session: Session, name: str) -> models.Validation:
    row = validations.find(session, name)
    if row is None:
        raise UndercloudError.of("API-010", f"there is no validation {name}", fix="GET /v1/validations")
    return row


def _plain(row: models.Validation) -> dict[str, Any]:
    status = row.status
    if status == validations.RUNNING and Process.from_plain(row.process).dead:
        status = "interrupted"
    return {
        "id": row.id,
        "plan": row.plan,
        "version": row.version,
        "status": status,
        "started": views.moment(row.started),
        "ended": views.moment(row.ended),
        "findings": row.findings,
    }
