"""How a software deployment is applied on a node by Ansible: the tasks of ``deployments.yaml``.

TripleO's playbooks include them for each deployment, as ``item``: the file is filled in on the node, handed
to Heat's hooks there, and what they say is told. Names and paths are the hooks' and the playbooks' own, so
they are what tripleo-common 18.0.0 writes.
"""

from __future__ import annotations

import functools
from typing import Any

from undercloud.playbooks.upstream import yamltext

LIST_OF_ONE = "[{{ deployment }}]\n"
"""templates/heat-config.j2: the hooks take a list of deployments."""

_CHECK = "ansible_check_mode|bool"
_REAL = "not ansible_check_mode|bool"
_DIFF = "ansible_diff_mode|bool"
_HEAT = "/var/lib/heat-config"
_FILE = "{{ item ~ '-' ~ deployment_uuid }}"
_SOURCE = "tripleo_role_name ~ '/' ~ ansible_facts['hostname'] | lower ~ '/' ~ item"
_DEPLOYED = f"{_HEAT}/deployed/{{{{ deployment_uuid }}}}.json"
_NOTIFIED = f"{_HEAT}/deployed/{{{{ deployment_uuid }}}}.notify.json"
_HOOKS = "/usr/libexec/os-refresh-config/configure.d/55-heat-config"
_TRIAL = f"{_HEAT}/check-mode"
_TRIAL_PUPPET = "/etc/puppet/check-mode"

Task = dict[str, Any]


@functools.cache
def tasks() -> str:
    """The file's text."""
    return yamltext.dump([*_facts(), _trial(), *_hand_over(f"{_HEAT}/tripleo-config-download"), *_run()])


def _facts() -> list[Task]:
    """The deployment's identifier and group, read from its file."""
    found: list[Task] = [
        {
            "name": "Quote the JSON queries to escape invalid characters",
            "set_fact": {
                "item_id": '"{{ item }}".id',
                "item_group": '"{{ item }}".group',
                "item_only": '"{{ item }}"',
            },
        }
    ]
    for shown, key in (("UUID", "id"), ("group", "group")):
        value = f"{{{{ lookup('file', {_SOURCE}) | from_yaml | json_query(item_{key}) }}}}"
        found.append(
            {"name": f"Lookup deployment {shown}", "set_fact": {f"deployment_{shown.lower()}": value}}
        )
    return found


def _hand_over(folder: str) -> list[Task]:
    """Fill in the deployment's file on the node and wrap it as the hooks want it.

    Quotes and dollar signs stand around what is filled in: a Heat template must stay valid YAML.
    """
    fill = {
        "name": "Template deployment file for {{ item }}",
        "become": True,
        "template": {
            "src": f"{{{{ {_SOURCE} }}}}",
            "dest": f"{folder}/{_FILE}.rendered",
            "variable_start_string": '"$$',
            "variable_end_string": '$$"',
        },
    }
    fetch = {
        "name": "Slurp remote deployment file for {{ item }}",
        "slurp": {"src": f"{folder}/{_FILE}.rendered"},
        "register": "deployment_content",
    }
    content = "[ {{ deployment_content.content | b64decode | from_yaml | json_query(item_only) }} ]"
    place = {
        "name": "Remote copy deployment file for {{ item }}",
        "become": True,
        "copy": {"content": content, "dest": f"{folder}/{_FILE}"},
    }
    if folder.startswith(_TRIAL):
        return [fill, fetch, {**place, "when": ["deployment_content is defined"]}]
    return [fill, {**fetch, "when": [_REAL]}, {**place, "when": [_REAL]}]


def _trial() -> Task:
    """In check mode hiera's data are written to a place of their own and compared."""
    directories = [
        ("hiera", f"{_TRIAL_PUPPET}/hieradata"),
        ("deployed", _TRIAL),
        ("tripleo-config-download", f"{_HEAT}/tripleo-config-download/check-mode"),
    ]
    make = [
        {
            "name": f"Create {name} check-mode directory",
            "become": True,
            "file": {"path": path, "state": "directory"},
            "check_mode": False,
        }
        for name, path in directories
    ]
    return {
        "name": "Hiera check and diff mode",
        "block": [*make, *_hand_over(f"{_TRIAL}/tripleo-config-download"), _trial_run(), *_compare()],
        "ignore_errors": True,
        "when": ["deployment_group == 'hiera'", _CHECK],
    }


