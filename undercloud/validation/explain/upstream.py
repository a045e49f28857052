"""Answers about what lands on nodes of TripleO's contract: hieradata, options by way of it, containers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Location
from undercloud.validation.diff.hushed import shown
from undercloud.validation.diff.upstream import HIERA, listed
from undercloud.validation.explain.context import Context
from undercloud.validation.explain.model import Answer, Effect, Kind, Link
from undercloud.validation.explain.snippets import UNKNOWN, follow
from undercloud.validation.explain.tracing import Tracer
from undercloud.validation.options import definitions
from undercloud.validation.options.definitions import PuppetModule

_VARIABLES = "RoleGroupVars"
_CONFIG = re.compile(r"::config::\w+_config$|_config_overrides$")
_ON_THE_WAY = frozenset((Kind.OUTPUT, Kind.RESOURCE, Kind.FUNCTION))
_WORDS = re.compile(r"[^a-z0-9]+")


def levels(context: Context, role: str) -> dict[str, Mapping[str, Any]]:
    """The levels of a role's hieradata, the one that counts first in front."""
    variables = follow(context.compilation.stack.outputs, (_VARIABLES, role))
    if not isinstance(variables, Mapping):
        return {}
    return {level: value for level in HIERA if isinstance(value := variables.get(level), Mapping)}


def roles(context: Context) -> list[str]:
    """The roles that have nodes."""
    return [role.name for role in context.compilation.plan.roles if context.hosts_of(role.name)]


def keys(context: Context) -> set[str]:
    """Every key of hieradata of any role with nodes."""
    return {str(key) for role in roles(context) for level in levels(context, role).values() for key in level}


def hiera(context: Context, key: str, note: str = "") -> Iterator[Answer]:
    """Answers about a key of hieradata; roles for which it is the same are one answer."""
    found: dict[Any, list[str]] = {}
    for role in roles(context):
        having = [level for level, value in levels(context, role).items() if key in value]
        if having:
            value = levels(context, role)[having[0]][key]
            found.setdefault((tuple(having), repr(context.veil.shown(value)), str(value)), []).append(role)
    for (having, *_), same in found.items():
        first = same[0]
        link = hiera_link(context, context.tracer(), first, key)
        over = [_under(context, first, level, key) for level in having[1:]]
        facts: dict[str, Any] = {"roles": same, "level": having[0]}
        targets = sets(key)
        if targets:
            facts["sets"] = targets
        if note:
            facts["note"] = note
        value = levels(context, first)[having[0]][key]
        shown_value = context.veil.of_parameter(key, value)
        effects = (
            Effect(
                "file",
                f"config-download/group_vars/{role}",
                context.hosts_of(role),
                reason=f"key {having[0]}: puppet looks it up there",
            )
            for role in same
        )
        yield Answer(
            "hiera",
            key,
            shown_value,
            _innermost(link),
            facts,
            (*([link] if link else []), *over),
            tuple(effects),
        )


def _under(context: Context, role: str, level: str, key: str) -> Link:
    value = context.veil.shown(levels(context, role)[level][key])
    return Link(Kind.OVERRIDDEN, f"overridden: {level} of the role's hieradata has it too", value)


def hiera_link(context: Context, tracer: Tracer, role: str, key: str) -> Link | None:
    """The chain of a key of a role's hieradata."""
    name, *rest = key.split("/") if key not in keys_of(context, role) else [key]
    for level, value in levels(context, role).items():
        if name in value:
            return tracer.root_output(context.root, _VARIABLES, (role, level, name, *rest))
    return None


def keys_of(context: Context, role: str) -> set[str]:
    """The keys of one role's hieradata."""
    return {str(key) for level in levels(context, role).values() for key in level}


def _innermost(link: Link | None) -> Location | None:
    """Where a service's template says it: the last output on the way to it, or what the only one reads."""
    place, outputs = None, 0
    while link is not None and link.kind in _ON_THE_WAY:
        if link.kind is Kind.OUTPUT and link.location:
            place, outputs = link.location, outputs + 1
        link = link.links[0] if link.links else None
    return link.location if outputs == 1 and link is not None and link.location else place


def options(context: Context, file: str, section: str, option: str | None) -> Iterator[Answer]:
    """Answers about an option: the keys of hieradata that set it.

    XXX_config maps name section and option themselves; what the parameters of Puppet's classes set is known for
    the services' own modules; for others the names alone tell: ``web::timeout`` for ``web.conf:[DEFAULT]/timeout``.
    """
    known = keys(context)
    found = {
        key: f"it sets {place} of {file} itself" for key, place in _exact(context, section, option or "")
    }
    if option:
        note = "what this parameter of puppet's class sets is known from the module"
        found |= {key: note for key in setters(file, section, option) if key in known}
    if not found:
        note = "puppet's class parameter of that name; that it sets this option is told by the names alone"
        found = dict.fromkeys(candidates(context, file, section, option), note)
    for key, note in found.items():
        yield from hiera(context, key, note)


