"""TOSCA service templates as root templates: heat-translator makes HOT of them.

The library is used without its command: it asks no cloud. Images and flavours, which it would guess, become
parameters of the stack: ``NODE_image`` and ``NODE_flavor``.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import logging
import posixpath
import re
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from undercloud.diagnostics import Finding, Location, UndercloudError
from undercloud.plan.documents import Document, Origin
from undercloud.plan.secrets import Secret
from undercloud.plan.tree import SourceFile, Tree

_TYPES = (
    "artifact_types",
    "capability_types",
    "data_types",
    "group_types",
    "interface_types",
    "node_types",
    "policy_types",
    "relationship_types",
)
_LIBRARY = ("toscaparser.tosca_template", "translator.hot.tosca_translator")
_LOGGERS = ("tosca", "tosca.model", "heat-translator")
_CATALOGUES = (("translator.common.flavors", "FLAVORS"), ("translator.common.images", "IMAGES"))
_MISTAKE = re.compile(r"\t(?!\t)\w+: ")
_QUOTED = re.compile(r'"([^"]+)"')
_WORD = re.compile(r"[\w./-]{2,}")
_HOT = frozenset(
    {
        "config",
        "constraints",
        "default",
        "depends_on",
        "description",
        "get_attr",
        "get_file",
        "get_param",
        "get_resource",
        "inputs",
        "label",
        "name",
        "outputs",
        "parameters",
        "properties",
        "resources",
        "server",
        "string",
        "type",
        "value",
    }
)
"""Words of the language that say nothing of a line's origin."""
_lock = threading.Lock()


def is_tosca(document: Document) -> bool:
    """Whether a parsed file is a TOSCA service template."""
    return isinstance(document.value, dict) and "tosca_definitions_version" in document.value


def translated(tree: Tree, path: str, given: Mapping[str, Any]) -> tuple[Tree, str]:
    """The tree with the HOT form of a service template, and the path of that.

    ``given`` are values for the inputs. Raises UndercloudError: HOT-060 the template is not valid or uses
    what cannot be translated, HOT-061 an import that is not in the tree, HOT-062 inputs without a value.
    """
    document = tree.document(path)
    source = _with_imports(tree, path, document, ())
    inputs = _inputs(document, source, given)
    base = posixpath.basename(path)
    files = _translate(source, inputs, base, document)
    directory = posixpath.dirname(path)
    texts = {posixpath.join(directory, f"translated-{name}"): text for name, text in files.items()}
    root = posixpath.join(directory, f"translated-{base}")
    texts[root] = _with_choices(texts[root])
    made = {name: SourceFile(name, text, path, _origin(text, document)) for name, text in texts.items()}
    return tree.with_files(made), root


def _fail(code: str, message: str, fix: str, location: Location) -> UndercloudError:
    return UndercloudError.of(code, message, fix=fix, location=location)


def _with_imports(tree: Tree, path: str, document: Document, via: tuple[str, ...]) -> dict[str, Any]:
    """The template with the types of its imports in it; nothing is loaded from outside of the tree."""
    source = dict(document.value)
    imports = source.pop("imports", None) or []
    for index, entry in enumerate(imports if isinstance(imports, list) else [imports]):
        reference = _reference(entry)
        found = tree.find(reference, path) if reference else None
        if found is None or found in via:
            message = f"the import {reference or entry!r} is not among the plan's files"
            fix = "Put the file beside the template, or its types into it; nothing is fetched from a network."
            raise _fail("HOT-061", message, fix, document.locate("imports", index))
        imported = tree.document(found)
        if isinstance(imported.value, dict):
            types = _with_imports(tree, found, imported, (*via, path))
            for section in _TYPES:
                if isinstance(types.get(section), dict):
                    source[section] = {**types[section], **(source.get(section) or {})}
    return source


def _reference(entry: Any) -> str:
    if isinstance(entry, dict) and len(entry) == 1 and "file" not in entry:
        entry = next(iter(entry.values()))
    if isinstance(entry, dict):
        entry = entry.get("file")
    return entry if isinstance(entry, str) else ""


