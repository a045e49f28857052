"""Errors as the API tells them: problem+json (RFC 9457) with our findings, and the status of HTTP."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from undercloud.deploy import wire
from undercloud.diagnostics import Finding, UndercloudError

CONTENT_TYPE = "application/problem+json"
_STATUS = {
    "API-001": HTTPStatus.BAD_REQUEST,
    "API-002": HTTPStatus.BAD_REQUEST,
    "API-003": HTTPStatus.NOT_FOUND,
    "API-004": HTTPStatus.METHOD_NOT_ALLOWED,
    "API-005": HTTPStatus.UNAUTHORIZED,
    "API-006": HTTPStatus.FORBIDDEN,
    "API-007": HTTPStatus.TOO_MANY_REQUESTS,
    "API-008": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "API-009": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "API-010": HTTPStatus.NOT_FOUND,
    "API-011": HTTPStatus.SERVICE_UNAVAILABLE,
    "API-012": HTTPStatus.CONFLICT,
    "API-013": HTTPStatus.REQUEST_TIMEOUT,
    "API-020": HTTPStatus.SERVICE_UNAVAILABLE,
    "API-021": HTTPStatus.SERVICE_UNAVAILABLE,
    "API-022": HTTPStatus.SERVICE_UNAVAILABLE,
    "PLAN-100": HTTPStatus.UNPROCESSABLE_ENTITY,
    "PLAN-102": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "DEP-001": HTTPStatus.CONFLICT,
    "DEP-003": HTTPStatus.NOT_FOUND,
    "DEP-004": HTTPStatus.NOT_FOUND,
    "DEP-005": HTTPStatus.CONFLICT,
    "DEP-006": HTTPStatus.CONFLICT,
    "DEP-007": HTTPStatus.CONFLICT,
    "DEP-028": HTTPStatus.NOT_FOUND,
    "EXP-001": HTTPStatus.NOT_FOUND,
    "EXP-002": HTTPStatus.NOT_FOUND,
    "DEP-033": HTTPStatus.BAD_REQUEST,
    "DEP-034": HTTPStatus.CONFLICT,
    "DEP-031": HTTPStatus.SERVICE_UNAVAILABLE,
    "BM-100": HTTPStatus.BAD_GATEWAY,
    "BM-101": HTTPStatus.BAD_GATEWAY,
    "BM-102": HTTPStatus.BAD_GATEWAY,
    "BM-103": HTTPStatus.NOT_FOUND,
    "BM-104": HTTPStatus.CONFLICT,
    "BM-106": HTTPStatus.NOT_IMPLEMENTED,
    "BM-107": HTTPStatus.NOT_FOUND,
    "BM-108": HTTPStatus.CONFLICT,
    "BM-126": HTTPStatus.CONFLICT,
    "BM-121": HTTPStatus.BAD_REQUEST,
    "DEP-029": HTTPStatus.CONFLICT,
    "BM-148": HTTPStatus.NOT_FOUND,
    "BM-149": HTTPStatus.CONFLICT,
    "IMG-020": HTTPStatus.BAD_GATEWAY,
    "IMG-021": HTTPStatus.BAD_GATEWAY,
    "IMG-022": HTTPStatus.BAD_GATEWAY,
    "DB-003": HTTPStatus.INSUFFICIENT_STORAGE,
    "DB-004": HTTPStatus.SERVICE_UNAVAILABLE,
    "INT-001": HTTPStatus.INTERNAL_SERVER_ERROR,
}
_PREFIX = "urn:undercloud:error:"


def status_of(findings: Sequence[Finding]) -> HTTPStatus:
    """The status of the first finding; 422 for what is wrong with a plan."""
    return _STATUS.get(findings[0].code, HTTPStatus.UNPROCESSABLE_ENTITY)


def problem(error: UndercloudError) -> tuple[HTTPStatus, bytes]:
    """Status and body."""
    first = error.findings[0]
    status = status_of(error.findings)
    told: dict[str, Any] = {
        "type": _PREFIX + first.code,
        "title": first.message,
        "status": int(status),
        "findings": wire.to_plain(error.findings),
    }
    if first.fix:
        told["detail"] = first.fix
    return status, json.dumps(told).encode()
