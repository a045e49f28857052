#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""The module `undercloud.deploy.reconcile`; everything it does is in module_utils."""

from __future__ import annotations

DOCUMENTATION = r"""
module: reconcile
short_description: Bring a node to its desired state for one step
description:
  - Reconciles directories, files, systemd units and podman containers with what one step of a deployment asks
    for, changes only what differs, and waits until the containers are healthy.
  - A replaced container is kept until the new one is healthy; if that does not come, the old one is brought
    back with the files that it read.
  - In playbooks the action plugin of the same name takes O(state) and O(secrets) as files on the control side
    and hands over what this node needs; O(desired), O(keep) and the values of the secrets are its business.
  - Check mode reads the node and reports exactly what the real run would change.
options:
  state:
    description:
      - A file on the control side, the host's desired state; the step's part goes to the node as O(desired).
      - Left out, together with O(secrets), where O(purge) removes everything.
    type: path
  stack:
    description: Name of the stack; a node belongs to one stack.
    type: str
    required: true
  step:
    description: The step, 0 to 5.
    type: int
    default: 0
  fence:
    description: The fencing number of this deployment; one lower than the node has seen is refused.
    type: int
    default: 0
  desired:
    description: The step's part of the desired state (files, directories, units, containers, validations).
    type: dict
    default: {}
  keep:
    description: Every name that the new state has on this node, and what the earlier steps leave behind.
    type: dict
    default: {}
  secrets:
    description:
      - In a task, a file on the control side with the values of all secrets by name.
      - What goes to the node is the text of a JSON object with the values of the host's own secrets. It is
        one text, so that Ansible hides it as a whole, and not every word that happens to be a password.
    type: str
    default: "{}"
  finish:
    description:
      - Remove files, directories and units of ours that O(keep) does not name; directories only if empty.
    type: bool
    default: false
  purge:
    description:
      - With O(finish), remove directories that are not named any more with their content.
      - Without O(finish), remove everything that we own on the node, the manifest last.
    type: bool
    default: false
  purge_images:
    description: When everything is removed, remove the images too that were pulled for our containers.
    type: bool
    default: false
  lock_timeout:
    description: Seconds to wait for another run on the same node.
    type: float
    default: 600
  state_dir:
    description: Where the manifest lies.
    type: path
    default: /var/lib/undercloud
author:
  - The undercloud founders
"""

EXAMPLES = r"""
- name: Step 2
  undercloud.deploy.reconcile:
    state: "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json"
    secrets: "{{ undercloud_secrets_file }}"
    step: 2
    fence: "{{ undercloud_fence | default(0) }}"
    stack: overcloud

- name: Remove what the new state no longer names
  undercloud.deploy.reconcile:
    state: "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json"
    stack: overcloud
    fence: "{{ undercloud_fence | default(0) }}"
    finish: true

- name: Remove everything of the stack from the node
  undercloud.deploy.reconcile:
    stack: overcloud
    fence: "{{ undercloud_fence | default(0) }}"
    purge: true
"""

RETURN = r"""
actions:
  description: What was changed, or would be, in order; each with kind, name, action, reason, and diff.
  returned: always
  type: list
  elements: dict
finding:
  description: What is wrong, with code, message, fix, and container and log where there is one.
  returned: failure
  type: dict
findings:
  description: All that is wrong.
  returned: failure
  type: list
  elements: dict
"""

import json  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import STATE, Store  # noqa: E402
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman  # noqa: E402
from ansible_collections.undercloud.deploy.plugins.module_utils.systemd import Systemd  # noqa: E402
from ansible_collections.undercloud.deploy.plugins.module_utils.work import (  # noqa: E402
    LOCK_TIMEOUT,
    Node,
    reconcile,
)

ARGUMENTS = {
    "stack": {"type": "str", "required": True},
    "step": {"type": "int", "default": 0},
    "fence": {"type": "int", "default": 0},
    "desired": {"type": "dict", "default": {}},
    "keep": {"type": "dict", "default": {}},
    "secrets": {"type": "str", "default": "{}", "no_log": True},
    "finish": {"type": "bool", "default": False},
    "purge": {"type": "bool", "default": False},
    "purge_images": {"type": "bool", "default": False},
    "lock_timeout": {"type": "float", "default": LOCK_TIMEOUT},
    "state_dir": {"type": "path", "default": STATE},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    node = Node(Store(module.params["state_dir"]), Podman(), Systemd())
    params = {**module.params, "secrets": json.loads(module.params["secrets"])}
    result = reconcile(params, node, check=module.check_mode, diff=module._diff)  # noqa: SLF001
    for warning in result.pop("warnings", ()):
        module.warn(warning)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