def setters(file: str, section: str, option: str) -> list[str]:
    """The parameters of Puppet's classes that set an option, whether or not the plan gives them."""
    found = []
    for module in _modules(file):
        for name, parameters in module.classes.items():
            for key in (f"{name}::{parameter}" for parameter in parameters):
                for path, own_section, own in module.targets(key):
                    if _is_file(path, file) and (own_section, own) == (section, option):
                        found.append(key)
    return found


def _modules(file: str) -> list[PuppetModule]:
    """The modules that write a file: that of the service it is named after, else every one that has such a file."""
    named = definitions.puppet_module(_service(file))
    modules = [named] if named else [definitions.puppet_module(name) for name in definitions.modules()]
    return [each for each in modules if each and any(_is_file(path, file) for path in each.files.values())]


def _is_file(path: str, file: str) -> bool:
    return path == file or path.endswith("/" + file.lstrip("/"))


def sets(key: str) -> list[str]:
    """The options that a key of hieradata sets, as FILE:[SECTION]/OPTION, where that is known."""
    module = definitions.puppet_module(key.partition("::")[0]) if "::" in key else None
    targets = module.targets(key) if module else ()
    return [f"{path}:[{section}]/{option}" for path, section, option in targets]


def _service(file: str) -> str:
    """The service that a file is of, by its name."""
    stem = file.rsplit("/", 1)[-1].partition(".")[0].lower()
    return _WORDS.split(stem)[0]


def _exact(context: Context, section: str, option: str) -> Iterator[tuple[str, str]]:
    wanted = f"{section}/{option}"
    seen: set[str] = set()
    for role in roles(context):
        for level in levels(context, role).values():
            for key, value in level.items():
                if (
                    _CONFIG.search(str(key))
                    and isinstance(value, Mapping)
                    and wanted in value
                    and key not in seen
                ):
                    seen.add(key)
                    yield str(key), wanted


def candidates(context: Context, file: str, section: str, option: str | None) -> list[str]:
    """The keys whose names fit best."""
    service = _service(file)
    wanted = _word(option or "")
    with_section = wanted if section.upper() == "DEFAULT" else f"{_word(section)}_{wanted}"
    ranked: list[tuple[int, str]] = []
    for key in keys(context):
        parts = [_word(part) for part in key.split("::")]
        if parts[0] != service or len(parts) < 2:
            continue
        last = parts[-1]
        if last == with_section:
            ranked.append((0 if len(parts) == 2 else 1, key))
        elif last == wanted:
            fits = _word(section) in parts or section.upper() == "DEFAULT"
            ranked.append(((1 if fits else 3) + len(parts), key))
        elif not option and _word(section) in parts:
            ranked.append((5, key))
    ranked.sort()
    best = ranked[0][0] if ranked else 0
    return [key for rank, key in ranked if rank <= best + 1]


def _word(text: str) -> str:
    return _WORDS.sub("_", text.lower()).strip("_")


def containers(context: Context, wanted: str, host: str = "") -> Iterator[Answer]:
    """Answers about a container; roles for which it is the same are one answer."""
    found: dict[str, list[str]] = {}
    for role in roles(context):
        entry = listed(context.snapshot, role).get(wanted)
        if entry is not None and (not host or host in context.hosts_of(role)):
            found.setdefault(repr(entry), []).append(role)
    for same in found.values():
        role = same[0]
        step, entry = listed(context.snapshot, role)[wanted]
        key = f"step_{step}"
        link = context.tracer().root_output(context.root, "RoleData", (role, "docker_config", key, wanted))
        hosts = [name for each in same for name in context.hosts_of(each)]
        facts: dict[str, Any] = {"roles": same, "on": hosts, "step": step}
        for name in ("image", "start_order", "net", "privileged"):
            if isinstance(entry, Mapping) and name in entry:
                facts[name] = shown(entry[name])
        kolla = follow(
            context.compilation.stack.outputs,
            ("RoleData", role, "kolla_config", f"/var/lib/kolla/config_files/{wanted}.json"),
        )
        if kolla is not UNKNOWN:
            facts["kolla_config"] = context.veil.shown(kolla)
        rest = (
            {name: each for name, each in entry.items() if name not in facts}
            if isinstance(entry, Mapping)
            else entry
        )
        effects = tuple(
            Effect("file", f"config-download/{each}/docker_config.yaml", context.hosts_of(each))
            for each in same
        )
        yield Answer(
            "container", wanted, context.veil.shown(shown(rest)), _innermost(link), facts, (link,), effects
        )


def container_names(context: Context) -> set[str]:
    """The names of all containers on any node."""
    return {name for role in roles(context) for name in listed(context.snapshot, role)}


def on_host(context: Context, role: str) -> dict[str, Any]:
    """What is on a node of a role: services, containers by step."""
    names = follow(context.compilation.stack.outputs, ("RoleData", role, "service_names"))
    by_step: dict[str, list[str]] = {}
    for name, (step, _) in listed(context.snapshot, role).items():
        by_step.setdefault(f"step {step}", []).append(name)
    return {
        "services": names if names is not UNKNOWN else [],
        "containers": dict(sorted(by_step.items())),
        "hieradata": f"{len(keys_of(context, role))} keys in config-download/group_vars/{role}",
    }
