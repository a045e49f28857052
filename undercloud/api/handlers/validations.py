"""Validations: asked for, looked at."""

from __future__ import annotations

from http import HTTPStatus

from undercloud.api.calls import Answer, Call, Handler
from undercloud.deploy import wire
from undercloud.deploy.requests import GivenFiles


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


def listing(call: Call) -> Answer:
    """All, newest first."""
    return Answer(
        {"validations": call.service.validations.listing(call["plan"], call["limit"], call["marker"])}
    )


OPERATIONS: dict[str, Handler] = {
    "createValidation": create,
    "getValidation": show,
    "listValidations": listing,
}
