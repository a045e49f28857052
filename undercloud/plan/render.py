"""Jinja2 rendering of a template tree, as TripleO's process-templates does it.

``X.role.j2.yaml`` is rendered once a role, ``X.network.j2.yaml`` once an enabled network, any other
``X.j2.yaml`` once; the names of the results and of the variables are TripleO's. Unlike there, rendering is
sandboxed, the roles and networks cannot be changed by a template, and a name that is not defined is an error.
A missing attribute of something defined still is an empty text: TripleO's own templates count on that.
"""

from __future__ import annotations

import dataclasses
import functools
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jinja2 import ChainableUndefined, Environment, TemplateNotFound, TemplateSyntaxError
from jinja2.loaders import FunctionLoader

from undercloud.diagnostics import Finding, Location, Report, UndercloudError
from undercloud.plan.documents import Document
from undercloud.plan.networks import Network
from undercloud.plan.roles import Role
from undercloud.plan.sandbox import (
    LineMarkers,
    Sandbox,
    TooMuchError,
    UndefinedNameError,
    frozen,
    strip_markers,
)
from undercloud.plan.tree import SourceFile, Tree, normalise

EXCLUDES = "j2_excludes.yaml"
_SUFFIX = ".j2.yaml"

_MOST_NAMES = 50
"""Undefined names of one file that are looked for."""


@dataclasses.dataclass(frozen=True)
class Job:
    """One file to be rendered: from which template, to which path, with which variables."""

    template: str
    path: str
    variables: Mapping[str, Any]


def render_tree(tree: Tree, roles: Sequence[Role], networks: Sequence[Network], report: Report) -> Tree:
    """The tree with its rendered files added; the templates stay in it.

    Adds to the report: J2-001 a template that is no valid Jinja2, J2-002 a name that is not defined, J2-003
    an included file that is not there, J2-004 any other failure of an expression, J2-005 a result or loop
    beyond all measure, J2-006 an unusable j2_excludes.yaml. A file that cannot be rendered is empty.
    """
    # What lies elsewhere and has such a name is Ansible's: a role's template, beside a playbook.
    inside = (path for path in tree if not path.startswith("/"))
    sources = {path: tree[path].text for path in inside if path.endswith((".j2", _SUFFIX))}
    role_data = tuple(frozen(dict(role.data)) for role in roles)
    network_data = tuple(frozen(dict(network.data)) for network in networks)
    jobs = list(_jobs(sources, _excludes(tree, report), role_data, network_data))
    renderer = _Renderer(sources, tree)
    rendered: dict[str, str | bytes | SourceFile] = {}
    for job in jobs:
        try:
            text = renderer.render(job)
        except UndercloudError as error:
            report.extend(error.findings)
            text = ""
        rendered[job.path] = SourceFile(job.path, text, job.template, renderer.origin(job, text))
    return tree.with_files(rendered)


def _excludes(tree: Tree, report: Report) -> frozenset[str]:
    """Paths that j2_excludes.yaml keeps from being rendered for a role or network."""
    if EXCLUDES not in tree:
        return frozenset()
    try:
        document: Document = tree.document(EXCLUDES)
    except UndercloudError as error:
        report.extend(error.findings)
        return frozenset()
    value = document.value or {}
    names = value.get("name") if isinstance(value, dict) else value
    if not isinstance(names, list | None):
        fix = "Write 'name:' with a list of paths below it."
        place = (document.locate("name"),)
        report.add(Finding("J2-006", f"{EXCLUDES} holds no list called name", fix, locations=place))
        return frozenset()
    return frozenset(normalise(name) for name in names or [] if isinstance(name, str))


def _jobs(
    sources: Mapping[str, str], excludes: frozenset[str], roles: Sequence[Any], networks: Sequence[Any]
) -> Iterator[Job]:
    listed = frozen(list(networks))
    for path, text in sources.items():
        directory, name = posixpath.split(path)
        if name.endswith(".role" + _SUFFIX):
            # Templates older than the role's map name the role itself {{role}}.
            plain = "{{role.name}}" not in text
            for role in roles:
                result = posixpath.join(directory, _role_file(directory, name, str(role["name"]).lower()))
                if result not in excludes:
                    yield Job(path, result, {"role": role["name"] if plain else role, "networks": listed})
        elif name.endswith(".network" + _SUFFIX):
            word = "port" if directory.endswith("ports") else "network"
            pattern = name.removesuffix(".network" + _SUFFIX) + ".yaml"
            for network in networks:
                result = posixpath.join(directory, pattern.replace(word, str(network.get("name_lower"))))
                if network.get("enabled") is not False and result not in excludes:
                    yield Job(path, result, {"network": network})
        elif name.endswith(_SUFFIX):
            variables = {"roles": frozen(list(roles)), "networks": listed}
            yield Job(path, posixpath.join(directory, name.removesuffix(_SUFFIX) + ".yaml"), variables)


