"""The playbooks that a deployment file names for nodes: found, read, and what goes with them.

As in TripleO a name is a path, relative to the deployment file, or that of a playbook that comes along.
"""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Report, Severity, UndercloudError
from undercloud.plan.documents import Document
from undercloud.plan.entries import Entry
from undercloud.plan.names import did_you_mean
from undercloud.plan.secrets import conceal_named
from undercloud.plan.tree import Tree, beside

_KERNEL_ARGUMENTS = "cli-overcloud-node-kernelargs.yaml"
_GROW_VOLUMES = "cli-overcloud-node-growvols.yaml"
_STOCK: Mapping[str, tuple[str, ...]] = {
    _KERNEL_ARGUMENTS: ("kernel_args", "defer_reboot", "reboot_wait_timeout"),
    _GROW_VOLUMES: (),
}
"""TripleO's playbooks that mean ours, with the variables that they know."""
_TRIPLEOS_DIRECTORY = "/usr/share/ansible/tripleo-playbooks"
LOOKED_INTO = (
    *("collections", "files", "group_vars", "host_vars", "library", "module_utils", "roles", "tasks"),
    *("templates", "vars", "action_plugins", "filter_plugins", "lookup_plugins", "test_plugins"),
)
"""The directories beside a playbook that Ansible looks into: they go with it."""
_NAMING = ("import_playbook", "import_tasks", "include_tasks", "include_vars", "vars_files")


@dataclasses.dataclass(frozen=True)
class NodePlaybook:
    """A playbook for the nodes of a role.

    ``path`` is the plan's file; of one that comes along it is empty, and ``name`` says which. ``files`` are
    all files of the plan that go with it. Texts of ``extra_vars`` whose names say so are secret.
    """

    role: str
    name: str
    path: str = ""
    files: tuple[str, ...] = ()
    extra_vars: Mapping[str, Any] = dataclasses.field(default_factory=dict, repr=False)


def named(deployment: Any) -> Iterator[tuple[str, tuple[str | int, ...], Mapping[str, Any]]]:
    """Each playbook of a parsed deployment file: its role, the path to its entry, the entry.

    What has not the right form is left out: the schema of the file tells of it.
    """
    for index, role in enumerate(deployment if isinstance(deployment, list) else ()):
        listed = role.get("ansible_playbooks") if isinstance(role, dict) else None
        for number, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, dict) and isinstance(item.get("playbook"), str):
                yield str(role.get("name", "")), (index, "ansible_playbooks", number), item


def closure(playbook: str, read: Callable[[str], Any]) -> Iterator[str]:
    """The playbook and the files that it includes by a fixed name beside it, and so on.

    ``read`` gives what a file holds, and raises KeyError where there is none.
    """
    waiting, seen = [playbook], {playbook}
    while waiting:
        file = waiting.pop()
        try:
            value = read(file)
        except KeyError:
            continue  # Ansible looks in more places, and says where
        yield file
        found = dict.fromkeys(beside(file, name) for name in _included(value))
        waiting += [path for path in found if path not in seen]
        seen.update(found)


def _included(value: Any) -> Iterator[str]:
    """The relative names in a playbook or a list of tasks, as far as they have no Jinja2."""
    if isinstance(value, list):
        for item in value:
            yield from _included(item)
    for key, item in value.items() if isinstance(value, dict) else ():
        if str(key).rpartition(".")[2] in _NAMING:
            given = item.get("file") if isinstance(item, dict) else item
            for name in given if isinstance(given, list) else [given]:
                if isinstance(name, str) and "{{" not in name and not name.startswith("/"):
                    yield name
        else:
            yield from _included(item)


