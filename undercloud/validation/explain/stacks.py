"""Answers about resources and outputs, of the root stack and of nested ones, and about nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Location
from undercloud.hot.faults import Fault, Reported, Site
from undercloud.hot.resources.base import Resource
from undercloud.hot.resources.nested import TemplateResource
from undercloud.hot.values import OMIT
from undercloud.topology.model import Host
from undercloud.validation.explain import native, upstream
from undercloud.validation.explain.context import Context, place
from undercloud.validation.explain.model import Answer, Effect, Kind, Link
from undercloud.validation.explain.snippets import UNKNOWN, Snippet, at, follow, is_large
from undercloud.validation.explain.tracing import given_at
from undercloud.validation.explain.veil import described

Keys = tuple[Any, ...]
_READ_IN_PROPERTIES, _READ_WHOLE = 200, 1500
"""Larger values (in characters of JSON) are not traced part by part."""
_KINDS = {"containers": "container", "files": "file", "units": "unit", "directories": "directory"}


def resource(context: Context, path: tuple[str, ...]) -> Answer | None:
    """The explanation of a resource; None if there is none at the path."""
    found = context.resource(path)
    if found is None:
        return None
    facts: dict[str, Any] = {"type": found.definition.type}
    if isinstance(found, TemplateResource):
        base = found.nested_template.base
        facts["template"] = Location(context.compilation.plan.tree.shown(base))
        facts["outputs"] = list(found.nested_template.outputs)
    inner = list(found.tree())
    if inner:
        facts["resources in it"] = inner if len(inner) <= 40 else [*inner[:40], f"and {len(inner) - 40} more"]
    readers = list(_read_by(found))
    if readers:
        facts["read at"] = readers
    origins = (*_mapping(context, found), *_properties(context, found))
    return Answer(
        "resource",
        "/".join(path),
        location=place(found),
        facts=facts,
        origins=origins,
        effects=tuple(_lands(context, found)),
    )


def _mapping(context: Context, found: Resource) -> Iterator[Link]:
    """The entries of the registry that say what implements its type, the one that counts first."""
    history = context.environment.registry_history(found.definition.type)
    for number, setting in enumerate(reversed(history)):
        document = setting.layer.document
        where = document.locate(setting.section, setting.name) if document.text else None
        text = "the resource_registry maps its type"
        kind = Kind.SETTING if number == 0 else Kind.OVERRIDDEN
        value = context.veil.shown(setting.value)
        yield Link(kind, text if number == 0 else f"overridden: {text}", value, where)


def _properties(context: Context, found: Resource) -> Iterator[Link]:
    tracer = context.tracer()
    for name in found.definition.properties:
        try:
            value = found.raw(name)
        except (Fault, Reported):
            continue
        if value is OMIT:
            continue
        where = given_at(found, name).location()
        if is_large(value, _READ_IN_PROPERTIES):
            yield Link(
                Kind.PROPERTY, f"property {name}", described(value), where, "large: ask for one key of it"
            )
            continue
        shown = context.veil.of_parameter(name, value)
        links = tuple(tracer.given(found, name, ()))
        yield Link(Kind.PROPERTY, f"property {name}", shown, where, links=links)


def _read_by(found: Resource) -> Iterator[Location]:
    """Where the template around it reads it."""
    scope = found.scope
    if scope.template.document is None:
        return
    for section in ("resources", "outputs"):
        for inner in _functions(at(scope, _section(scope.template.document, section))):
            given = inner.arguments().raw
            name = given[0] if isinstance(given, list) and given else given
            if inner.function in ("get_attr", "get_resource") and name == found.name:
                where = inner.location()
                if where:
                    yield where


def _section(document: Any, name: str) -> Any:
    return Site(document, (None, name))


def _functions(snippet: Snippet) -> Iterator[Snippet]:
    if snippet.function:
        yield snippet
    if isinstance(snippet.raw, dict | list):
        for _, item in snippet.entries():
            yield from _functions(item)


def _lands(context: Context, found: Resource) -> Iterator[Effect]:
    """What a service's resource puts on nodes."""
    service = next((each for each in context.composition.services if each.resource is found), None)
    if service is None or not isinstance(found, TemplateResource):
        return
    hosts = context.hosts_of(service.role) or context.hosts_of(found.path[0].removesuffix("ServiceChain"))
    yield from _entries(context, service.template, hosts) if context.is_native else _role_data(found, hosts)


def _entries(context: Context, template: str, hosts: tuple[str, ...]) -> Iterator[Effect]:
    """Entries of the desired state that a template asked for."""
    for kind, word in _KINDS.items():
        for placed in native.entries(context, kind):
            both = tuple(host for host in placed.hosts if host in hosts)
            if placed.entry.origin.template == template and both:
                yield Effect(word, placed.name, both, reason=f"step {placed.step}")


def _role_data(found: TemplateResource, hosts: tuple[str, ...]) -> Iterator[Effect]:
    """Containers of TripleO's contract, and how much there is of everything else."""
    try:
        data = found.child().output("role_data")
    except (Fault, Reported, KeyError):
        return
    for key, value in data.items() if isinstance(data, Mapping) else ():
        if key == "docker_config" and isinstance(value, Mapping):
            for step, entries in value.items():
                for name in entries if isinstance(entries, Mapping) else ():
                    yield Effect("container", str(name), hosts, reason=str(step).replace("_", " "))
        elif isinstance(value, Mapping | list) and value:
            yield Effect("role_data", str(key), hosts, reason=described(value))


