"""Plans, their versions and files."""

from __future__ import annotations

import io
from http import HTTPStatus

from undercloud.api.calls import Answer, Call, Handler, page
from undercloud.deploy import wire
from undercloud.deploy.requests import PlanRef
from undercloud.diagnostics import UndercloudError
from undercloud.plan import archive


def listing(call: Call) -> Answer:
    """The plans by name."""
    found = call.service.engine.plans()
    return Answer({"plans": wire.to_plain(page(found, lambda plan: plan.name, call))})


def show(call: Call) -> Answer:
    """One plan."""
    found = next((plan for plan in call.service.engine.plans() if plan.name == call["plan"]), None)
    if found is None:
        raise UndercloudError.of(
            "DEP-003", f"there is no plan {call['plan']}", fix="See them with GET /v1/plans"
        )
    return Answer(wire.to_plain(found))


def delete(call: Call) -> Answer:
    """Forget one."""
    call.service.engine.delete_plan(call["plan"])
    return Answer(status=HTTPStatus.NO_CONTENT)


def passwords(call: Call) -> Answer:
    """What was generated, by name."""
    return Answer({"passwords": call.service.library.passwords(call["plan"])})


def versions(call: Call) -> Answer:
    """The versions, newest first."""
    return Answer({"versions": call.service.library.versions(call["plan"], call["before"], call["limit"])})


def version(call: Call) -> Answer:
    """One version."""
    return Answer(call.service.library.version(call["plan"], call["version"]))


def upload(call: Call) -> Answer:
    """Keep what the archive holds."""
    limits = archive.Limits(total=call.service.settings.api.upload_limit << 20)
    number = call.service.engine.keep_plan(archive.unpack(call.stream, call["plan"], limits=limits))
    place = f"/v1/plans/{call['plan']}/versions/{number}"
    kept = call.service.library.version(call["plan"], number)
    return Answer(kept, HTTPStatus.CREATED, headers={"Location": place})


def download(call: Call) -> Answer:
    """The files of a version as the archive that ``upload`` takes."""
    stream = io.BytesIO()
    archive.pack(call.service.engine.plan_files(call["plan"], call["version"]), stream)
    return Answer(stream.getvalue(), content_type="application/gzip")


def compare(call: Call) -> Answer:
    """What differs between two kept plans."""
    before, after = (wire.from_plain(PlanRef, call.body[name]) for name in ("before", "after"))
    return Answer(wire.to_plain(call.service.engine.compare_plans(before, after)))


def explanation(call: Call) -> Answer:
    """What a name means in a version."""
    plan = PlanRef(call["plan"], call["version"])
    found = call.service.engine.explain_plan(
        plan, call["name"], effects=call["effects"], everything=call["everything"]
    )
    return Answer(wire.to_plain(found))


def files(call: Call) -> Answer:
    """The files by path."""
    found = call.service.library.files(call["plan"], call["version"], call["marker"], call["limit"])
    return Answer({"files": found})


def file(call: Call) -> Answer:
    """One file as it is."""
    content = call.service.library.file(call["plan"], call["version"], call["path"])
    return Answer(content, content_type="application/octet-stream")


OPERATIONS: dict[str, Handler] = {
    "listPlans": listing,
    "getPlan": show,
    "deletePlan": delete,
    "listPasswords": passwords,
    "listVersions": versions,
    "getVersion": version,
    "uploadVersion": upload,
    "getArchive": download,
    "createComparison": compare,
    "getExplanation": explanation,
    "listFiles": files,
    "getFile": file,
}