def read_node_playbooks(
    document: Document, tree: Tree, report: Report, *, expected: bool
) -> tuple[NodePlaybook, ...]:
    """The playbooks of a deployment file in their order; all findings are added to the report.

    PLAN-110 it is nowhere (a warning where the tree is not ``expected`` to have it, since it was read before
    playbooks went with plans), PLAN-111 it is no list of plays, PLAN-112 it runs on the nodes of a role (a
    note), PLAN-113 something of TripleO's that has no effect here (a warning), and those of documents.
    """
    found = (
        _Reader(Entry(document, path, "the playbook", "PLAN-11", report), tree, role, item, expected).read()
        for role, path, item in named(document.value)
    )
    return tuple(one for one in found if one is not None)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads one entry, which stands at ``entry``."""

    entry: Entry
    tree: Tree
    role: str
    item: Mapping[str, Any]
    expected: bool

    @property
    def name(self) -> str:
        """The playbook as it is named."""
        return str(self.item["playbook"])

    def read(self) -> NodePlaybook | None:
        """The playbook; None where it cannot be run."""
        path = self.tree.relative(beside(self.entry.document.file, self.name))
        directory, stock = posixpath.split(self.name)
        if path in self.tree:
            if not self._is_playbook(path):
                return None
            found = NodePlaybook(self.role, self.name, path, tuple(self._files(path)), self._variables())
        elif stock in _STOCK and directory in {"", _TRIPLEOS_DIRECTORY}:
            if not self._has_effect(stock):
                return None
            found = NodePlaybook(self.role, stock, extra_vars=self._variables())
        else:
            self._tell_missing(path)
            return None
        text = f"{self.name} runs on the nodes of {self.role} whenever they are provisioned or deployed on"
        fix = "It comes once they answer SSH, before all steps; deploy --skip node-playbooks leaves it out."
        self._note(Severity.INFO, "2", text, fix, "playbook")
        return found

    def _is_playbook(self, path: str) -> bool:
        try:
            document = self.tree.document(path)
        except UndercloudError as error:
            # Ansible has tags of its own (!unsafe): what has one is left to Ansible.
            found = [finding for finding in error.findings if finding.code != "PLAN-005"]
            self.entry.report.extend(found)
            return not found
        plays = document.value if isinstance(document.value, list) else []
        wrong = [number for number, play in enumerate(plays) if not _is_play(play)]
        if plays and not wrong:
            return True
        place = self.entry.at("playbook").location
        why = "it has an entry that is no play" if wrong else "it lists no plays"
        text = f"{self.name} is no playbook: {why}"
        fix = "Write a list whose entries have hosts, or import_playbook; tasks stand below a play."
        finding = Finding("PLAN-111", text, fix, locations=(document.locate(*wrong[:1]), place))
        self.entry.report.add(finding)
        return False

    def _files(self, path: str) -> Iterator[str]:
        """All files of the plan that go with a playbook."""
        roots = tuple(posixpath.join(posixpath.dirname(path), name) + "/" for name in LOOKED_INTO)
        yield from (file for file in self.tree if file.startswith(roots))
        for shown in closure(self.tree.shown(path), self._value):
            file = self.tree.relative(shown)
            if not file.startswith(roots):
                yield file

    def _value(self, shown: str) -> Any:
        """What a file holds; None for what is no YAML; raises KeyError where there is none."""
        try:
            return self.tree.document(self.tree.relative(shown)).value
        except UndercloudError:
            return None

    def _variables(self) -> Mapping[str, Any]:
        extra_vars = conceal_named(self.item.get("extra_vars"))
        return extra_vars if isinstance(extra_vars, dict) else {}

    def _has_effect(self, stock: str) -> bool:
        """Tell what of TripleO's playbook ours does not do."""
        if stock == _GROW_VOLUMES:
            text = f"{stock} has no effect here: the root file system of a node grows over its whole disk"
            fix = "Remove it; other volumes are for a playbook of your own."
            self._note(Severity.WARNING, "3", text, fix, "playbook")
            return False
        for key in self._variables():
            if key not in _STOCK[stock]:
                text = f"{key} has no effect: {stock} of ours does not know it"
                fix = f"Remove it; known are {', '.join(_STOCK[stock])}."
                self._note(Severity.WARNING, "3", text, fix, "extra_vars", key)
        return True

    def _tell_missing(self, path: str) -> None:
        shown = self.tree.shown(path)
        if not self.expected:
            text = (
                f"{self.name} of {self.role} is left out: this plan is from before playbooks went with plans"
            )
            self._note(Severity.WARNING, "0", text, "Give the plan's files anew to have it run.", "playbook")
            return
        text = f"the playbook {self.name} of {self.role} is not there: {shown} is no file of the plan"
        fix = did_you_mean(self.name, _STOCK) or (
            "Correct the path: a relative one counts from the deployment file. It is read where the command "
            "is given, and goes with the plan."
        )
        self._note(Severity.ERROR, "0", text, fix, "playbook")

    def _note(self, severity: Severity, digit: str, text: str, fix: str, *steps: str) -> None:
        self.entry.at(*steps).note(severity, digit, text, fix)


def _is_play(entry: Any) -> bool:
    keys = {str(key).rpartition(".")[2] for key in entry} if isinstance(entry, dict) else set()
    return bool(keys & {"hosts", "import_playbook"})