def root_output(context: Context, name: str, path: Keys) -> Answer | None:
    """The explanation of an output of the root stack; None if there is none of the name."""
    if name not in context.root.template.outputs:
        return None
    value = follow(context.compilation.stack.outputs, (name, *path))
    if value is UNKNOWN:
        return None
    output = context.root.template.outputs[name]
    facts: dict[str, Any] = (
        {"description": " ".join(output.description.split())} if output.description else {}
    )
    link = context.tracer().root_output(context.root, name, path)
    if is_large(value, _READ_WHOLE):
        facts |= _keys(value)
        link = Link(
            link.kind, link.text, context.veil.shown(value), link.location, "large: ask for one key of it"
        )
    return Answer(
        "output", "/".join(map(str, (name, *path))), context.veil.shown(value), link.location, facts, (link,)
    )


def nested_output(context: Context, resource_path: tuple[str, ...], name: str, path: Keys) -> Answer | None:
    """The explanation of an output of a nested stack, or of an attribute."""
    found = context.resource(resource_path)
    if found is None:
        return None
    site = found.definition.site
    try:
        value = follow(found.attribute(name, (), site), path)
    except (Fault, Reported, KeyError):
        return None
    if value is UNKNOWN:
        return None
    dotted = f"{'/'.join(resource_path)}:{'/'.join(map(str, (name, *path)))}"
    facts: dict[str, Any] = {"of": found.definition.type}
    large = is_large(value, _READ_WHOLE)
    if large:
        facts |= _keys(value)
    links = () if large else tuple(context.tracer().attribute(found, name, path, site))
    where = links[0].location if links else place(found)
    return Answer("output", dotted, context.veil.shown(value), where, facts, links)


def _keys(value: Any) -> dict[str, Any]:
    names = [str(key) for key in value] if isinstance(value, Mapping) else [str(n) for n in range(len(value))]
    return {
        "large": "ask for one key of it, as in NAME/KEY",
        "keys": names if len(names) <= 60 else [*names[:60], f"and {len(names) - 60} more"],
    }


def host(context: Context, name: str) -> Answer | None:
    """The explanation of a node."""
    topology = context.compilation.topology
    found = (
        next((each for each in topology.hosts if name in (each.name, each.fqdn, each.node)), None)
        if topology
        else None
    )
    if found is None:
        return None
    facts: dict[str, Any] = {
        "role": found.role,
        "index in its role": found.index,
        "fqdn": found.fqdn,
        "addresses": dict(found.ips),
    }
    if found.node:
        facts["machine"] = found.node
    facts |= (
        native.on_host(context, found.name) if context.is_native else upstream.on_host(context, found.role)
    )
    return Answer(
        "host", found.name, found.address, _role_place(context, found), facts, tuple(_why(context, found))
    )


def _role_place(context: Context, found: Host) -> Location | None:
    role = context.composition.role(found.role)
    return role.location if role else None


def _why(context: Context, found: Host) -> Iterator[Link]:
    """Why there is such a node, why it is called so, and where its addresses come from."""
    role = context.composition.role(found.role)
    if role is not None:
        yield Link(
            Kind.SETTING,
            f"the role {role.name}",
            location=role.location,
            note=f"{len(role.services)} services by default",
        )
    yield from _count(context, found)
    for name in (f"{found.role}HostnameFormat", "HostnameMap", "CloudDomain", f"{found.role}RemovalPolicies"):
        links = [
            link for link in context.settings.links(name, (), None, root=True) if link.kind is Kind.SETTING
        ]
        yield from (Link(link.kind, f"{name} {link.text}", link.value, link.location) for link in links)
    for name in ("DeployedServerPortMap", "NodePortMap"):
        for setting in context.environment.history(name):
            key = (
                next((each for each in setting.value if str(each).startswith(found.name)), None)
                if isinstance(setting.value, Mapping)
                else None
            )
            if key is not None and setting.layer.document.text:
                where = setting.layer.document.locate(setting.section, setting.name, key)
                yield Link(
                    Kind.SETTING,
                    f"{name}/{key} gives addresses",
                    context.veil.shown(setting.value[key]),
                    where,
                )


def _count(context: Context, found: Host) -> Iterator[Link]:
    baremetal = context.compilation.plan.baremetal
    value = baremetal.value if baremetal else None
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        if baremetal is not None and isinstance(entry, Mapping) and entry.get("name") == found.role:
            yield Link(
                Kind.SETTING,
                f"the deployment file says the nodes of {found.role}",
                entry.get("count", 1),
                baremetal.locate(index),
            )
            for number, instance in enumerate(entry.get("instances") or ()):
                if isinstance(instance, Mapping) and found.name in (
                    instance.get("hostname"),
                    instance.get("name"),
                ):
                    yield Link(
                        Kind.SETTING,
                        "this node",
                        context.veil.shown(dict(instance)),
                        baremetal.locate(index, "instances", number),
                    )
            return
    name = f"{found.role}Count"
    declared = context.root.template.parameters.get(name)
    yield from (
        Link(link.kind, f"{name} {link.text}", link.value, link.location)
        for link in context.settings.links(name, (), declared, root=True)
        if link.kind is not Kind.OVERRIDDEN
    )
