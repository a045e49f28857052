"""The compiler as the engine uses it: the operator's files in, plain values out."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from undercloud.conf import installed
from undercloud.deploy.compiling import Access, Compiled, FreeTask, Judged, Known, Loaded, Node, Reserved
from undercloud.deploy.compiling_machines import machine_wishes, node_playbooks, playbook_files
from undercloud.deploy.plan_source import plan_source
from undercloud.deploy.requests import DeployRequest, GivenFile
from undercloud.deploy.ssh import SSH_PORT
from undercloud.diagnostics import UndercloudError
from undercloud.images import definitions, served
from undercloud.images.catalogue import REGISTRY, image_parameters
from undercloud.plan import state as states
from undercloud.plan.bundle import Bundle, read
from undercloud.plan.entropy import SystemEntropy
from undercloud.plan.loader import Plan, assemble
from undercloud.plan.secrets import Secret, secret_texts
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation
from undercloud.playbooks.lower import Lowered
from undercloud.topology.model import Topology

if TYPE_CHECKING:
    from undercloud.validation.validate import Extras

_KEY_LINE = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")
_NO_WORD = 8  # characters; what only its name calls secret and is shorter may be a word (`public`, `fernet`)


class NativeCompiler:
    """Implements ``compiling.Compiler`` with the pure compiler and this machine's entropy.

    ``registry`` is where nodes pull images unless the request says another; empty means the undercloud's own,
    kept in ``registry_dir``. ``plane`` gives parameters of the control plane for a plan's files, ``own``
    the addresses that no stack gets.
    """

    def __init__(
        self,
        registry: str,
        registry_dir: Path,
        plane: Callable[[Bundle], Mapping[str, Any]] = lambda _: {},
        own: Reserved = MappingProxyType({}),
    ) -> None:
        self._registry = registry
        self._registry_dir = registry_dir
        self._plane = plane
        self._own = own

    def load(self, request: DeployRequest) -> Loaded:
        """Read the operator's files; UndercloudError with all that is wrong with them."""
        images = generated(request.registry or self._registry, self._registry_dir)
        bundle = read(plan_source(request, images))
        loaded = _loaded(replace(bundle, generated={**images, **self._plane(bundle)}))
        return replace(loaded, modes=_modes(loaded.plan))

    def reload(self, files: Mapping[str, bytes], source: Mapping[str, Any]) -> Loaded:
        """What ``load`` gave, out of what was kept of it."""
        return _loaded(Bundle.restored(files, source))

    def texts(self, loaded: Loaded, files: Iterable[str]) -> dict[str, str]:
        """The texts of a plan's files by the names that findings give; unknown ones are left out."""
        tree, found = loaded.plan.tree, {}
        for file in files:
            with contextlib.suppress(KeyError, UndercloudError):
                found[file] = tree[tree.relative(file)].text
        return found

    def compile(self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved) -> Compiled:
        """Compile with the plan's state; UndercloudError with all errors."""
        return _compiled(self._compile(loaded, state, reserved).raise_for_undeployable())

    def judge(
        self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved, known: Known
    ) -> Judged:
        """Compile and validate: everything that is wrong with the plan, at once."""
        from undercloud.validation import validate  # noqa: PLC0415 - rules are read, which only this needs

        made = self._compile(loaded, state, reserved)
        found = validate.findings(made, _extras(loaded, known))
        sensitive = frozenset(_sensitive(made))
        try:
            made.raise_for_undeployable()
        except UndercloudError as error:
            more = tuple(finding for finding in error.findings if finding not in found)
            return Judged((*found, *more), None, sensitive)
        return Judged(found, _compiled(made), sensitive)

    def _compile(self, loaded: Loaded, state: Mapping[str, Any] | None, reserved: Reserved) -> Compilation:
        value = State() if state is None else states.from_json(json.dumps(state))
        networks = (*self._own, *reserved)
        held = {name: {**reserved.get(name, {}), **self._own.get(name, {})} for name in networks}
        return compiler.compile(loaded.plan, value, SystemEntropy(), held)


def generated(registry: str, registry_dir: Path) -> dict[str, Any]:
    """Parameters under the operator's own: where images are, and how nodes get into our registry.

    ``registry`` is where nodes pull from; empty means the undercloud's own, kept in ``registry_dir``.
    """
    own = served.load(registry_dir)
    address = registry or (own.endpoint if own else REGISTRY)
    shipped = definitions.load([installed.data_directory() / "container-images"])
    made: dict[str, Any] = dict(image_parameters(shipped, address))
    if own is not None and own.endpoint == address:
        made["ContainerImageRegistryCredentials"] = {address: {own.username: own.password}}
        if own.authority is not None:
            made["ContainerImageRegistryCertificates"] = {address: own.authority.read_text()}
    return made


