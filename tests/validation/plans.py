"""Plans as data: what an operator's files say over the templates, each in a few lines; see invalid.yaml."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conformance.validation import running
from undercloud.diagnostics import Finding

_FILES = {"roles": "-r", "networks": "-n", "vips": "--vip-file"}
_SAMPLES = {
    "roles": "roles/{}.yaml",
    "networks": "network-data-samples/{}.yaml",
    "vips": "network-data-samples/{}.yaml",
}
MACHINES = [
    {
        "name": f"node-{number}",
        "pm_type": "ipmi",
        "pm_addr": f"192.0.2.{10 + number}",
        "pm_user": "admin",
        "pm_password": "word",
        "ports": [{"address": f"52:54:00:aa:00:0{number}"}],
        "cpu": 16,
        "memory": 65536,
        "disk": 100,
        "arch": "x86_64",
    }
    for number in range(5)
]
"""The registered machines, unless a plan says otherwise."""


def read(file: Path) -> dict[str, Mapping[str, Any]]:
    """The plans of a file by name."""
    return {plan["name"]: plan for plan in yaml.safe_load(file.read_text())}


def findings(plan: Mapping[str, Any], templates: Path, folder: Path) -> tuple[Finding, ...]:
    """What validation finds in a plan; its files are written into the folder."""
    earlier = plan.get("previous")
    before = write({**_base(plan), **earlier}, templates, folder / "before") if earlier is not None else ()
    return running.findings(write(plan, templates, folder / "now"), before)


def _base(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the plan of before has in common with the one of now."""
    kept = ("roles", "networks", "vips", "environments", "baremetal")
    return {key: _unchanged(plan[key]) for key in kept if key in plan}


def _unchanged(value: Any) -> Any:
    return {key: item for key, item in value.items() if key != "set"} if isinstance(value, dict) else value


def write(plan: Mapping[str, Any], templates: Path, folder: Path) -> list[str]:
    """Write the files; the arguments of the command line for them."""
    folder.mkdir(parents=True)
    arguments = ["--templates", str(templates)]
    for kind, option in _FILES.items():
        if kind in plan:
            arguments += [option, _dump(folder / f"{kind}.yaml", _listed(kind, plan[kind], templates))]
    if "baremetal" in plan:
        arguments += ["--baremetal-deployment", _dump(folder / "baremetal.yaml", plan["baremetal"])]
    if "machines" in plan:
        arguments += ["--nodes", _dump(folder / "nodes.yaml", {"nodes": _set(MACHINES, plan["machines"])})]
    if "undercloud" in plan:
        (folder / "undercloud.conf").write_text(plan["undercloud"])
        arguments += ["--undercloud-conf", str(folder / "undercloud.conf")]
    for name in plan.get("environments", ()):
        arguments += ["-e", str(templates / f"environments/{name}.yaml")]
    own = folder / "operator.yaml"
    if "text" in plan:
        own.write_text(plan["text"])
    else:
        content = {"parameter_defaults": plan.get("parameters") or {}}
        if plan.get("registry"):
            content["resource_registry"] = plan["registry"]
        _dump(own, content)
    own.chmod(0o600)
    return [*arguments, "-e", str(own)]


def _dump(path: Path, content: Any) -> str:
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return str(path)


def _listed(kind: str, wanted: Any, templates: Path) -> list[Any]:
    """The entries of the samples, with what the plan sets in them."""
    if isinstance(wanted, str | list):
        wanted = {"samples": [wanted] if isinstance(wanted, str) else wanted}
    found: list[Any] = []
    for name in wanted.get("samples", ()):
        path = "roles_data.yaml" if name == "default" else _SAMPLES[kind].format(name)
        found += _sample(templates / path)
    return _set(found + wanted.get("add", []), wanted.get("set", {}))


@functools.cache
def _sample(path: Path) -> list[Any]:
    found: list[Any] = yaml.safe_load(path.read_text())
    return found


def _set(entries: list[Any], changes: Mapping[str, Any]) -> list[Any]:
    """A copy with values put at paths such as ``Storage.subnets.storage_subnet.vlan``; ``null`` removes one."""
    made = copy.deepcopy(entries)
    for path, value in changes.items():
        *steps, last = path.split(".")
        place: Any = made
        for step in steps:
            place = _at(place, step)
        if isinstance(place, list) and last.isdecimal() and int(last) < len(place):
            place[int(last)] = value
        elif isinstance(place, list):
            place.append(value)
        elif value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return made


def _at(place: Any, step: str) -> Any:
    if isinstance(place, list):
        named = next((each for each in place if isinstance(each, dict) and each.get("name") == step), None)
        return named if named is not None else place[int(step)]
    return place.setdefault(step, {})
