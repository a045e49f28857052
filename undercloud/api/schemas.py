"""JSON Schemas of the Engine's dataclasses as ``wire.to_plain`` writes them, made of these themselves."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any

from undercloud.deploy import engine, machines, profiles, requests
from undercloud.diagnostics import Finding
from undercloud.diskimages.built import Built
from undercloud.images.remote import Described

ROOTS = (
    engine.Deployment,
    engine.StackInfo,
    engine.StackHost,
    engine.PlanInfo,
    engine.HostCounts,
    engine.Event,
    engine.Failure,
    engine.Change,
    engine.LockInfo,
    engine.Credentials,
    engine.Explained,
    engine.Exported,
    machines.MachineInfo,
    machines.MachineDetail,
    machines.ProvisionedNode,
    profiles.Profile,
    profiles.MatchedProfiles,
    Built,
    Described,
    requests.GivenFiles,
    Finding,
)
_CLOSED = (requests.GivenFiles, requests.GivenFile)
_SIMPLE = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
}


def components() -> dict[str, Any]:
    """Schema by name, of the roots and of all that they hold."""
    found: dict[str, Any] = {}
    for kind in ROOTS:
        _schema(kind, found)
    return found


def _schema(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    made: dict[str, Any] = {}
    if origin in {types.UnionType, typing.Union}:
        made = {"anyOf": [_schema(each, found) for each in arguments if each is not types.NoneType]}
        made["anyOf"].append({"type": "null"})
    elif origin is tuple:
        made = {"type": "array", "items": _schema(arguments[0], found)}
    elif origin in {dict, Mapping}:
        made = {"type": "object", "additionalProperties": _schema(arguments[1], found)}
    elif isinstance(kind, type) and dataclasses.is_dataclass(kind):
        made = {"$ref": f"#/components/schemas/{kind.__name__}"}
        if kind.__name__ not in found:
            found[kind.__name__] = {}
            found[kind.__name__] = _object(kind, found)
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        made = {"type": "string", "enum": [each.value for each in kind]}
    elif kind in _SIMPLE:
        made = dict(_SIMPLE[kind])
    return made


def _object(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    made: dict[str, Any] = {
        "type": "object",
        "description": " ".join((kind.__doc__ or "").split("\n\n", maxsplit=1)[0].split()),
        "properties": {field.name: _schema(hints[field.name], found) for field in fields},
    }
    if (
        kind in _CLOSED
    ):  # what comes from outside: what has a default may be left out, nothing else may be there
        missing = dataclasses.MISSING
        made["required"] = [f.name for f in fields if f.default is missing and f.default_factory is missing]
        made["additionalProperties"] = False
    else:
        made["required"] = [field.name for field in fields]
    return made
