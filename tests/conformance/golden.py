"""The golden plans: real Heat's and TripleO's results, and our own from the same inputs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.conformance import digests, places
from undercloud.diagnostics import Severity
from undercloud.hot.stack import KeptStrings, StackRequest, evaluate
from undercloud.plan.bundle import PlanSource
from undercloud.plan.documents import parse
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.environment import Layer, merge
from undercloud.plan.loader import load
from undercloud.plan.references import declared_types
from undercloud.plan.state import State
from undercloud.plan.tree import Tree
from undercloud.playbooks import compiler
from undercloud.playbooks.upstream.compiling import found
from undercloud.playbooks.upstream.directory import directory
from undercloud.playbooks.upstream.inventory import Access

PLANS: Mapping[str, Mapping[str, Any]] = {
    "standalone": {
        "roles": "roles/Standalone.yaml",
        "variables": {
            "Standalone": {
                "ansible_connection": "local",
                "ansible_python_interpreter": "/usr/bin/python3",
            }
        },
    },
    "overcloud-3-1": {
        "roles": "roles_data.yaml",
        "networks": "network-data-samples/default-network-isolation.yaml",
    },
}


@dataclasses.dataclass(frozen=True)
class Result:
    """A stack's outputs and its directory (relative path → text), normalised to values."""

    outputs: dict[str, Any]
    files: dict[str, Any]


def normalised(outputs: Mapping[str, Any], texts: Mapping[str, str]) -> Result:
    """A result without what is random in each run."""
    names = digests.server_names(outputs)
    plain = {name: digests.normal_value(value, names) for name, value in outputs.items()}
    return Result(plain, digests.values(texts, names))


def expected(folder: Path) -> Result:
    """What real Heat and TripleO made of a plan."""
    outputs = json.loads((folder / "stack_outputs.json").read_text())
    root = folder / "config-download"
    texts = {
        # A word that begins with an @ is no YAML.
        str(file.relative_to(root)): file.read_text().replace("@HOME@", "/home")
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }
    return normalised(outputs, texts)


def access(name: str) -> Access:
    """Who the reference program says Ansible is."""
    return Access("root", "/home/venv/bin/python", PLANS[name].get("variables", {}))


def compiled(name: str, folder: Path, templates: Path) -> Result:
    """Our result from exactly the environment files that went to Heat, in their order."""
    plan = load(_source(name, templates, folder))
    layers = tuple(_layers(folder / "inputs", plan.tree, templates))
    environment = merge(layers, declared_types(plan.tree, plan.root), plan.tree)
    assert not [one for one in environment.findings if one.severity is Severity.ERROR]
    strings = KeptStrings({}, SeededEntropy())
    stack = evaluate(StackRequest(plan.tree, plan.root, environment, strings, plan.name)).raise_for_errors()
    settings = environment.parameter_defaults
    files = directory(plan.name, stack.outputs, found(stack), settings, access(name))
    outputs = json.loads(json.dumps(stack.outputs))
    return normalised(outputs, {path: file.text for path, file in files.items()})


def from_the_plan(name: str, folder: Path, templates: Path) -> Result:
    """Our result where the compiler makes what TripleO's commands had written: ports, addresses, images.

    It is told only what an operator would: which nodes there are and which addresses are fixed.
    """
    inputs = folder / "inputs"
    written = {
        path.name: yaml.safe_load(path.read_text().replace("@THT@", str(templates)))
        for path in (inputs / "user-envs").glob("*.yaml")
    }
    nodes = written["baremetal-deployed.yaml"]["parameter_defaults"]
    vips = written["virtual-ips-deployed.yaml"]["parameter_defaults"]
    listed = [{"network": net, "ip_address": port["ip_address"]} for net, port in vips["VipPortMap"].items()]
    plane = vips["ControlPlaneVipData"]["fixed_ips"][0]
    files = {
        "vips.yaml": [*listed, {"network": "ctlplane", **plane}],
        "nodes.yaml": [_role_nodes(role, nodes["NodePortMap"]) for role in ("Controller", "Compute")],
        "moment.yaml": {"parameter_defaults": {"DeployIdentifier": "1700000000"}},
    }
    for file, value in files.items():
        (folder / file).write_text(yaml.safe_dump(value))
    environments = [
        inputs / "overcloud-passwords.yaml",
        inputs / "user-envs/user-params.yaml",
        folder / "moment.yaml",
    ]
    source = dataclasses.replace(
        _source(name, templates, folder),
        vip_file=str(folder / "vips.yaml"),
        baremetal_deployment=str(folder / "nodes.yaml"),
        environments=tuple(map(str, environments)),
    )
    made = compiler.compile(load(source), State(), SeededEntropy()).raise_for_errors()
    outputs = json.loads(json.dumps(made.stack.outputs))
    return normalised(outputs, {path: file.text for path, file in made.files.items()})


def _role_nodes(role: str, ports: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A role's entry in the file of nodes; the golden plan calls its hosts after their roles."""
    instances = [
        {
            "hostname": host,
            "networks": [{"network": net, "fixed_ip": port["ip_address"]} for net, port in of_host.items()],
        }
        for host, of_host in ports.items()
        if role.lower() in host
    ]
    return {"name": role, "count": len(instances), "instances": instances}


def _source(name: str, templates: Path, folder: Path) -> PlanSource:
    plan = PLANS[name]
    networks = str(templates / plan["networks"]) if "networks" in plan else _empty(folder)
    return PlanSource(
        templates=str(templates),
        name=name.partition("-")[0],
        roles_file=str(templates / plan["roles"]),
        networks_file=networks,
    )


def _empty(folder: Path) -> str:
    path = folder / "no-networks.yaml"
    path.write_text("")
    return str(path)


def _layers(inputs: Path, tree: Tree, templates: Path) -> Iterator[Layer]:
    """The environment files of FILES.txt, or the one that stands for them all."""
    effective = inputs / "effective-environment.yaml"
    if effective.exists():
        yield _layer(str(effective), effective.read_text(), templates)
        return
    lines = (inputs / "FILES.txt").read_text().split("\n# files")[0].splitlines()[1:]
    there = {path.name: path for path in inputs.rglob("*.yaml")}
    for line in filter(None, map(str.strip, lines)):
        name = line.rpartition("/")[2]
        text = there[name].read_text() if name in there else tree[name].text
        yield _layer(line.replace("@THT@", str(templates)), text, templates)


def _layer(path: str, text: str, templates: Path) -> Layer:
    content = text.replace("@THT@", str(templates))
    spelled = path.removeprefix(f"{templates}/")
    return Layer(parse(content, path, duplicate_keys=Severity.WARNING), spelled)


def difference(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where two values differ, shortly told."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in {**theirs, **ours}:
            if key not in ours or key not in theirs:
                yield f"{path}/{key}: only {'Heat' if key in theirs else 'we'}"
            else:
                yield from difference(theirs[key], ours[key], f"{path}/{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from difference(one, other, f"{path}/{index}")
    elif theirs != ours or type(theirs) is not type(ours):
        yield f"{path}: {str(theirs)[:200]!r} there, {str(ours)[:200]!r} here"


def need(name: str) -> tuple[Path | None, Path | None, str]:
    """The golden plan's folder, the templates, and what to say if one is not there."""
    folder, templates = places.golden(name), places.templates()
    missing = [] if folder else ["the golden plans are not here: UNDERCLOUD_SHARED names the shared data"]
    if not templates:
        missing.append(places.without_templates())
    return folder, templates, "; ".join(missing)
