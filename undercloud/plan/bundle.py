"""All that an operator handed over as one value: read once, kept as a version, compiled without a disk."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import posixpath
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Report, UndercloudError, raise_for
from undercloud.plan import files
from undercloud.plan.documents import parse
from undercloud.plan.node_playbooks import LOOKED_INTO, closure
from undercloud.plan.node_playbooks import named as named_playbooks
from undercloud.plan.planfiles import Answers, read_answers, read_plan_environment
from undercloud.plan.references import references
from undercloud.plan.registry import entries
from undercloud.plan.tree import beside, normalise

ROOT_TEMPLATES = ("overcloud.j2.yaml", "overcloud.yaml")
_TEMPLATE_ENDINGS = (".yaml", ".yml", ".template", ".json")
_DEFAULTS = {
    "roles": ("roles_data.yaml",),
    "networks": ("network_data.yaml", "network_data_default.yaml"),
    "vips": ("vip_data.yaml", "vip_data_default.yaml"),
}


@dataclasses.dataclass(frozen=True)
class PlanSource:
    """What the operator named on the command line; an empty path means the default.

    ``templates`` is the directory of a template tree, or one template file (HOT or TOSCA), which then is the
    root template. A relative path counts from the working directory, then from the templates, then from
    beside them. ``generated`` are parameters that the client makes (such as image names) and any file
    overrides; ``parameters`` go over all files.
    """

    templates: str = ""
    name: str = "overcloud"
    roles_file: str = ""
    networks_file: str = ""
    vip_file: str = ""
    baremetal_deployment: str = ""
    plan_environment: str = ""
    answers_file: str = ""
    environments: tuple[str, ...] = ()
    environment_directories: tuple[str, ...] = ()
    generated: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Bundle:
    """The files of a plan, unparsed. Paths are relative to ``root`` for what lies there, else absolute.

    ``named`` says which file is what: ``roles``, ``networks``, ``vips``, ``baremetal``, ``plan_environment``,
    each absent if there is none. ``single`` is set if the plan is one template with what it names, rather
    than a whole tree. ``real_root`` is ``root`` with links followed. ``playbooks_read`` says that playbooks
    which the deployment file names were looked for, and are in ``files`` if they were there: of what was
    read before they went with plans it is not set.
    """

    name: str
    root: str
    files: Mapping[str, bytes] = dataclasses.field(repr=False)
    named: Mapping[str, str] = dataclasses.field(default_factory=dict)
    environments: tuple[str, ...] = ()
    single: str = ""
    real_root: str = ""
    generated: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    playbooks_read: bool = False

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over everything in the bundle except its roots, in hexadecimal."""
        # Twice, because keys can be sorted only when all of them are texts, as they are in JSON.
        source = json.loads(json.dumps(self.source(), default=str))
        total = hashlib.sha256(json.dumps(source, sort_keys=True).encode())
        for path, digest in sorted(self.digests.items()):
            total.update(f"\n{digest} {path}".encode("utf-8", "backslashreplace"))
        return total.hexdigest()

    @functools.cached_property
    def digests(self) -> dict[str, str]:
        """SHA-256 of each file."""
        return {path: hashlib.sha256(data).hexdigest() for path, data in self.files.items()}

    def source(self) -> dict[str, Any]:
        """All but roots and files, fit for JSON: with ``root`` in it, ``restored`` takes it."""
        fields = ("name", "named", "environments", "single", "generated", "parameters")
        # Only where it is set: what was kept before keeps its digest.
        marked = {"playbooks_read": True} if self.playbooks_read else {}
        return {field: getattr(self, field) for field in fields} | marked

    @classmethod
    def restored(cls, files: Mapping[str, bytes], source: Mapping[str, Any]) -> Bundle:
        """A bundle out of its files, its root and what ``source`` gave, which may have been JSON since."""
        return cls(files=files, **{**source, "environments": tuple(source["environments"])})


