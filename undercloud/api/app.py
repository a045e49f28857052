"""The Pecan application: every request is matched, authorised and checked by the document, then answered."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import pecan
import webob
from pecan.core import PecanBase

from undercloud.api import problems
from undercloud.api.access import Access, Principal
from undercloud.api.answers import encoded
from undercloud.api.audit import Audit
from undercloud.api.authentication import Authentication
from undercloud.api.bodies import Body
from undercloud.api.calls import Answer, Call, Service
from undercloud.api.document import Match, Operation, read_body, read_values
from undercloud.api.handlers import HANDLERS
from undercloud.diagnostics import UndercloudError, internal

_LOG = logging.getLogger(__name__)
_JSON_BODY = 8 << 20  # bytes; files handed over for validation are the largest
# Audited though they only read: they give passwords.
_TOLD = frozenset({"getCredentials", "exportStack", "getFile", "getArchive"})
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Root:
    """The one controller: routing is the document's, so that both cannot differ."""

    def __init__(
        self, service: Service, access: Access, authentication: Authentication, audit: Audit
    ) -> None:
        missing = set(service.document.operations) ^ set(HANDLERS)
        assert not missing, f"the document and the handlers differ: {missing}"
        self._service = service
        self._access = access
        self._authentication = authentication
        self._audit = audit

    @pecan.expose()  # type: ignore[untyped-decorator]
    def serve(self, request: webob.Request) -> webob.Response:
        """Answer one request; whatever goes wrong becomes problem+json."""
        begun = time.monotonic()
        match, who, code = Match(None), None, ""
        try:
            path, query = _address(request.environ)
            match = self._service.document.match(request.method, path)
            who = self._authentication.who(request.environ)
            response = self._answer(request, match, query, who)
        except UndercloudError as error:
            response, code = self._problem(request, error, match), error.findings[0].code
        except Exception:  # noqa: BLE001 - the last border: a client never meets a traceback
            _LOG.exception("%s of %s", request.method, match.operation.name if match.operation else "nothing")
            fault = internal("the service failed; its log says where")
            response, code = self._problem(request, fault, match), fault.findings[0].code
        self._measure(match.operation, response.status_int, time.monotonic() - begun)
        self._record(request, match.operation, who, response.status_int, code)
        return response

    def _answer(
        self, request: webob.Request, match: Match, query: Mapping[str, list[str]], who: Principal | None
    ) -> webob.Response:
        operation = match.operation
        if operation is None and who is None and not match.allowed:
            # Who is nobody learns nothing about what there is.
            raise _not_found()
        self._service.limits.request(who.name if who else request.environ.get("REMOTE_ADDR", ""))
        if operation is None:
            raise _not_allowed(request.method) if match.allowed else _not_found()
        self._access.require(operation, who)
        values = read_values(operation, match.texts, query, request.headers)
        body = Body.of(request.environ)
        name = who.name if who else ""
        require = functools.partial(self._access.require, who=who)
        call = Call(self._service, values, self._json(operation, body), body.stream, name, require)
        answer = HANDLERS[operation.name](call)
        return _response(answer, request.method)

    def _json(self, operation: Operation, body: Body) -> Any:
        """The JSON body, None where the operation takes none or another."""
        if not operation.content_types:
            return None
        given = body.content_type or ("" if operation.body_required else operation.content_types[0])
        if given not in operation.content_types:
            raise UndercloudError.of(
                "API-008",
                f"the body's type is {given or 'not said'}",
                fix=f"Send one of: {', '.join(operation.content_types)}",
            )
        return None if operation.body is None else read_body(operation, body.read(_JSON_BODY))

    def _problem(self, request: webob.Request, error: UndercloudError, match: Match) -> webob.Response:
        status, body = problems.problem(error)
        headers = {}
        if status is HTTPStatus.UNAUTHORIZED and self._authentication.challenge:
            headers["WWW-Authenticate"] = self._authentication.challenge
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(match.allowed)
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            headers["Retry-After"] = "60"
        answer = Answer(body, status, problems.CONTENT_TYPE, headers)
        return _response(answer, request.method)

    def _measure(self, operation: Operation | None, status: int, seconds: float) -> None:
        name = operation.name if operation else ""
        self._service.metrics.requests.labels(name, str(status)).inc()
        self._service.metrics.seconds.labels(name).observe(seconds)

    def _record(
        self, request: Any, operation: Operation | None, who: Principal | None, status: int, code: str
    ) -> None:
        name = operation.name if operation else ""
        refused = status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
        if request.method in {"GET", "HEAD", "OPTIONS"} and not refused and name not in _TOLD:
            return
        self._audit.record(
            who=who.name if who else "",
            address=request.environ.get("REMOTE_ADDR", ""),
            method=request.method,
            path=request.environ.get("PATH_INFO", ""),
            operation=name,
            status=status,
            code=code,
        )


def make_app(service: Service, access: Access, authentication: Authentication, audit: Audit) -> Any:
    """The WSGI application."""
    root = Root(service, access, authentication, audit)
    return authentication.around(_Application(root, hooks=[], request_cls=webob.Request))


def _address(environ: Mapping[str, Any]) -> tuple[str, dict[str, list[str]]]:
    """Path, without a slash at its end, and query; API-001 when they are not UTF-8."""
    try:
        # WSGI tells bytes as the characters of latin-1 (PEP 3333).
        path = environ.get("PATH_INFO", "").encode("latin-1").decode()
        found = parse_qs(environ.get("QUERY_STRING", "").encode("latin-1"), keep_blank_values=True)
        query = {name.decode(): [value.decode() for value in values] for name, values in found.items()}
    except UnicodeError:
        raise UndercloudError.of("API-001", "the address is not UTF-8", fix="Encode it as UTF-8.") from None
    return path if path == "/" else path.rstrip("/"), query


def _response(answer: Answer, method: str) -> webob.Response:
    response = _Response(status=int(answer.status))
    response.headers.update({**_HEADERS, **answer.headers})
    if answer.status is HTTPStatus.NO_CONTENT:
        return response
    response.content_type = answer.content_type
    response.charset = "utf-8" if answer.content_type.startswith("text/") else None
    if answer.stream is not None and method != "HEAD":
        response.app_iter = answer.stream
    elif answer.stream is None:
        response.body = encoded(answer).body
    return response


class _Application(PecanBase):  # type: ignore[misc]
    """Pecan without what the document does instead: finding a controller, its arguments, a rendering."""

    def find_controller(self, state: Any) -> tuple[Any, list[Any], dict[str, Any]]:
        state.controller = self.root.serve
        return state.controller, [state.request], {}

    def invoke_controller(self, controller: Any, args: list[Any], _named: Any, state: Any) -> None:
        state.response = controller(*args)

    def _handle_empty_response_body(self, state: Any) -> None:
        """Pecan would read a whole stream only to see whether it is empty."""


class _Response(webob.Response):  # type: ignore[misc]
    """Without the host that the client said in ``Location``: behind a proxy it is not the server's."""

    def _abs_headerlist(self, _environ: Any) -> list[tuple[str, str]]:
        return list(self.headerlist)


def _not_found() -> UndercloudError:
    return UndercloudError.of("API-003", "there is nothing here", fix="See /v1/openapi.json.")


def _not_allowed(method: str) -> UndercloudError:
    return UndercloudError.of(
        "API-004", f"{method} is not possible here", fix="The header Allow says what is."
    )
