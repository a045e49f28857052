#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""The module `undercloud.deploy.preflight`: the node's half, which only looks."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: See that a node is fit for what a deployment asks of it
description:
  - Looks at time, disk, memory, CPU, addresses, MTU, duplicate addresses, ports, names, registry and images.
  - Writes nothing, so check mode is no different.
  - In playbooks the action plugin of the same name takes O(demands), O(state) and O(secrets) as files on the
    control side, hands over what this node needs, and judges what it showed.
options:
  demands:
    description: What the plan asks of this node; in a task, a file on the control side.
    type: raw
    required: true
  state:
    description: A file on the control side, the host's desired state, for its access to registries.
    type: path
  secrets:
    description: A file on the control side with the values of all secrets by name.
    type: path
  gate:
    description:
      - What the operator lets pass, with the keys C(force) (codes), C(errors_pass) and C(warnings_stop).
    type: dict
    default: {}
  access:
    description: What the node needs to ask registries; made by the action plugin from O(state).
    type: str
    default: "{}"
author:
  - The undercloud founders
"""

EXAMPLES = r"""
- name: Look at the node
  undercloud.deploy.preflight:
    demands: "{{ playbook_dir }}/preflight/{{ inventory_hostname }}.json"
    state: "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json"
    secrets: "{{ undercloud_secrets_file }}"
    gate: "{{ undercloud_gate | default({}) }}"
"""

RETURN = r"""
findings:
  description: All that is to be said, each with code, severity, message, fix; forced where it was let pass.
  returned: always
  type: list
  elements: dict
"""

import json  # noqa: E402
import time  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.undercloud.deploy.plugins.module_utils import checks_facts  # noqa: E402

ARGUMENTS = {
    "demands": {"type": "dict", "required": True},
    "access": {"type": "str", "default": "{}", "no_log": True},
}


def main() -> None:
    """Run the module."""
    clock = time.time()
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    facts = checks_facts.gather(module.params["demands"], json.loads(module.params["access"]))
    module.exit_json(changed=False, facts={**facts, "clock": clock})


if __name__ == "__main__":
    main()
