"""Plans as data: what an operator's files say over the templates, each in a few lines; see invalid.yaml."""

from __future__ import annotations

import base64
import copy
import datetime
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.validation import running
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
    kept = ("roles", "services", "networks", "vips", "environments", "baremetal")
    return {key: _unchanged(plan[key]) for key in kept if key in plan}


def _unchanged(value: Any) -> Any:
    """A list of files without what the plan sets in them or adds."""
    if isinstance(value, dict) and "samples" in value:
        return {"samples": value["samples"]}
    return value


def write(plan: Mapping[str, Any], templates: Path, folder: Path) -> list[str]:
    """Write the files; the arguments of the command line for them."""
    folder.mkdir(parents=True)
    arguments = ["--templates", str(templates)]
    for kind, option in _FILES.items():
        if kind in plan:
            arguments += [option, _dump(folder / f"{kind}.yaml", _listed(kind, plan[kind], templates))]
    if "baremetal" in plan:
        arguments += ["--baremetal-deployment", _dump(folder / "baremetal.yaml", plan["baremetal"])]
    if "machines" in plan or "nodes" in plan:
        nodes = plan["nodes"] if "nodes" in plan else _set(MACHINES, plan["machines"])
        arguments += ["--nodes", _dump(folder / "nodes.yaml", {"nodes": nodes})]
    if "undercloud" in plan:
        (folder / "undercloud.conf").write_text(plan["undercloud"])
        arguments += ["--undercloud-conf", str(folder / "undercloud.conf")]
    for name in plan.get("environments", ()):
        arguments += ["-e", str(templates / f"environments/{name}.yaml")]
    if "services" in plan:
        arguments += _services(plan["services"], folder)
    own = folder / "operator.yaml"
    if "text" in plan:
        own.write_text(plan["text"])
    else:
        content = {"parameter_defaults": _keys_put_in(plan.get("parameters") or {})}
        if plan.get("registry"):
            content["resource_registry"] = plan["registry"]
        _dump(own, content)
    own.chmod(0o600)
    return [*arguments, "-e", str(own)]


def _keys_put_in(value: Any) -> Any:
    """A copy with CERTIFICATE, KEY, OTHER_KEY and FERNET replaced by what they stand for."""
    if isinstance(value, dict):
        return {key: _keys_put_in(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_keys_put_in(item) for item in value]
    return _throwaway().get(value, value) if isinstance(value, str) else value


@functools.cache
def _throwaway() -> dict[str, str]:
    """A certificate for cloud.example.test with its key, a key of another one, and a Fernet key."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cloud.example.test")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder(
            name, name, keys[0].public_key(), 1, begin, begin + datetime.timedelta(days=3650)
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("cloud.example.test")]), critical=False)
        .sign(keys[0], hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    texts = [key.private_bytes(pem, pkcs8, serialization.NoEncryption()).decode() for key in keys]
    fernet = base64.urlsafe_b64encode(bytes(range(32))).decode()
    return {
        "CERTIFICATE": made.public_bytes(pem).decode(),
        "KEY": texts[0],
        "OTHER_KEY": texts[1],
        "FERNET": fernet,
    }


def _services(roles: Mapping[str, Any], folder: Path) -> list[str]:
    """Roles with services that only declare parameters: role, service, parameter, default or schema."""
    listed, registry = [], {}
    for index, (role, services) in enumerate(roles.items()):
        name, _, count = role.partition(" ")
        tags = ["primary", "controller"] if index == 0 else ["compute"]
        chain = [f"OS::TripleO::Services::{service}" for service in services]
        networks = {each: {"subnet": f"{lower}_subnet"} for each, lower in _NETWORKS.items()}
        entry = {"name": name, "CountDefault": int(count or 1), "tags": tags, "ServicesDefault": chain}
        listed.append(entry | {"networks": networks})
        for service, declared in services.items():
            file = folder / f"{declared.get('template', service) if declared else service}.yaml"
            _dump(file, _template(service, declared or {}))
            registry[f"OS::TripleO::Services::{service}"] = str(file)
    _dump(folder / "services.yaml", {"resource_registry": registry})
    return ["-r", _dump(folder / "roles.yaml", listed), "-e", str(folder / "services.yaml")]


_NETWORKS = {"Storage": "storage", "InternalApi": "internal_api", "Tenant": "tenant", "External": "external"}


def _template(service: str, declared: Mapping[str, Any]) -> dict[str, Any]:
    schemas = {
        name: given
        if isinstance(given, dict) and "type" in given
        else {"type": _kind(given), "default": given}
        for name, given in declared.items()
        if name != "template"
    }
    common = {
        name: {"type": "json", "default": {}} for name in ("ServiceNetMap", "RoleParameters", "EndpointMap")
    }
    return {
        "heat_template_version": "wallaby",
        "parameters": {**common, "RoleName": {"type": "string", "default": ""}, **schemas},
        "outputs": {"role_data": {"value": {"service_name": service.lower()}}},
    }


def _kind(default: Any) -> str:
    kinds = {bool: "boolean", int: "number", float: "number", list: "comma_delimited_list", dict: "json"}
    return kinds.get(type(default), "string")


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
    """A copy with values put at paths such as ``Storage.subnets.storage_subnet.vlan``; null removes one."""
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
