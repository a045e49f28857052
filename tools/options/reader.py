"""Prints the oslo.config options of the Python packages beside it as JSON, with the packages' own Python.

It stands alone: it is copied into the root that the packages were unpacked in, and run there. The input
(standard input) is ``{"namespaces": [...], "modules": [...]}``: entry points ``oslo.config.opts``, what
oslo-config-generator takes, and modules that define options without listing them. The output has
``namespaces`` (name → ``{"groups": [[GROUP, {OPTION: ...}], ...], "version": TEXT}``; what was registered
besides is the namespace ``registered``), ``auth`` (option → definition) and ``problems`` (texts).
"""

import importlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

KINDS = {
    "Boolean": "boolean",
    "Integer": "integer",
    "Port": "port",
    "Float": "float",
    "IPAddress": "ip",
    "HostAddress": "host",
    "HostDomain": "host",
    "Hostname": "hostname",
    "URI": "uri",
    "List": "list",
    "Dict": "dict",
    "Range": "range",
    "String": "string",
    "MultiString": "string",
}


def described_type(kind: Any) -> dict[str, Any]:
    """One of oslo.config's types as a map; a type that a service brings itself is a string of any form."""
    if isinstance(kind, type):
        plain = {"str": "string", "int": "integer", "bool": "boolean", "float": "float"}
        return {"type": plain.get(kind.__name__, "any")}
    name = next((each.__name__ for each in type(kind).__mro__ if each.__name__ in KINDS), None)
    if name is None or type(kind).__module__ != "oslo_config.types":
        return {"type": "any"}
    found: dict[str, Any] = {"type": KINDS[name]}
    for key in ("min", "max", "max_length", "version", "schemes", "ignore_case"):
        value = getattr(kind, key, None)
        if value is not None and value is not False and value not in ([], sys.maxsize):
            found[key] = value
    if name == "Port" and (found.get("min"), found.get("max")) == (None, 65535):
        del found["max"]
    choices = getattr(kind, "choices", None)
    if choices:
        found["choices"] = [str(choice) for choice in choices]
    if getattr(kind, "regex", None) is not None:
        found["regex"] = kind.regex.pattern
    for key, part in (("item", "item_type"), ("item", "value_type")):
        if getattr(kind, part, None) is not None:
            item = described_type(getattr(kind, part))
            if item != {"type": "string"}:
                found[key] = item
    if getattr(kind, "bounds", False):
        found["bounds"] = True
    return found


def described(option: Any) -> dict[str, Any]:
    """One option as a map."""
    found = described_type(option.type)
    if option.multi:
        found["multi"] = True
    if option.secret:
        found["secret"] = True
    if option.deprecated_opts:
        found["former"] = [[old.group, old.name] for old in option.deprecated_opts]
    if option.deprecated_for_removal:
        found["removal"] = " ".join((option.deprecated_reason or "").split())
    return found


def groups_of(entry: Any) -> Iterator[list[Any]]:
    """The groups of one namespace with their options by the name that files use."""
    for group, options in entry.load()():
        name = getattr(group, "name", group) or "DEFAULT"
        known = {}
        for option in options:
            if type(option).__name__ != "SubCommandOpt":
                known[option.dest] = described(option)
        yield [str(name), known]


def registered(known: set[tuple[str, str]]) -> list[list[Any]]:
    """The groups of what modules registered when they were loaded, without what is ``known`` already."""
    cfg: Any = importlib.import_module("oslo_config.cfg")
    groups = {"DEFAULT": cfg.CONF._opts}  # noqa: SLF001 - no public way
    for name, group in cfg.CONF._groups.items():  # noqa: SLF001
        groups.setdefault(str(getattr(name, "name", name)), group._opts)  # noqa: SLF001
    found = []
    for group, options in sorted(groups.items()):
        wanted = {
            each["opt"].dest: described(each["opt"])
            for each in options.values()
            if type(each["opt"]).__name__ != "SubCommandOpt"
            and (group.lower(), each["opt"].dest) not in known
        }
        found.append([group, wanted])
    return found


def auth_options() -> dict[str, Any]:
    """The options of every way to log in: they are read where a section has ``auth_type``."""
    loading: Any = importlib.import_module("keystoneauth1.loading")  # only here is it needed

    found: dict[str, Any] = {}
    for loader in loading.get_available_plugin_loaders().values():
        for option in loader.get_options():
            found[option.dest] = described(option._to_oslo_opt())  # noqa: SLF001 - no public way
    for option in loading.get_auth_common_conf_options() + loading.get_session_conf_options():
        found[option.dest] = described(option)
    for option in loading.get_adapter_conf_options():
        found[option.dest] = described(option)
    return found


def main() -> None:
    """Read the wanted namespaces, print what they have."""
    out, sys.stdout = sys.stdout, sys.stderr
    wanted = json.load(sys.stdin)
    entries = {}
    for entry in importlib.metadata.entry_points(group="oslo.config.opts"):
        entries[entry.name] = entry
    result: dict[str, Any] = {"namespaces": {}, "auth": {}, "problems": []}
    for name in wanted["namespaces"]:
        if name not in entries:
            result["problems"].append(f"there is no namespace {name}")
            continue
        entry = entries[name]
        try:
            groups = list(groups_of(entry))
        except Exception as error:  # noqa: BLE001 - whatever a service's own code raises is told
            result["problems"].append(f"{name}: {type(error).__name__}: {error}")
            continue
        result["namespaces"][name] = {"groups": groups, "version": entry.dist.version if entry.dist else ""}
    for name in wanted["modules"]:
        importlib.import_module(name)
    known = {
        (group.lower(), option)
        for each in result["namespaces"].values()
        for group, options in each["groups"]
        for option in options
    }
    result["namespaces"]["registered"] = {"groups": registered(known), "version": ""}
    result["auth"] = auth_options()
    json.dump(result, out, sort_keys=True)
    out.flush()
    # Threads that a service's modules started shall not keep us.
    os._exit(0)


if __name__ == "__main__":
    main()
