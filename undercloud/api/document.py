"""The OpenAPI document at work: what a request means, who may ask it, whether its values are right."""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema
import yaml

from undercloud.api import schemas
from undercloud.diagnostics import Finding, UndercloudError

_FILES = ("openapi.yaml", "openapi_machines.yaml")
_METHODS = ("get", "post", "put", "delete", "patch")
_TRUE, _FALSE = "true", "false"


@dataclass(frozen=True)
class Parameter:
    """A value in the path, in the query or in a header."""

    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """One method of one path; ``body`` is the validator of a JSON body, None where there is none.

    ``begins`` are the operations of a deployment (``engine.Operation``) that it is the way to begin.
    """

    name: str
    role: str
    path: str
    parameters: tuple[Parameter, ...]
    content_types: tuple[str, ...] = ()
    body_required: bool = False
    body: Any = field(default=None, repr=False)
    validators: Mapping[str, Any] = field(default_factory=dict, repr=False)
    begins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Match:
    """What a request means: an operation with the texts of its path, or none and the methods there are."""

    operation: Operation | None
    texts: Mapping[str, str] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()


class Document:
    """The document, with the schemas of the Engine's values in it."""

    def __init__(self) -> None:
        self.content = _read()
        self.content["components"]["schemas"].update(schemas.components())
        self.operations: dict[str, Operation] = {}
        self._routes: list[tuple[re.Pattern[str], dict[str, Operation]]] = []
        # A path with fewer variables is the better match.
        for path, item in sorted(self.content["paths"].items(), key=lambda each: each[0].count("{")):
            pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))
            methods = {
                method.upper(): self._operation(path, item, item[method])
                for method in _METHODS
                if method in item
            }
            self._routes.append((pattern, methods))
        self.served = json.dumps(self.content, separators=(",", ":")).encode()

    def match(self, method: str, path: str) -> Match:
        """The operation of a request; HEAD is a GET without its body."""
        wanted = "GET" if method == "HEAD" else method
        for pattern, methods in self._routes:
            found = pattern.fullmatch(path)
            if found:
                return Match(methods.get(wanted), found.groupdict(), tuple(sorted(methods)))
        return Match(None)

    def beginning(self, kind: str) -> Operation:
        """The operation that begins such a deployment (a value of ``engine.Operation``)."""
        return next(each for each in self.operations.values() if kind in each.begins)

    def _operation(self, path: str, item: Mapping[str, Any], spec: dict[str, Any]) -> Operation:
        listed = [self._resolved(each) for each in (*item.get("parameters", ()), *spec.get("parameters", ()))]
        parameters = tuple(
            Parameter(each["name"], each["in"], each.get("required", False), self._resolved(each["schema"]))
            for each in listed
        )
        body = spec.get("requestBody", {})
        content = body.get("content", {})
        # Whatever else may go wrong with any request is told in the same form.
        spec["responses"].setdefault("default", {"$ref": "#/components/responses/Problem"})
        operation = Operation(
            spec["operationId"],
            spec["x-role"],
            path,
            parameters,
            tuple(content),
            body.get("required", False),
            self._validator(content["application/json"]["schema"]) if "application/json" in content else None,
            {each.name: self._validator(each.schema) for each in parameters},
            tuple(spec.get("x-begins", ())),
        )
        self.operations[operation.name] = operation
        return operation

    def _resolved(self, value: Mapping[str, Any]) -> Any:
        reference = value.get("$ref")
        if reference is None:
            return value
        path = reference.removeprefix("#/").split("/")
        return functools.reduce(lambda at, key: at[key], path, self.content)

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        whole = {**schema, "components": self.content["components"]}
        return jsonschema.Draft202012Validator(whole)


def _read() -> dict[str, Any]:
    """The files as one; each names paths, operations and components that no other has."""
    directory = importlib.resources.files("undercloud.api")
    whole, *more = (yaml.safe_load(directory.joinpath(name).read_text("utf-8")) for name in _FILES)
    for part in more:
        whole["paths"].update(part["paths"])
        for kind, components in part["components"].items():
            whole["components"][kind].update(components)
    return dict(whole)


def read_values(
    operation: Operation,
    path: Mapping[str, str],
    query: Mapping[str, list[str]],
    headers: Mapping[str, str],
) -> dict[str, Any]:
    """The values of path, query and header with their types and defaults.

    Raises API-001 with everything that is wrong with them: a type, a limit, an unknown or repeated name.
    """
    found: dict[str, Any] = {}
    wrong: list[Finding] = []
    for parameter in operation.parameters:
        texts = query.get(parameter.name, [])
        if parameter.place != "query":
            single = path if parameter.place == "path" else headers
            texts = [single[parameter.name]] if parameter.name in single else []
        if not texts:
            if parameter.required:
                wrong.append(_wrong(parameter.name, "it is missing"))
            found[parameter.name] = parameter.schema.get("default")
            continue
        value = _typed(texts[0], parameter.schema.get("type"))
        error = jsonschema.exceptions.best_match(operation.validators[parameter.name].iter_errors(value))
        if len(texts) > 1:
            wrong.append(_wrong(parameter.name, "it is given more than once"))
        elif error:
            wrong.append(_wrong(parameter.name, error.message[:300]))
        found[parameter.name] = value
    known = {parameter.name for parameter in operation.parameters if parameter.place == "query"}
    wrong += [_wrong(name, "there is no such parameter here") for name in query if name not in known]
    if wrong:
        raise UndercloudError(*wrong)
    return found


def read_body(operation: Operation, data: bytes) -> Any:
    """A JSON body; API-002 when it is none, API-001 with what is wrong in it."""
    if not data and not operation.body_required:
        return {}
    try:
        value = json.loads(data, parse_float=_number)
    except (ValueError, RecursionError):
        raise UndercloudError.of("API-002", "the body is not JSON", fix="Send a JSON object.") from None
    errors = sorted(operation.body.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise UndercloudError(
            *(_wrong("/".join(map(str, e.absolute_path)) or "the body", e.message[:300]) for e in errors)
        )
    return value


def _number(text: str) -> int | float:
    """JSON Schema takes 1.0 for an integer, and so do we."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _typed(text: str, kind: str | None) -> Any:
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        return int(text)
    if kind == "boolean" and text in {_TRUE, _FALSE}:
        return text == _TRUE
    return text


def _wrong(name: str, why: str) -> Finding:
    fix = "The API describes itself at /v1/openapi.json."
    return Finding("API-001", f"{name}: {why}", fix, parameters=(name,))
