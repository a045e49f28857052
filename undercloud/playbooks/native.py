"""The playbook directory of the native contract: what an operator reads, and what ansible-playbook runs.

docs/playbook-directory.md describes it. The same input gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from undercloud.playbooks.demands import BALANCER, HOLDER, Demands
from undercloud.playbooks.desired import STEPS, DesiredState, HostState, as_dict
from undercloud.playbooks.lower import Lowered
from undercloud.playbooks.tasks import EXTERNAL, SECRETS_VARIABLE, TaskFile
from undercloud.playbooks.yamltext import dump, for_ansible
from undercloud.topology.model import Topology

INVENTORY = "tripleo-ansible-inventory.yaml"
PLAYBOOK = "deploy_steps_playbook.yaml"
CHECKS_PLAYBOOK = "checks_playbook.yaml"
DELETE_PLAYBOOK = "delete_playbook.yaml"
SCALE_PLAYBOOK = "scale_playbook.yaml"
ALL = "overcloud"
_HEAD = "# Written by undercloud from the plan; the next deployment writes it anew.\n"
_SECRETS_PATH = "undercloud_secrets_file | default(playbook_dir ~ '/secrets.json')"
_SECRETS_FILE = f"{{{{ {_SECRETS_PATH} }}}}"
_SECRETS = f"{{{{ lookup('ansible.builtin.file', {_SECRETS_PATH}) | from_json }}}}"


@dataclasses.dataclass(frozen=True)
class PlaybookFile:
    """One file of the directory; mode 0600, or 0700 if it is a program."""

    text: str
    executable: bool = False


def directory(lowered: Lowered, topology: Topology) -> dict[str, PlaybookFile]:
    """All files by relative path; secrets.json is not among them, for it is written only where asked for."""
    files = {
        "ansible.cfg": PlaybookFile(_ANSIBLE_CFG),
        "ansible-playbook-command.sh": PlaybookFile(_COMMAND, executable=True),
        INVENTORY: PlaybookFile(_HEAD + _inventory(lowered, topology)),
        "global_vars.yaml": PlaybookFile(_HEAD + _global_vars(lowered)),
        PLAYBOOK: PlaybookFile(_HEAD + dump(list(_deploy_plays(lowered)))),
        CHECKS_PLAYBOOK: PlaybookFile(_HEAD + dump(_checks_plays())),
        DELETE_PLAYBOOK: PlaybookFile(_HEAD + dump(_delete_plays(lowered))),
        SCALE_PLAYBOOK: PlaybookFile(_HEAD + dump(_scale_plays(lowered))),
    }
    for role, hosts in topology.by_role.items():
        services = [name for name, roles in lowered.services.items() if role in roles]
        value = {"undercloud_role": role, "undercloud_services": services}
        files[f"group_vars/{role}.yaml"] = PlaybookFile(_HEAD + dump(value))
        for host in hosts:
            scope = for_ansible(lowered.hosts[host.name], SECRETS_VARIABLE)
            files[f"host_vars/{host.name}.yaml"] = PlaybookFile(_HEAD + dump({"host": scope}))
    for task_file in lowered.tasks:
        files[task_file.path] = PlaybookFile(_HEAD + _tasks(task_file))
    writer = _StateWriter(lowered.desired)
    for name in lowered.desired.hosts:
        files[f"desired_state/{name}.json"] = PlaybookFile(writer.text([name]))
    demands = Demands(topology, lowered.cloud, lowered.hosts, lowered.requirements)
    for host in topology.hosts:
        asked = demands.of(host, lowered.desired.hosts[host.name])
        files[f"preflight/{host.name}.json"] = PlaybookFile(json.dumps(asked, indent=1) + "\n")
    return dict(sorted(files.items()))


def _inventory(lowered: Lowered, topology: Topology) -> str:
    groups: dict[str, Any] = {
        "undercloud": {
            "hosts": {
                "undercloud": {
                    "ansible_connection": "local",
                    "ansible_host": "localhost",
                    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
                }
            }
        }
    }
    for role, hosts in topology.by_role.items():
        members: dict[str, Any] = {}
        for host in hosts:
            members[host.name] = {"ansible_host": host.address}
            if host.user:
                members[host.name]["ansible_user"] = host.user
            if host.port:
                members[host.name]["ansible_port"] = host.port
        groups[role] = {"hosts": members}
    groups[ALL] = {"children": _children(topology.by_role), "vars": {"ansible_ssh_common_args": _SSH}}
    groups["allovercloud"] = {"children": {ALL: {}}}
    for service, roles in lowered.services.items():
        if service not in groups:
            groups[service] = {"children": _children(roles)}
    return dump(groups)


def _children(names: Iterable[str]) -> dict[str, Any]:
    return {name: {} for name in names}


_SSH = (
    "-o StrictHostKeyChecking=yes"
    "{{ ' -o UserKnownHostsFile=' ~ (undercloud_known_hosts_file | quote)"
    " if undercloud_known_hosts_file is defined else '' }}"
)


def _global_vars(lowered: Lowered) -> str:
    """``cloud``, with each host written once and referred to by a YAML alias of its name."""
    cloud = {
        key: value for key, value in lowered.cloud.items() if key not in {"hosts", "services", "endpoints"}
    }
    lines = [
        dump({SECRETS_VARIABLE: _SECRETS}),
        "cloud:\n",
        _indented(dump(for_ansible(cloud, SECRETS_VARIABLE)), 2),
        "  hosts:" + ("\n" if lowered.cloud["hosts"] else " []\n"),
    ]
    for host in lowered.cloud["hosts"]:
        plain = {key: value for key, value in host.items() if key != "firewall_rules"}
        lines.append(f"    - &{host['name']} {json.dumps(plain, ensure_ascii=False)}\n")
    lines.append("  services:" + ("\n" if lowered.cloud["services"] else " {}\n"))
    for name, service in lowered.cloud["services"].items():
        members = ", ".join(f"*{host['name']}" for host in service["hosts"])
        lines.append(f"    {name}:\n      hosts: [{members}]\n      first: *{service['first']['name']}\n")
    lines.append("  endpoints:" + ("\n" if lowered.cloud["endpoints"] else " {}\n"))
    for name, endpoint in lowered.cloud["endpoints"].items():
        plain = {key: value for key, value in endpoint.items() if key != "hosts"}
        members = ", ".join(f"*{host['name']}" for host in endpoint["hosts"])
        lines.append(_indented(dump({name: for_ansible(plain, SECRETS_VARIABLE)}), 4))
        lines.append(f"      hosts: [{members}]\n")
    return "".join(lines)


def _indented(text: str, width: int) -> str:
    return "".join(
        f"{' ' * width}{line}" if line.strip() else line for line in text.splitlines(keepends=True)
    )


def _tasks(file: TaskFile) -> str:
    parts = []
    for block in file.blocks:
        source = f" ({block.template})" if block.template else ""
        parts.append(f"# {block.service}{source}\n" + dump([dict(task) for task in block.tasks]))
    return "\n".join(parts)


_LOOK: Mapping[str, Any] = {
    "name": "Look at the node",
    "undercloud.deploy.preflight": {
        "demands": "{{ playbook_dir }}/preflight/{{ inventory_hostname }}.json",
        "state": "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json",
        "secrets": _SECRETS_FILE,
        "gate": "{{ undercloud_gate | default({}) }}",
    },
}


_VERIFY: Mapping[str, Any] = {
    "demands": "{{ playbook_dir }}/preflight/{{ inventory_hostname }}.json",
    "state": "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json",
    "secrets": _SECRETS_FILE,
    "gate": "{{ undercloud_gate | default({}) }}",
}
_FINAL_HOSTS = (BALANCER, HOLDER)


def _final_plays(lowered: Lowered) -> Iterable[Mapping[str, Any]]:
    """What no step of one node can say: who holds the virtual addresses, whether the endpoints answer."""
    hosts = [service for service in _FINAL_HOSTS if service in lowered.services]
    if hosts:
        task = {
            "name": "Look at addresses and endpoints",
            "undercloud.deploy.verify": {**_VERIFY, "final": True},
        }
        play = {
            "name": "Final checks",
            "hosts": ":".join(hosts),
            "become": True,
            **_PLAY,
            "tags": ["finalchecks"],
        }
        yield {**play, "tasks": [{**task, "when": "not ansible_check_mode"}]}


def _checks_plays() -> list[Mapping[str, Any]]:
    """The checks by themselves, for a cloud that is deployed; ``undercloud_checks`` says which."""
    asked = "(undercloud_checks | default({}))"
    options = {key: f"{{{{ {asked}.{key} | default([]) }}}}" for key in ("groups", "names")}
    before = {**_LOOK, "when": f"'pre-deployment' in ({asked}.groups | default([]))"}
    after = {"name": "See that it works", "undercloud.deploy.verify": {**_VERIFY, **options}}
    play = {"name": "Checks", "hosts": ALL, "become": True, **_PLAY, "any_errors_fatal": False}
    # What is wrong before does not keep what is wrong after from being told.
    return [{**play, "tasks": [{"block": [before], "always": [after]}]}]


def _deploy_plays(lowered: Lowered) -> Iterable[Mapping[str, Any]]:
    play = {"name": "Node checks", "hosts": ALL, "become": True, **_PLAY, "tags": ["nodechecks"]}
    yield {**play, "tasks": [_LOOK]}
    for step in STEPS:
        external = [file for file in lowered.tasks if file.role == EXTERNAL and file.step == step]
        if external:
            yield {
                "name": f"Step {step}, tasks of the undercloud",
                "hosts": "undercloud",
                **_PLAY,
                "vars": {"step": step},
                "tags": [f"step{step}"],
                "tasks": [_include(file.path) for file in external],
            }
        roles = _roles_in(lowered.desired, step)
        if not roles:
            continue
        own = [file for file in lowered.tasks if file.role != EXTERNAL and file.step == step]
        yield {
            "name": "Host preparation, step 0" if step == 0 else f"Step {step}",
            # Step 0 and the end concern every node: what is no longer wanted goes there.
            "hosts": ALL if step == 0 else ":".join(roles),
            "become": True,
            **_PLAY,
            "vars": {"step": step},
            "tags": [f"step{step}"],
            "tasks": [*_includes(own), _reconcile(lowered.desired, f"Step {step}", step=step)],
        }
    yield {
        "name": "Finish",
        "hosts": ALL,
        "become": True,
        **_PLAY,
        "tags": ["finish"],
        "tasks": [_reconcile(lowered.desired, "Remove what the new state no longer names", finish=True)],
    }
    yield from _final_plays(lowered)


def _roles_in(desired: DesiredState, step: int) -> list[str]:
    """The roles that have anything in a step; all of them in step 0."""
    return list(dict.fromkeys(host.role for host in desired.hosts.values() if not step or step in host.steps))


_PLAY = {"gather_facts": False, "any_errors_fatal": True, "vars_files": ["global_vars.yaml"]}


def _delete_plays(lowered: Lowered) -> list[Mapping[str, Any]]:
    everything = [*_includes(_leaving(lowered)), _remove(lowered)]
    return [{"name": "Delete", **_LAST_PLAY, "vars": {"undercloud_deletes": True}, "tasks": everything}]


def _scale_plays(lowered: Lowered) -> list[Mapping[str, Any]]:
    """For nodes that leave the plan, named with --limit: they leave, and are cleaned later."""
    leave = [*_includes(_leaving(lowered)), _STOP]
    return [
        {"name": "Leave", **_LAST_PLAY, "tags": ["leave"], "tasks": leave},
        {"name": "Clean", **_LAST_PLAY, "tags": ["clean"], "tasks": [_remove(lowered)]},
    ]


_LAST_PLAY = {"hosts": ALL, "become": True, **_PLAY, "any_errors_fatal": False}
_OURS = "podman ps --quiet --filter label=undercloud.stack={{ cloud.name }}"
_STOP = {
    "name": "Stop the containers of the cloud",
    "ansible.builtin.shell": f"{_OURS} | xargs -r podman stop",
    "register": "stopped",
    "changed_when": "stopped.stdout | length > 0",
}


def _leaving(lowered: Lowered) -> list[TaskFile]:
    return [file for file in lowered.tasks if file.kind == "scale_tasks"]


def _remove(lowered: Lowered) -> dict[str, Any]:
    return {
        "name": "Remove everything of the stack",
        "undercloud.deploy.reconcile": {
            "stack": lowered.desired.stack,
            "fence": "{{ undercloud_fence | default(0) }}",
            "purge": True,
            "purge_images": True,
        },
    }


def _includes(files: Sequence[TaskFile]) -> Iterable[Mapping[str, Any]]:
    """One include for all roles that have a file of a kind; a dry run does not know what tasks would do."""
    for name in dict.fromkeys(file.path.rpartition("/")[2] for file in files):
        roles = [file.role for file in files if file.path.endswith(f"/{name}")]
        path = f"{{{{ undercloud_role }}}}/{name}"
        yield {
            **_include(path),
            "when": ["not ansible_check_mode", f"undercloud_role in {json.dumps(roles)}"],
        }


def _include(path: str) -> dict[str, Any]:
    name = path.rpartition("/")[2].removesuffix(".yaml").replace("_", " ")
    return {
        "name": name[0].upper() + name[1:],
        "ansible.builtin.include_tasks": path,
        "when": "not ansible_check_mode",
    }


def _reconcile(desired: DesiredState, name: str, **options: Any) -> dict[str, Any]:
    return {
        "name": name,
        "undercloud.deploy.reconcile": {
            "state": "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json",
            "secrets": _SECRETS_FILE,
            "fence": "{{ undercloud_fence | default(0) }}",
            "stack": desired.stack,
            **options,
        },
    }


def state_text(desired: DesiredState) -> str:
    """The whole desired state as JSON."""
    return _StateWriter(desired).text(desired.hosts)


class _StateWriter:
    """Writes the desired state as JSON, one line an entry; the text of what hosts share is made once."""

    def __init__(self, desired: DesiredState) -> None:
        self._desired = desired
        self._texts: dict[int, str] = {}

    def text(self, names: Iterable[str]) -> str:
        """The state of these hosts."""
        desired = self._desired
        head = json.dumps({"version": desired.version, "stack": desired.stack, "contract": desired.contract})
        hosts = ",\n".join(f"{json.dumps(name)}: {self._host(desired.hosts[name])}" for name in names)
        return f'{head[:-1]}, "hosts": {{{hosts}}}}}\n'

    def _host(self, host: HostState) -> str:
        who = json.dumps({"role": host.role, "address": host.address})
        steps = ",\n".join(f'"{number}": {self._step(host, number)}' for number in sorted(host.steps))
        return f'{who[:-1]}, "steps": {{\n{steps}\n}}}}'

    def _step(self, host: HostState, number: int) -> str:
        parts = []
        for kind in ("directories", "files", "units", "containers"):
            entries = getattr(host.steps[number], kind)
            if entries:
                named = (f"  {json.dumps(name)}: {self._entry(entry)}" for name, entry in entries.items())
                lines = ",\n".join(named)
                parts.append(f'"{kind}": {{\n{lines}}}')
        for kind in ("tasks", "validations"):
            entries = getattr(host.steps[number], kind)
            if entries:
                lines = ",\n".join(f"  {self._entry(entry)}" for entry in entries)
                parts.append(f'"{kind}": [\n{lines}]')
        return "{" + ",\n ".join(parts) + "}"

    def _entry(self, entry: Any) -> str:
        text = self._texts.get(id(entry))
        if text is None:
            text = self._texts[id(entry)] = json.dumps(as_dict(entry), ensure_ascii=False)
        return text


_ANSIBLE_CFG = """\
# Written by undercloud. The collections' path comes from ANSIBLE_COLLECTIONS_PATH.
[defaults]
inventory = tripleo-ansible-inventory.yaml
host_key_checking = True
gathering = explicit
interpreter_python = /usr/bin/python3
forks = 50
timeout = 30
retry_files_enabled = False
internal_poll_interval = 0.001
callback_result_format = yaml

[inventory]
enable_plugins = yaml

[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o ServerAliveInterval=10 -o ServerAliveCountMax=6
"""

_COMMAND = """\
#!/bin/sh
# Written by undercloud: runs the deployment by hand. Arguments go to ansible-playbook: --check --diff,
# --limit HOST, --tags step3, --private-key FILE, -e undercloud_known_hosts_file=FILE.
set -eu
cd "$(dirname "$0")"
ANSIBLE_CONFIG="$PWD/ansible.cfg"
export ANSIBLE_CONFIG
exec ansible-playbook -i tripleo-ansible-inventory.yaml deploy_steps_playbook.yaml "$@"
"""
