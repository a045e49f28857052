"""The native role_data of services: read, checked against its schema, and with the place of every key."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

from undercloud.diagnostics import Finding, Location, Report
from undercloud.plan.documents import Document
from undercloud.plan.names import did_you_mean
from undercloud.playbooks.bind import Place
from undercloud.playbooks.desired import Origin

CONTRACT = "native/1"
_OUTPUT = ("outputs", "role_data", "value")
_BLOCK = re.compile(r":\s*\|[+-]?\s*$")
_FREE = frozenset({"content", "host_prep_tasks", "deploy_steps_tasks", "external_deploy_tasks"})


@dataclasses.dataclass(frozen=True)
class ServiceData:
    """One service's role_data in one role, and the template that said it.

    ``document`` is the template's (None where it is not known); ``alias`` the name of its resource type.
    """

    role: str
    data: Mapping[str, Any]
    template: str = ""
    document: Document | None = None
    alias: str = ""

    @property
    def name(self) -> str:
        """The service's name, as well as it can be told."""
        name = self.data.get("service_name")
        return name if isinstance(name, str) else self.alias or self.template or "?"

    def locate(self, path: tuple[str, ...], line: int = 0) -> Location | None:
        """Where a key of role_data stands in the template, as far as it can be followed.

        With ``line`` (from 1): that line of the text there, where it can be told.
        """
        if self.document is None:
            return Location(self.template) if self.template else None
        value = self.document.value
        for step in _OUTPUT:
            value = value.get(step) if isinstance(value, Mapping) else None
        way = _followed(value, path)[1]
        if not line:
            return self.document.locate(*_OUTPUT, *way)
        for key in way:
            value = value[key]
        if isinstance(value, Mapping) and len(value) == 1 and "str_replace" in value:
            way += ["str_replace", "template"]
        return _line_of(self.document, self.document.locate(*_OUTPUT, *way), line)

    def place(self, *path: str) -> Place:
        """The place of a key."""
        return Place(self.name, path, self.locate)

    def origin(self, *path: str) -> Origin:
        """The origin of an entry."""
        return Origin(self.name, self.template, path)

    def finding(self, code: str, message: str, *path: str, fix: str = "") -> Finding:
        """An error at a key."""
        location = self.locate(path)
        return Finding(
            code, message, fix, locations=(location,) if location else (), path=(self.role, self.name, *path)
        )


def _line_of(document: Document, start: Location, line: int) -> Location:
    """A line of a block text that begins at a key; the key itself if the text is no such block."""
    lines = document.text.splitlines()
    if start.file == document.file and 0 < start.line <= len(lines) and _BLOCK.search(lines[start.line - 1]):
        return Location(start.file, start.line + line)
    return start


def _followed(value: Any, path: tuple[str, ...]) -> tuple[int, list[str | int]]:
    """How far a path in role_data leads in the template, and by which way.

    HOT functions such as map_merge and if are gone through.
    """
    if not path:
        return 0, []
    key: str | int = int(path[0]) if isinstance(value, list) and path[0].isdecimal() else path[0]
    is_there = key in value if isinstance(value, Mapping) else isinstance(key, int) and key < len(value or ())
    if is_there:
        far, way = _followed(value[key], path[1:])
        return far + 1, [key, *way]
    if isinstance(value, Mapping) and len(value) == 1:
        name, arguments = next(iter(value.items()))
        listed = isinstance(arguments, list)
        ways = (
            [([name, index], item) for index, item in enumerate(arguments)]
            if listed
            else [([name], arguments)]
        )
        far, found = 0, list[str | int]()
        for head, item in ways:
            reach, way = _followed(item, path)
            if reach > far:
                far, found = reach, [*head, *way]
        return far, found
    return 0, []


