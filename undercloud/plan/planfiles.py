"""The files that say what a plan is made of: answers, plan-environment.yaml, capabilities-map.yaml."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Report, Severity
from undercloud.plan.documents import Document
from undercloud.plan.entries import Entry, Keys

_ANSWERS: Keys = {"templates": (str,), "roles": (str,), "networks": (str,), "environments": (list,)}
_PLAN: Keys = {
    "version": (int, float, str),
    "name": (str,),
    "description": (str,),
    "template": (str,),
    "environments": (list,),
    "parameter_defaults": (dict,),
    "passwords": (dict,),
    "playbook_parameters": (dict,),
    "workflow_parameters": (dict,),
    "type": (str,),
}
_CAPABILITIES: Keys = {"root_template": (str,), "root_environment": (str,), "topics": (list,)}
_TOPIC: Keys = {"title": (str,), "description": (str,), "environment_groups": (list,)}
_GROUP: Keys = {
    "name": (str,),
    "title": (str,),
    "description": (str,),
    "environments": (list,),
    "mutually_exclusive": (bool,),
}
_CAPABLE: Keys = {
    "file": (str,),
    "title": (str,),
    "description": (str,),
    "requires": (list,),
    "conflicts": (list,),
}


@dataclasses.dataclass(frozen=True)
class Answers:
    """An answers file: paths as the operator wrote them."""

    templates: str = ""
    roles: str = ""
    networks: str = ""
    environments: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class PlanEnvironment:
    """A plan-environment.yaml; the paths of ``environments`` are relative to the template root."""

    name: str = ""
    template: str = ""
    environments: tuple[str, ...] = ()
    parameter_defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    passwords: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    playbook_parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Capability:
    """One environment that a capabilities map offers, and which others it needs or excludes."""

    topic: str
    group: str
    file: str
    title: str = ""
    description: str = ""
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Capabilities:
    """A capabilities-map.yaml."""

    root_template: str = ""
    root_environment: str = ""
    environments: tuple[Capability, ...] = ()


def read_answers(document: Document, report: Report) -> Answers:
    """An answers file. PLAN-070 no map, PLAN-073 an unknown key, PLAN-074 a value of the wrong type."""
    good = _top(Entry(document, (), "the answers file", "PLAN-07", report), _ANSWERS)
    environments = Entry(document, ("environments",), "environments", "PLAN-07", report)
    return Answers(**{**good, "environments": environments.texts(good.get("environments", []))})


def read_plan_environment(document: Document, report: Report) -> PlanEnvironment:
    """A plan-environment.yaml. PLAN-080 no map, PLAN-083 an unknown key (warning), PLAN-084 a wrong type."""
    entry = Entry(document, (), "the plan environment", "PLAN-08", report)
    good = _top(entry, _PLAN, Severity.WARNING)
    paths = []
    for number, item in enumerate(good.get("environments", [])):
        path = item.get("path") if isinstance(item, dict) else None
        if isinstance(path, str):
            paths.append(path)
        else:
            entry.at("environments", number).called("an environment").wrong(item, "a map with path")
    return PlanEnvironment(
        name=good.get("name", ""),
        template=good.get("template", ""),
        environments=tuple(paths),
        parameter_defaults=good.get("parameter_defaults", {}),
        passwords=good.get("passwords", {}),
        playbook_parameters=good.get("playbook_parameters", {}),
    )


def read_capabilities(document: Document, report: Report) -> Capabilities:
    """A capabilities-map.yaml. PLAN-090 no map, PLAN-093 an unknown key (warning), PLAN-094 a wrong type."""
    entry = Entry(document, (), "the capabilities map", "PLAN-09", report)
    good = _top(entry, _CAPABILITIES, Severity.WARNING)
    found: list[Capability] = []
    for topic, topic_data in _maps(entry.at("topics"), good.get("topics", []), _TOPIC):
        groups = topic.at("environment_groups")
        for group, group_data in _maps(groups, topic_data.get("environment_groups", []), _GROUP):
            capable = group.at("environments")
            for each, data in _maps(capable, group_data.get("environments", []), _CAPABLE):
                if "file" not in data:
                    each.called("an environment of the capabilities map").wrong(None, "a map with file")
                    continue
                found.append(
                    Capability(
                        topic=topic_data.get("title", ""),
                        group=group_data.get("title") or group_data.get("name", ""),
                        file=data["file"],
                        title=data.get("title", ""),
                        description=data.get("description", ""),
                        requires=each.at("requires").texts(data.get("requires", [])),
                        conflicts=each.at("conflicts").texts(data.get("conflicts", [])),
                    )
                )
    return Capabilities(good.get("root_template", ""), good.get("root_environment", ""), tuple(found))


def _top(entry: Entry, known: Keys, unknown: Severity = Severity.ERROR) -> dict[str, Any]:
    value = entry.document.value
    if not isinstance(value, dict | None):
        entry.error("0", f"{entry.what} is no map", f"Write keys at the left margin: {', '.join(known)}.")
        return {}
    return entry.checked(value or {}, known, unknown)


def _maps(entry: Entry, values: list[Any], known: Keys) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """The maps of the list that stands here, with their known keys."""
    for number, value in enumerate(values):
        item = entry.at(number).called(f"an entry of {entry.path[-1]}")
        if isinstance(value, dict):
            yield item, item.checked(value, known, Severity.WARNING)
        else:
            item.wrong(value, "a map")