def _role_file(directory: str, name: str, role: str) -> str:
    if "network/config" in directory:
        return f"{role}.yaml"
    return f"{role}-{name.removesuffix('.role' + _SUFFIX)}.yaml"


class _Renderer:
    """Renders the jobs of one tree; compiled templates are kept by content for the next tree."""

    def __init__(self, sources: Mapping[str, str], tree: Tree) -> None:
        self._sources = sources
        self._tree = tree
        self._environment = _environment(sources)
        self._undefined = ""

    def render(self, job: Job) -> str:
        """The rendered text; raises UndercloudError, with all names that are not defined."""
        found: list[Finding] = []
        stand_ins: dict[str, Any] = {}
        while len(stand_ins) < _MOST_NAMES:
            self._undefined = ""
            try:
                text = self._render(self._environment, job, stand_ins)
            except UndercloudError as error:
                if not found or self._undefined:
                    found += error.findings
                if not self._undefined or self._undefined in stand_ins:
                    break
                stand_ins[self._undefined] = ChainableUndefined(name=self._undefined)
            else:
                if not found:
                    return text
                break
        raise UndercloudError(*found)

    def origin(self, job: Job, text: str) -> Callable[[int], Location | None]:
        """From a line of the rendered text to its line in the template, worked out when first asked for."""

        @functools.cache
        def lines() -> list[tuple[str, int]]:
            try:
                marked = self._render(_environment(self._sources, marked=True), job)
            except UndercloudError:
                return []
            plain, places = strip_markers(marked, job.template)
            return places if plain == text else []

        def locate(line: int) -> Location | None:
            places = lines()
            template, number = places[line - 1] if 0 < line <= len(places) else (job.template, 0)
            return Location(self._tree.shown(template), number)

        return locate

    def _render(self, environment: Environment, job: Job, stand_ins: Mapping[str, Any] | None = None) -> str:
        """The text; ``stand_ins`` are for names that it uses and nobody defines."""
        try:
            return environment.get_template(job.template).render({**job.variables, **(stand_ins or {})})
        except TemplateSyntaxError as error:
            place = (error.name or job.template, error.lineno)
            raise self._failure("J2-001", str(error.message), place) from None
        except TemplateNotFound as error:
            raise self._failure(
                "J2-003", f"there is no template {error.name}", self._place(error, job)
            ) from None
        except TooMuchError as error:
            raise self._failure("J2-005", str(error), self._place(error, job)) from None
        except RecursionError as error:
            text = "templates include or call each other without end"
            raise self._failure("J2-005", text, self._place(error, job)) from None
        except UndefinedNameError as error:
            self._undefined = error.name
            raise self._failure("J2-002", str(error), self._place(error, job)) from None
        except Exception as error:  # noqa: BLE001 - a template's expression may raise anything
            text = f"this cannot be worked out: {error} ({type(error).__name__})"
            raise self._failure("J2-004", text, self._place(error, job)) from None

    def _failure(self, code: str, text: str, place: tuple[str, int]) -> UndercloudError:
        location = Location(self._tree.shown(place[0]), place[1])
        return UndercloudError.of(code, text, fix=_FIXES[code], location=location)

    def _place(self, error: BaseException, job: Job) -> tuple[str, int]:
        """The innermost template and line of a failure: Jinja2 puts them into the traceback."""
        found = (job.template, 0)
        trace = error.__traceback__
        while trace is not None:
            name = trace.tb_frame.f_code.co_filename
            if name in self._sources:
                found = (name, trace.tb_lineno)
            trace = trace.tb_next
        return found


_FIXES = {
    "J2-001": (
        "Look for an unclosed {{ or {%, a missing {% endif %} or {% endfor %}, and unbalanced brackets."
    ),
    "J2-002": (
        "A *.role.j2.yaml knows role and networks, a *.network.j2.yaml network, any other *.j2.yaml "
        "roles and networks. Define other names with {% set %}, or give them a default with |default(...)."
    ),
    "J2-003": "An included file is looked for beside the template, then under the root of the templates.",
    "J2-004": "Look at the values in the roles and networks files that this expression works on.",
    "J2-005": "Make the loop or the result smaller, and let no template include itself.",
}


def _environment(sources: Mapping[str, str], *, marked: bool = False) -> Environment:
    """A sandbox over these templates; included files are looked for beside the template, then at the root."""

    def load(name: str) -> tuple[str, str, Callable[[], bool]]:
        if name not in sources:
            raise TemplateNotFound(name)
        return sources[name], name, lambda: True

    environment = Sandbox(sources, loader=FunctionLoader(load), cache_size=-1, auto_reload=False)
    if marked:
        environment.add_extension(LineMarkers)
    return environment