def _inputs(document: Document, source: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    topology = source.get("topology_template")
    declared = topology.get("inputs") if isinstance(topology, dict) else None
    inputs: dict[str, Any] = {}
    missing = []
    for name, definition in (declared if isinstance(declared, dict) else {}).items():
        default = definition.get("default") if isinstance(definition, dict) else None
        value = given.get(name, default)
        if value is None:
            missing.append(name)
        else:
            inputs[name] = value.reveal() if isinstance(value, Secret) else value
    if missing:
        place = document.locate("topology_template", "inputs", missing[0])
        fix = "Give them in an environment: parameters: {NAME: VALUE}."
        raise _fail("HOT-062", f"these inputs have no value: {', '.join(map(str, missing))}", fix, place)
    return inputs


def _translate(
    source: dict[str, Any], inputs: dict[str, Any], base: str, document: Document
) -> dict[str, str]:
    """The files that heat-translator makes, by name. It keeps state in its modules, hence the lock."""
    parser, translator = (importlib.import_module(name) for name in _LIBRARY)
    # The library prints and logs as it works.
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _lock, contextlib.redirect_stdout(io.StringIO()):
        _ask_no_cloud()
        try:
            template = parser.ToscaTemplate(parsed_params=inputs, yaml_dict_tpl=source)
            files = translator.TOSCATranslator(template, inputs).translate_to_yaml_files_dict(base)
        except Exception as error:  # noqa: BLE001 - the library raises anything for a template it cannot read
            raise UndercloudError(*_findings(error, document)) from None
    return {str(name): str(text) for name, text in files.items()}


def _findings(error: Exception, document: Document) -> list[Finding]:
    """One finding for each mistake in what the parser reports, which has a traceback below each."""
    lines = [line for line in str(error).splitlines() if _MISTAKE.match(line)]
    messages = [line.strip() for line in lines] or [" ".join(str(error).split()) or type(error).__name__]
    fix = "Mend the service template; heat-translator reads TOSCA Simple Profile 1.0 to 1.3."
    return [
        Finding(
            "HOT-060",
            f"the service template cannot be translated: {message:.600}",
            fix,
            locations=(_place(message, document),),
        )
        for message in dict.fromkeys(messages)
    ]


def _place(message: str, document: Document) -> Location:
    """Where the name stands that the message quotes and the template has least often, else its topology."""
    return _rarest(_QUOTED.findall(message), document) or document.locate("topology_template")


def _rarest(words: Iterable[str], document: Document) -> Location | None:
    """Where the word stands first that the template has least often; None where it has none of them."""
    known = [word for word in words if word in document.text]
    if not known:
        return None
    start = document.text.index(min(known, key=document.text.count))
    before = document.text[:start]
    return Location(document.file, before.count("\n") + 1, start - before.rfind("\n"))


def _origin(text: str, document: Document) -> Origin:
    """From the lines of a translated file to the service template.

    A line is of what it names: a file, an input, a value; else of what it is part of, which stands above it.
    """
    lines = text.splitlines()

    def place(number: int) -> Location:
        for line in reversed(lines[:number]):
            words = [word for word in _WORD.findall(line) if word not in _HOT]
            if found := _rarest(words, document):
                return found
        return document.locate("topology_template")

    return place


@functools.cache
def _ask_no_cloud() -> None:
    """Fill the library's lists of flavours and images: it asks a cloud only where they are empty."""
    for name, variable in _CATALOGUES:
        module = importlib.import_module(name)
        setattr(module, variable, getattr(module, f"PREDEF_{variable}"))


def _with_choices(text: str) -> str:
    """The HOT template with the images and flavours of its servers as parameters."""
    template = yaml.safe_load(text)
    parameters = template.get("parameters") or {}
    for name, resource in (template.get("resources") or {}).items():
        properties = resource.get("properties") if isinstance(resource, dict) else None
        if not isinstance(properties, dict) or resource.get("type") != "OS::Nova::Server":
            continue
        for key in ("flavor", "image"):
            parameter = f"{name}_{key}"
            parameters[parameter] = {"type": "string", "description": f"The {key} of the server {name}."}
            properties[key] = {"get_param": parameter}
    template["parameters"] = parameters
    return str(yaml.safe_dump(template, sort_keys=False))