def read(role_data: Mapping[str, Iterable[ServiceData]], report: Report) -> dict[str, list[ServiceData]]:
    """Check the services of all roles; those that follow the contract come back, without keys that are null.

    A null stands for "not given": a HOT condition leaves it behind. Equal role_data (a service in several
    roles) is checked once. Findings: ROLE-001 an unknown key, ROLE-002 a missing one, ROLE-003 a value of the
    wrong form.
    """
    known: dict[str, Mapping[str, Any] | None] = {}
    good: dict[str, list[ServiceData]] = {}
    for role, services in role_data.items():
        good[role] = []
        for service in services:
            key = json.dumps(service.data, sort_keys=True, default=str)
            if key not in known:
                data = _without_null(service.data)
                findings = list(check(dataclasses.replace(service, data=data)))
                report.extend(findings)
                known[key] = None if findings else data
            checked = known[key]
            if checked is not None:
                good[role].append(dataclasses.replace(service, data=checked))
    return good


def check(service: ServiceData) -> Iterator[Finding]:
    """What in a role_data is not as the schema has it."""
    for error in sorted(_validator().iter_errors(service.data), key=lambda error: list(map(str, error.path))):
        yield from _findings(service, error)


@functools.cache
def schema(name: str) -> Mapping[str, Any]:
    """One of the schemas beside this module: ``role_data`` or ``desired_state``."""
    text = importlib.resources.files(__package__).joinpath(f"schemas/{name}.schema.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@functools.cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema("role_data"))


def _without_null(value: Any, key: str = "") -> Any:
    if key in _FREE:
        return value
    if isinstance(value, Mapping):
        return {name: _without_null(item, str(name)) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_null(item) for item in value]
    return value


def _findings(service: ServiceData, error: ValidationError) -> Iterator[Finding]:
    path = tuple(map(str, error.absolute_path))
    where = f" in {'.'.join(path)}" if path else ""
    instance: Any = error.instance
    rule: Any = error.validator_value
    if error.validator == "additionalProperties":
        yield from _unknown_keys(service, path, instance, error.schema)
    elif error.validator == "required":
        for name in rule:
            if name not in instance:
                yield service.finding(
                    "ROLE-002", f"the key {name!r} is missing{where}", *path, fix=f"Add {name}."
                )
    else:
        message = f"{'.'.join(path) or 'role_data'} {_wrong(str(error.validator), rule, instance)}"
        yield service.finding("ROLE-003", message, *path)


def _unknown_keys(
    service: ServiceData, path: tuple[str, ...], instance: Mapping[str, Any], rules: Any
) -> Iterator[Finding]:
    """Each key that is neither a property nor matches a pattern."""
    known = list(rules.get("properties", {}))
    patterns = list(rules.get("patternProperties", {}))
    where = f" in {'.'.join(path)}" if path else ""
    for name in map(str, instance):
        if name in known or any(re.search(pattern, name) for pattern in patterns):
            continue
        fix = did_you_mean(name, known) or (
            f"The keys are: {', '.join(known)}." if known else f"A name here matches {' or '.join(patterns)}."
        )
        yield service.finding("ROLE-001", f"the key {name!r} is not known{where}", *path, name, fix=fix)


_TYPES = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def _wrong(validator: str, rule: Any, instance: Any) -> str:
    """What a value must be, and is not. Values are not shown: they may be secret."""
    if validator == "type":
        kinds = [_TYPES[kind] for kind in ([rule] if isinstance(rule, str) else rule)]
        return f"must be {' or '.join(kinds)}, not {_kind(instance)}"
    if validator == "anyOf":
        kinds = [_TYPES.get(option.get("type", ""), str(option.get("const", ""))) for option in rule]
        return f"must be {' or '.join(dict.fromkeys(filter(None, kinds)))}, not {_kind(instance)}"
    forms = {
        "enum": f"must be one of {', '.join(map(str, rule)) if isinstance(rule, list) else rule}",
        "pattern": f"must match {rule}",
        "minimum": f"is less than {rule}",
        "maximum": f"is more than {rule}",
        "minLength": "is empty",
    }
    return forms.get(validator, f"does not follow the schema ({validator})")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "a map", list: "a list", str: "such a text", int: "such a number", float: "such a number"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), "null")
