"""The document: valid, true of the server in both directions, proven by requests nobody thought of."""

from __future__ import annotations

import json
from typing import Any

import openapi_core
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks as openapi_checks

from tests.unit.api.conftest import PASSWORD, Client
from tests.unit.api.test_api_deployments import prepared
from tests.unit.deploy.simulated_ironic import SimulatedIronic
from undercloud.api.document import Document
from undercloud.api.handlers import HANDLERS
from undercloud.deploy.engine import Operation

_PROFILE = settings(
    max_examples=6,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_the_document_is_valid_openapi() -> None:
    document = Document()
    validate(document.content)
    assert document.content["openapi"].startswith("3.1")
    assert set(document.operations) == set(HANDLERS)
    assert {operation.role for operation in document.operations.values()} <= {
        "public",
        "reader",
        "member",
        "admin",
    }


def test_each_operation_of_a_deployment_is_begun_in_one_place() -> None:
    document = Document()
    begun = [kind for operation in document.operations.values() for kind in operation.begins]
    assert sorted(begun) == sorted(Operation)
    assert document.beginning(Operation.RESTORE).role == "admin"


def test_it_is_served_as_it_is(shared: Client) -> None:
    assert shared.get("/v1/openapi.json", auth=None) == Document().content
    assert shared.get("/", auth=None)["versions"][0]["id"] == "v1"


@pytest.fixture(scope="module")
def filled(shared: Client) -> Client:
    """With a plan that can be evaluated and a stack that was deployed."""
    shared.upload()
    prepared(shared)
    ironic = SimulatedIronic(shared.world.settings.paths.state_dir, hurry=True)
    ironic.create("node-1", {"properties": {"capabilities": "profile:control"}})
    shared.world.ironic = lambda: ironic
    body = {"stack": "overcloud", "version": 2}
    started = shared.ask("POST", "/v1/deployments", json=body).json()
    ended = shared.running.service.engine.wait(started["id"], 60)
    assert ended.status == "succeeded", ended.findings
    return shared


_READ = (
    "/",
    "/v1",
    "/v1/health",
    "/v1/locks",
    "/v1/plans",
    "/v1/plans/overcloud",
    "/v1/plans/overcloud/passwords",
    "/v1/plans/overcloud/versions",
    "{version}",
    "{version}/files",
    "{version}/file?path=site.yaml",
    "{version}/environments",
    "{version}/parameters?limit=3",
    "{version}/roles",
    "{version}/networks",
    "{version}/resources",
    "{version}/outputs",
    "/v1/stacks",
    "/v1/stacks/overcloud",
    "/v1/stacks/none",
    "/v1/stacks/overcloud/failures",
    "/v1/stacks/overcloud/credentials",
    "/v1/stacks/overcloud/export",
    "/v1/deployments?stack=overcloud",
    "/v1/deployments/{deployment}",
    "/v1/deployments/{deployment}/log",
    "/v1/deployments/{deployment}/events?limit=5",
    "/v1/deployments/{deployment}/changes",
    "/v1/validations",
    "/v1/deployments/{deployment}/hosts",
    "/v1/deployments/{deployment}/report?format=json",
    "/v1/deployments/{deployment}/failures",
    "/v1/nodes",
    "/v1/nodes/node-1",
    "/v1/nodes/none",
    "/v1/profiles",
    "/v1/disk-images",
    "/v1/container-images",
    "/v1/stacks/overcloud/nodes",
    "/v1/stacks/overcloud/addresses",
)


def test_requests_and_answers_keep_to_it(filled: Client) -> None:
    told = openapi_core.Config(extra_media_type_deserializers={"application/problem+json": json.loads})
    openapi = openapi_core.OpenAPI.from_dict(Document().content, config=told)
    deployment = filled.get("/v1/deployments")["deployments"][0]["id"]
    version = "/v1/plans/overcloud/versions/1"
    asked: list[tuple[str, str, Any]] = [
        *(("GET", path.format(version=version, deployment=deployment), None) for path in _READ),
        ("POST", "/v1/validations", {"plan": "overcloud", "version": 1}),
        ("POST", "/v1/deployments", {"stack": "overcloud", "version": 9}),
        ("POST", "/v1/nodes/work", {"work": ["manage"], "nodes": ["node-1"]}),
        ("POST", "/v1/nodes", {"file": {"path": "nodes.yaml", "text": "nodes: {}"}}),
        ("POST", "/v1/nodes/maintenance", {"nodes": ["node-1"], "on": True, "reason": "fan"}),
        ("POST", "/v1/profiles/match", {"scale": {"control": 1}}),
        ("POST", "/v1/stacks/overcloud/unprovision", {"hosts": ["nobody"]}),
    ]
    for method, path, body in asked:
        request = requests.Request(method, filled.running.address + path, json=body, auth=("admin", PASSWORD))
        prepared_request = filled.session.prepare_request(request)
        answer = filled.session.send(prepared_request, verify=filled.authority, timeout=60)
        assert answer.status_code < 500, answer.text
        openapi.validate_request(RequestsOpenAPIRequest(prepared_request))
        openapi.validate_response(RequestsOpenAPIRequest(prepared_request), RequestsOpenAPIResponse(answer))


def test_metrics_count(filled: Client) -> None:
    text = filled.ask("GET", "/v1/metrics").text
    assert 'undercloud_stacks{status="deployed"} 1.0' in text
    assert 'undercloud_api_requests_total{operation="createDeployment",status="202"}' in text


# What would take nodes, last, or take away what the other requests need; their bad requests are tried.
_ONLY_BAD = (
    "streamEvents",
    "createDeployment",
    "deleteStack",
    "createCheck",
    "deletePlan",
    "createValidation",
    "discoverNodes",
)


@schemathesis.serializer("application/x-tar", "application/gzip")
def archive(_context: Any, value: Any) -> bytes:
    """Anything at all: an archive it will hardly be."""
    return value if isinstance(value, bytes) else json.dumps(value, default=str).encode()


def test_no_request_surprises_it(filled: Client) -> None:
    """schemathesis makes requests up, good ones and bad ones, and holds the answers against the document."""
    checks = [
        not_a_server_error,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
        openapi_checks.response_schema_conformance,
        openapi_checks.negative_data_rejection,
    ]
    tried = 0

    def attempt(case: Any) -> None:
        nonlocal tried
        answer = case.call(
            base_url=filled.running.address, auth=("admin", PASSWORD), verify=filled.authority, timeout=60
        )
        case.validate_response(answer, checks=checks)
        tried += 1

    schema = schemathesis.openapi.from_dict(Document().content)
    for result in schema.get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]
        good = operation.as_strategy(generation_mode=schemathesis.GenerationMode.POSITIVE)
        bad = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
        for strategy in (bad,) if operation.definition.raw["operationId"] in _ONLY_BAD else (good, bad):
            try:
                _PROFILE(given(case=strategy)(attempt))()
            except Unsatisfiable:
                continue  # nothing about this operation can be wrong
    assert tried > 200
