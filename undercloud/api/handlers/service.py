"""About the service itself: discovery, health, metrics, locks, host keys."""

from __future__ import annotations

from http import HTTPStatus

from undercloud.api import metrics
from undercloud.api.answering import OK
from undercloud.api.calls import Answer, Call, Handler
from undercloud.deploy import wire
from undercloud.diagnostics import UndercloudError


def versions(call: Call) -> Answer:
    """The one version there is."""
    return Answer({"versions": [_discovery(call)]})


def service(call: Call) -> Answer:
    """Where things are."""
    return Answer(_discovery(call))


def _discovery(call: Call) -> dict[str, object]:
    names = (
        *("plans", "stacks", "deployments", "validations", "nodes", "profiles", "disk-images"),
        "container-images",
        *("locks", "health", "metrics", "openapi.json"),
    )
    version = call.service.document.content["info"]["version"]
    return {"id": "v1", "version": version, "links": {name: f"/v1/{name}" for name in names}}


def openapi(call: Call) -> Answer:
    """The document."""
    return Answer(call.service.document.served)


def health(call: Call) -> Answer:
    """Whether the database answers, and an engine elsewhere; what goes wrong is said without its details."""
    checks = {"database": _database(call)}
    if call.service.answering is not None:
        checks["engine"] = call.service.answering.told()
    good = set(checks.values()) == {OK}
    status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer({"status": OK if good else "failing", "checks": checks}, status)


def _database(call: Call) -> str:
    try:
        call.service.engine.deployments(limit=1)
    except UndercloudError as error:
        return error.findings[0].code
    return OK


def read_metrics(call: Call) -> Answer:
    """Prometheus' text."""
    return Answer(call.service.metrics.text(call.service.engine), content_type=metrics.CONTENT_TYPE)


def locks(call: Call) -> Answer:
    """The locks that somebody holds."""
    held = {stack.name: stack.lock for stack in call.service.engine.stacks() if stack.lock}
    return Answer({"locks": wire.to_plain(held)})


def forget_host_key(call: Call) -> Answer:
    """Forget it."""
    if call.service.engine.forget_host_key(call["address"], call["port"]):
        return Answer(status=HTTPStatus.NO_CONTENT)
    raise UndercloudError.of(
        "API-010",
        f"no host key of {call['address']} port {call['port']} is known",
        fix="See the nodes' addresses with GET /v1/stacks/STACK/hosts.",
    )


OPERATIONS: dict[str, Handler] = {
    "getVersions": versions,
    "getService": service,
    "getOpenapi": openapi,
    "getHealth": health,
    "getMetrics": read_metrics,
    "listLocks": locks,
    "forgetHostKey": forget_host_key,
}
