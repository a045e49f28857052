"""Validations: asked for, looked at."""

from __future__ import annotations

from http import HTTPStatus

from undercloud.api import reports
from undercloud.api.calls import Answer, Call, Handler
from undercloud.deploy import wire
from undercloud.deploy.requests import GivenFiles
from undercloud.diagnostics import Finding, UndercloudError


def create(call: Call) -> Answer:
    """Begin one and say where it is."""
    plan, version = call.body["plan"], call.body.get("version", 0)
    call.service.library.exists(plan, version)
    given = wire.from_plain(GivenFiles, call.body.get("given", {}))
    begun = call.service.validations.start(plan, version, given)
    return Answer(begun, HTTPStatus.ACCEPTED, headers={"Location": f"/v1/validations/{begun['id']}"})


def show(call: Call) -> Answer:
    """One."""
    return Answer(call.service.validations.find(call["validation"]))


def report(call: Call) -> Answer:
    """What one found, as a report; API-012 while it has not said."""
    found = call.service.validations.find(call["validation"])
    if found["status"] not in {"succeeded", "failed"}:
        raise UndercloudError.of(
            "API-012",
            f"the validation {found['id']} is {found['status']}: there is nothing to report",
            fix="Wait until it has ended, or validate again.",
        )
    title = f"Validation of {found['plan']}, version {found['version']}"
    return reports.answer(call["format"], title, wire.from_plain(tuple[Finding, ...], found["findings"]))


def listing(call: Call) -> Answer:
    """All, newest first."""
    return Answer(
        {"validations": call.service.validations.listing(call["plan"], call["limit"], call["marker"])}
    )


OPERATIONS: dict[str, Handler] = {
    "createValidation": create,
    "getValidation": show,
    "getValidationReport": report,
    "listValidations": listing,
}
