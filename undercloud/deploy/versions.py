"""The kept versions of plans: found, added without a deployment, and taken out again as files."""

from __future__ import annotations

from sqlalchemy.orm import Session

from undercloud.conf import Settings
from undercloud.db import plans
from undercloud.db.database import Database
from undercloud.db.models import Plan, PlanVersion
from undercloud.deploy.provisioning_plane import plane_parameters
from undercloud.diagnostics import UndercloudError
from undercloud.plan.bundle import Bundle


def keep(settings: Settings, database: Database, given: Bundle) -> int:
    """Keep the files of a bundle as its plan's newest version, with what the undercloud adds; its number.

    That is where images are, and the range of its nodes. Two who send at once become two versions, one after
    the other.
    """
    from undercloud.deploy.compiler import generated  # noqa: PLC0415 - most commands only read

    made = generated(settings.registry.address, settings.paths.state_dir / "registry")
    made |= plane_parameters(settings, given)
    source = {"root": given.root, **given.source(), "generated": made}
    with database.write() as session:
        plan = plans.ensure(session, given.name)
        return plans.add_version(session, database.vault, plan, given.files, source).number


def bundle(database: Database, name: str, number: int = 0) -> Bundle:
    """The files of a version, as they were handed over; raises as ``find``."""
    with database.read() as session:
        row = find(session, name, number)
        files = plans.version_files(session, database.vault, row.id)
    return Bundle.restored(files, database.vault.open_json(row.sealed_source))


def find(session: Session, name: str, number: int = 0) -> PlanVersion:
    """A version of a plan (0: the newest); DEP-003 for an unknown plan, DEP-028 for an unknown version."""
    plan = plan_of(session, name)
    row = plans.numbered(session, plan, number) if number else plans.newest(session, plan)
    if row is None:
        raise UndercloudError.of(
            "DEP-028",
            f"the plan {name} has no version{f' {number}' if number else ''}",
            fix=f"See how many it has: openstack overcloud plan show {name}",
        )
    return row


def plan_of(session: Session, name: str) -> Plan:
    """A plan by its name; DEP-003 for an unknown one."""
    plan = plans.find(session, name)
    if plan is None:
        raise UndercloudError.of(
            "DEP-003", f"there is no plan {name}", fix="See the plans: openstack overcloud plan list"
        )
    return plan
