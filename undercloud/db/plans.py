"""Plans, their versions and the files in them, kept by content."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from undercloud.db.models import Blob, CompiledFile, KeyCheck, Plan, PlanFile, PlanVersion
from undercloud.db.types import utcnow
from undercloud.db.vault import Vault

_BATCH = 500  # names in one query; SQLite's oldest limit is 999


def find(session: Session, name: str) -> Plan | None:
    """The plan of that name."""
    return session.scalar(select(Plan).where(Plan.name == name))


def ensure(session: Session, name: str) -> Plan:
    """The plan of that name, made when there is none."""
    plan = find(session, name)
    if plan is None:
        now = utcnow()
        plan = Plan(name=name, created=now, updated=now)
        session.add(plan)
        session.flush()
    return plan


def listing(session: Session) -> list[tuple[Plan, int, int]]:
    """All plans by name, each with the number of its newest version and of the files in that (0 for none)."""
    found = []
    for plan in session.scalars(select(Plan).order_by(Plan.name)):
        version = newest(session, plan)
        files = 0
        if version is not None:
            counted = select(func.count()).select_from(PlanFile).where(PlanFile.version_id == version.id)
            files = session.scalar(counted) or 0
        found.append((plan, version.number if version else 0, files))
    return found


def newest(session: Session, plan: Plan) -> PlanVersion | None:
    """The newest version of a plan."""
    return session.scalar(
        select(PlanVersion).where(PlanVersion.plan_id == plan.id).order_by(PlanVersion.number.desc()).limit(1)
    )


def numbered(session: Session, plan: Plan, number: int) -> PlanVersion | None:
    """A version by its number."""
    return session.scalar(
        select(PlanVersion).where(PlanVersion.plan_id == plan.id, PlanVersion.number == number)
    )


def add_version(
    session: Session, vault: Vault, plan: Plan, files: Mapping[str, bytes], source: Mapping[str, Any]
) -> PlanVersion:
    """Keep a snapshot; the newest version itself is given back when nothing changed."""
    names = keep_blobs(session, vault, files)
    digest = hashlib.sha256(json.dumps([names, source], sort_keys=True).encode()).hexdigest()
    last = newest(session, plan)
    if last is not None and last.digest == digest:
        return last
    now = utcnow()
    version = PlanVersion(
        plan_id=plan.id,
        number=last.number + 1 if last else 1,
        digest=digest,
        sealed_source=vault.seal_json(source),
        created=now,
    )
    plan.updated = now
    session.add(version)
    session.flush()
    session.add_all(PlanFile(version_id=version.id, path=path, sha256=sha) for path, sha in names.items())
    return version


def version_files(session: Session, vault: Vault, version_id: int) -> dict[str, bytes]:
    """All files of a version by path."""
    rows = session.execute(
        select(PlanFile.path, Blob.sealed)
        .join(Blob, Blob.sha256 == PlanFile.sha256)
        .where(PlanFile.version_id == version_id)
        .order_by(PlanFile.path)
    )
    return {path: open_blob(vault, sealed) for path, sealed in rows}


def remove(session: Session, plan: Plan) -> None:
    """Forget a plan with its versions, states and compilations, and the contents that nobody else has."""
    _one_at_a_time(session)
    session.delete(plan)
    session.flush()
    used = select(PlanFile.sha256).union(select(CompiledFile.sha256))
    session.execute(delete(Blob).where(Blob.sha256.not_in(used)))


def keep_blobs(session: Session, vault: Vault, files: Mapping[str, bytes]) -> dict[str, str]:
    """Keep the contents that are not there yet; the SHA-256 of each path, sorted by path."""
    _one_at_a_time(session)
    names = {path: hashlib.sha256(files[path]).hexdigest() for path in sorted(files)}
    contents = {names[path]: content for path, content in files.items()}
    for sha in contents.keys() - _known(session, contents):
        content = contents[sha]
        session.add(Blob(sha256=sha, size=len(content), sealed=vault.seal(zlib.compress(content, 1))))
    session.flush()
    return names


def open_blob(vault: Vault, sealed: bytes) -> bytes:
    """A content that ``keep_blobs`` kept."""
    return zlib.decompress(vault.open(sealed))


def _known(session: Session, names: Iterable[str]) -> set[str]:
    wanted, found = sorted(names), set[str]()
    for start in range(0, len(wanted), _BATCH):
        found.update(
            session.scalars(select(Blob.sha256).where(Blob.sha256.in_(wanted[start : start + _BATCH])))
        )
    return found


def _one_at_a_time(session: Session) -> None:
    """Until its transaction ends nobody else keeps or removes contents.

    Otherwise one may remove what another has just found to be there, and in MariaDB two who insert would wait
    for each other. SQLite has one writer anyway.
    """
    session.execute(select(KeyCheck.id).with_for_update())