def _trial_run() -> Task:
    lines = [
        f"rm -f {_TRIAL}/{{{{ deployment_uuid }}}}.json",
        _HOOKS,
        f"exit $(jq .deploy_status_code {_TRIAL}/{{{{ deployment_uuid }}}}.notify.json)",
    ]
    return {
        "name": "Run hiera deployment for check mode",
        "shell": "\n".join(lines) + "\n",
        "args": {"warn": False},
        "become": True,
        "environment": {
            "HEAT_SHELL_CONFIG": f"{_HEAT}/tripleo-config-download/check-mode/{_FILE}",
            "HEAT_PUPPET_HIERA_DATADIR": f"{_TRIAL_PUPPET}/hieradata",
            "HEAT_HIERA_CONFIG": f"{_TRIAL_PUPPET}/hiera.yaml",
            "HEAT_CONFIG_DEPLOYED": _TRIAL,
        },
        "check_mode": False,
        "ignore_errors": True,
    }


def _compare() -> list[Task]:
    compared = {"check_mode": False, "register": "diff_results", "changed_when": "diff_results.rc == 1"}
    return [
        {
            "name": "List hieradata files for check mode",
            "find": {"path": f"{_TRIAL_PUPPET}/hieradata"},
            "register": "check_hieradata_files",
            "check_mode": False,
        },
        {
            "name": "diff hieradata changes for check mode",
            "command": "diff -uN {{ hieradata_item.path | regex_replace('check-mode', '') }} "
            "{{ hieradata_item.path }}",
            "with_items": "{{ check_hieradata_files.files }}",
            **compared,
            "loop_control": {"loop_var": "hieradata_item", "label": "{{ hieradata_item.path }}"},
            "failed_when": False,
            "when": _DIFF,
        },
        {
            "name": "diff hieradata changes for check mode",
            "debug": {"var": "item.stdout_lines"},
            "with_items": "{{ diff_results.results }}",
            "changed_when": "item.rc == 1",
            "loop_control": {"label": "{{ item._ansible_item_label }}"},
            "when": _DIFF,
        },
        {
            "name": "hiera.yaml changes for check mode",
            "command": f"diff -uN /etc/puppet/hiera.yaml {_TRIAL_PUPPET}/hiera.yaml",
            **compared,
            "failed_when": False,
        },
        {
            "name": "diff hiera.yaml changes for check mode",
            "debug": {"var": "diff_results.stdout_lines"},
            "changed_when": "diff_results.rc == 1",
            "when": _DIFF,
        },
    ]


def _run() -> list[Task]:
    """Run the hooks unless the deployment is done already, and tell what came of it."""
    status = f"exit $(jq .deploy_status_code {_NOTIFIED})\n"
    forget = {"file": {"path": _DEPLOYED, "state": "absent"}, "become": True}
    return [
        {
            "name": "Check if deployed file exists for {{ item }}",
            "stat": {"path": _DEPLOYED},
            "register": "deployed_file_stat",
        },
        {
            "name": "Check previous deployment rc for {{ item }}",
            "shell": status,
            "register": "previous_deployment_result",
            "ignore_errors": True,
            "failed_when": False,
            "when": ["deployed_file_stat is defined", "deployed_file_stat.stat.exists"],
        },
        {
            "name": "Remove deployed file for {{ item }} when previous deployment failed",
            **forget,
            "when": [_REAL, "deployed_file_stat.stat.exists", "previous_deployment_result.rc != 0"],
        },
        {"name": "Force remove deployed file for {{ item }}", **forget, "when": "(force | bool)"},
        {
            "name": "Run async deployment {{ item }}",
            "shell": f"{_HOOKS}\n{status}",
            "become": True,
            "environment": {"HEAT_SHELL_CONFIG": f"{_HEAT}/tripleo-config-download/{_FILE}"},
            "register": "deployment_async_result",
            "ignore_errors": True,
            "async": "{{ async_timeout | default(1800) }}",
            "poll": "{{ async_poll | default(3) }}",
        },
        *_tell(),
    ]


def _tell() -> list[Task]:
    return [
        {
            "name": "Output for async deployment {{ item }}",
            "debug": {
                "msg": [
                    {"stderr": "{{ deployment_async_result.stderr_lines | default(['Timed out']) }}"},
                    {"status_code": "{{ deployment_async_result.rc | default(-1) }}"},
                ]
            },
            "tags": ["output"],
            "failed_when": "deployment_async_result.rc | default(-1) != 0",
            "when": _REAL,
        },
        {
            "name": "Check-mode for Run deployment {{ item }} "
            "(changed status indicates deployment would run)",
            "stat": {"path": _DEPLOYED},
            "become": True,
            "register": "deploy_exists",
            "changed_when": "not deploy_exists.stat.exists",
            "when": _CHECK,
            "ignore_errors": True,
        },
    ]