def read(source: PlanSource) -> Bundle:
    """Read all that a plan is made of; raises UndercloudError with every file that is missing or unusable.

    PLAN-050 missing, PLAN-051 unreadable, PLAN-052 no template tree, PLAN-053 too large, PLAN-054 an
    environment given as its template, PLAN-07x in an answers file, PLAN-08x in a plan environment.
    """
    report = Report()
    answers = _answers(source.answers_file, report)
    templates = files.absolute(source.templates or answers.templates or ".")
    single = posixpath.basename(templates) if files.is_file(templates) else ""
    reader = _Reader(posixpath.dirname(templates) if single else templates, report)
    if single:
        if reader.take(single, templates):
            reader.follow(single)
    else:
        reader.take_tree()
    wanted = {
        "roles": source.roles_file or answers.roles,
        "networks": source.networks_file or answers.networks,
        "vips": source.vip_file,
        "baremetal": source.baremetal_deployment,
        "plan_environment": source.plan_environment,
    }
    named = {kind: reader.named(kind, path, default=not single) for kind, path in wanted.items()}
    playbooks_read = reader.node_playbooks(named["baremetal"])
    given = [*answers.environments]
    for directory in source.environment_directories:
        given += reader.listed(directory)
    given += source.environments
    environments = [*reader.plan_environments(named["plan_environment"])]
    environments += [reader.environment(path) for path in given]
    if report.errors:
        reader.check_syntax([*named.values(), *environments])
    raise_for(report)
    return Bundle(
        name=source.name,
        root=reader.root,
        files=reader.files,
        named={kind: path for kind, path in named.items() if path},
        environments=tuple(path for path in environments if path),
        single=single,
        real_root=reader.real_root,
        generated=source.generated,
        parameters=source.parameters,
        playbooks_read=playbooks_read,
    )


def default_files(there: Collection[str]) -> dict[str, str]:
    """Which file of a template tree is what where the operator names none; empty where there is none."""
    return {kind: next((name for name in names if name in there), "") for kind, names in _DEFAULTS.items()}


def _answers(path: str, report: Report) -> Answers:
    if not path:
        return Answers()
    try:
        return read_answers(parse(files.read_file(path), path), report)
    except UndercloudError as error:
        report.extend(error.findings)
        return Answers()