def _loaded(bundle: Bundle) -> Loaded:
    plan = assemble(bundle)
    return Loaded(bundle.files, {"root": bundle.root, **bundle.source()}, plan, plan.findings)


def _modes(plan: Plan) -> dict[str, int]:
    """Permission bits of the environments that were read from this machine's disk."""
    paths = [Path(layer.path) for layer in plan.environment.layers]
    return {str(path): path.stat().st_mode for path in paths if path.is_absolute() and path.is_file()}


def _compiled(made: Compilation) -> Compiled:
    """A compilation that can be deployed, as plain values."""
    from undercloud.validation import previous  # noqa: PLC0415 - see judge

    assert made.topology is not None, "a compilation without errors is whole"
    assert made.lowered is not None, "a compilation without errors is whole"
    return Compiled(
        files={
            **{path: file.text.encode() for path, file in made.files.items()},
            **playbook_files(made.plan),
        },
        secrets={name: _revealed(value) for name, value in made.secrets.items()},
        state=json.loads(made.state.to_json()),
        sensitive=frozenset(_sensitive(made)),
        nodes=_nodes(made.topology),
        access=_access(made, made.lowered),
        tasks=_tasks(made.lowered),
        described=previous.facts(made),
        machines=tuple(machine_wishes(made)),
        playbooks=tuple(node_playbooks(made.plan)),
    )


def _extras(loaded: Loaded, known: Known) -> Extras:
    """What validation gets besides the plan."""
    from undercloud.validation import previous, validate  # noqa: PLC0415 - see judge

    def pair(file: GivenFile | None) -> tuple[str, str] | None:
        return (file.path, file.text) if file else None

    described = known.previous
    comparable = described is not None and described.get("version") == previous.VERSION
    return validate.Extras(
        nodes=pair(known.given.nodes or (known.machines if loaded.plan.baremetal else None)),
        undercloud=pair(known.given.undercloud),
        previous=previous.read(described) if comparable else None,
        modes=loaded.modes,
        rules=tuple((file.path, file.text) for file in known.given.rules),
    )


def _nodes(topology: Topology) -> tuple[Node, ...]:
    return tuple(
        Node(host.name, host.address, host.role, host.user or "", host.port or SSH_PORT)
        for host in topology.hosts
    )


def _access(made: Compilation, lowered: Lowered) -> Access:
    """From the root template's outputs and the public endpoint of the identity service."""
    endpoints = lowered.cloud["endpoints"].values()
    url = next((each["url"]["public"] for each in endpoints if each.get("type") == "identity"), "")
    outputs, tls = made.stack.outputs, made.public_tls
    return Access(
        auth_url=f"{url}/v3" if url else "",
        region=str(outputs.get("KeystoneRegion") or ""),
        password=_revealed(outputs.get("AdminPassword") or ""),
        authority=tls.authority if tls and not tls.authority_file else "",
        authority_file=tls.authority_file if tls else "",
    )


def _revealed(value: Any) -> str:
    """Plain text, for what is sealed in the database and handed to the nodes."""
    return value.reveal() if isinstance(value, Secret) else str(value)


def _sensitive(made: Compilation) -> Iterator[str]:
    """Passwords and keys by themselves; a file that holds some is known by them."""
    state = made.state
    sources = [made.stack.parameters, state.passwords, state.random_strings, state.certificates]
    values = [*made.stack.hidden, *(text for source in sources for text in secret_texts(source))]
    named = [text for playbook in made.plan.node_playbooks for text in secret_texts(playbook.extra_vars)]
    values += [text for text in named if len(text) >= _NO_WORD]
    for value in (*values, *map(_revealed, made.secrets.values())):
        text = value.strip()
        if "\n" not in text:
            yield text
    for value in values:
        # A key in PEM may be told line by line.
        yield from (line for line in value.splitlines() if _KEY_LINE.fullmatch(line))


def _tasks(lowered: Lowered) -> tuple[FreeTask, ...]:
    """Free-form tasks by host and step; those of the undercloud run on the undercloud."""
    here = [
        FreeTask("undercloud", file.step, entry.name)
        for file in lowered.tasks
        if file.kind == "external_deploy_tasks" and file.step is not None
        for entry in file.entries
    ]
    there = [
        FreeTask(name, number, task.name)
        for name, host in lowered.desired.hosts.items()
        for number, step in host.steps.items()
        for task in step.tasks
    ]
    return (*here, *there)