class _Reader:
    """Reads into ``files`` and reports what it cannot read."""

    def __init__(self, root: str, report: Report) -> None:
        self.root = root
        self.files: dict[str, bytes] = {}
        self.real_root = files.real(root)
        self._report = report
        self._followed: set[str] = set()

    def take_tree(self) -> None:
        """The whole template tree."""
        if not any(files.is_file(posixpath.join(self.root, name)) for name in ROOT_TEMPLATES):
            there = files.is_directory(self.root)
            text = f"this directory holds no {ROOT_TEMPLATES[0]}" if there else "there is no such directory"
            fix = f"Give --templates the directory that {ROOT_TEMPLATES[0]} lies in."
            if not there and self.root.endswith(_TEMPLATE_ENDINGS):
                text, fix = "there is no such file", "Correct the path of the template."
            self._report.add(Finding("PLAN-052", text, fix, locations=(Location(self.root),)))
            return
        try:
            self.files.update(files.read_directory(self.root))
        except UndercloudError as error:
            self._report.extend(error.findings)

    def take(self, path: str, disk: str) -> bool:
        """One file, under the tree's spelling of its path."""
        if path in self.files:
            return True
        try:
            self.files[path] = files.read_file(disk)
        except UndercloudError as error:
            self._report.extend(error.findings)
            return False
        return True

    def spelled(self, path: str) -> str:
        """The tree's spelling of an absolute path, also where the root is reached through a link."""
        for root in (self.root, self.real_root):
            if path.startswith(root.rstrip("/") + "/"):
                return path[len(root.rstrip("/")) + 1 :]
        return path

    def find(self, given: str) -> str | None:
        """The absolute path of what the operator named; reports it if it is nowhere."""
        given = given.removeprefix("file://")
        candidates = [files.absolute(given)]
        candidates += [posixpath.normpath(posixpath.join(self.root, *up, given)) for up in ((), ("..",))]
        for path in candidates:
            if files.is_file(path) or files.is_file(_template_of(path)):
                return path
        self._report.extend(files.missing(*candidates).findings)
        return None

    def named(self, kind: str, given: str, *, default: bool) -> str:
        """The path of a file that the operator named, or of its default in the tree; else empty."""
        if given:
            disk = self.find(given)
            path = self.spelled(disk) if disk else ""
            return path if disk and self.take(path, disk) else ""
        return next((name for name in _DEFAULTS.get(kind, ()) if default and name in self.files), "")

    def check_syntax(self, paths: Iterable[str]) -> None:
        """Report which of these files are no valid YAML."""
        for path in paths:
            if path in self.files:
                try:
                    parse(self.files[path], posixpath.join(self.root, path))
                except UndercloudError as error:
                    self._report.extend(error.findings)

    def listed(self, directory: str) -> list[str]:
        """The environments of a directory, by name."""
        try:
            return files.names_in(files.absolute(directory), ".yaml")
        except UndercloudError as error:
            self._report.extend(error.findings)
            return []

    def environment(self, given: str) -> str:
        """The path of an environment, which may come to be only by rendering; empty if it is not usable."""
        if given.endswith(".j2.yaml"):
            text = "a template is no environment: what is rendered from it is"
            fix = f"Give -e {given.removesuffix('.j2.yaml')}.yaml."
            self._report.add(Finding("PLAN-054", text, fix, locations=(Location(given),)))
            return ""
        disk = self.find(given)
        path = self.spelled(disk) if disk else ""
        if not disk or _template_of(path) in self.files:
            return path
        if not self.take(path, disk):
            return ""
        self.follow(path)
        return path

    def plan_environments(self, path: str) -> list[str]:
        """The environments that a plan environment names; they lie in the tree."""
        if not path:
            return []
        try:
            document = parse(self.files[path], posixpath.join(self.root, path))
        except UndercloudError as error:
            self._report.extend(error.findings)
            return []
        return [self.environment(name) for name in read_plan_environment(document, self._report).environments]

    def node_playbooks(self, deployment: str) -> bool:
        """The playbooks that a deployment file names, with all that goes with them; whether it names any.

        One that is not there is told when it is used.
        """
        named = list(named_playbooks(self._value(deployment)))
        for *_, item in named:
            playbook = beside(posixpath.join(self.root, deployment), item["playbook"])
            if list(closure(playbook, self._included)):
                for name in LOOKED_INTO:
                    self._take_directory(posixpath.join(posixpath.dirname(playbook), name))
        return bool(named)

    def _included(self, file: str) -> Any:
        """What a file of a playbook holds, which is taken; raises KeyError where there is none."""
        path = self.spelled(file)
        if path not in self.files and not (files.is_file(file) and self.take(path, file)):
            raise KeyError(path)
        return self._value(path)

    def _take_directory(self, directory: str) -> None:
        """All files of a directory, if there is one."""
        if not files.is_directory(directory):
            return
        try:
            for name, data in files.read_directory(directory).items():
                self.files.setdefault(self.spelled(posixpath.join(directory, name)), data)
        except UndercloudError as error:
            self._report.extend(error.findings)

    def follow(self, path: str) -> None:
        """Read what a file outside of the tree names, and what that names."""
        waiting = [path]
        while waiting:
            file = waiting.pop()
            if file in self._followed or not file.endswith((".yaml", ".template", ".json")):
                continue
            self._followed.add(file)
            for reference in self._references(file):
                found = self._follow_one(file, reference)
                if found:
                    waiting.append(found)

    def _value(self, path: str) -> Any:
        """What a file that was taken holds; None for what is no YAML, which is told when the file is used."""
        try:
            return parse(self.files[path], posixpath.join(self.root, path)).value if path else None
        except UndercloudError:
            return None

    def _references(self, file: str) -> list[str]:
        value = self._value(file)
        if not isinstance(value, dict):
            return []
        registry = value.get("resource_registry")
        mapped = entries(registry) if isinstance(registry, dict) else ()
        return [*(entry.path for entry in mapped if entry.path), *references(value)]

    def _follow_one(self, file: str, reference: str) -> str | None:
        """Take the file that a reference means; one that is not there is told when it is used."""
        for candidate in (
            beside(posixpath.join(self.root, file), reference),
            beside(self.root + "/", reference),
        ):
            path = self.spelled(normalise(candidate))
            if path in self.files:
                return path
            if "\n" not in candidate and files.is_file(candidate) and self.take(path, candidate):
                return path
        return None


def _template_of(path: str) -> str:
    """``X.j2.yaml`` for ``X.yaml``: what the file is rendered from."""
    return path.removesuffix(".yaml") + ".j2.yaml"
