#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""The module `undercloud.deploy.verify`: the node's half of checks after a deployment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: See that what was deployed on a node works
description:
  - Runs the validations of the services, looks at containers, virtual addresses and endpoints.
  - Changes nothing, but for the group C(vip-moves), which stops the holder of virtual addresses for a while.
  - In playbooks the action plugin of the same name takes O(demands), O(state) and O(secrets) as files on the
    control side, hands over what this node needs, and judges what it showed.
options:
  demands:
    description: What the plan asks of this node; in a task, a file on the control side.
    type: raw
    required: true
  state:
    description: A file on the control side, the host's desired state.
    type: path
  secrets:
    description: A file on the control side with the values of all secrets by name.
    type: path
  groups:
    description: Run validations of these groups; those of no group belong to C(post-deployment).
    type: list
    elements: str
    default: []
  names:
    description: Run only these, by their names or codes.
    type: list
    elements: str
    default: []
  final:
    description: The end of a deployment, whose steps have run the validations already.
    type: bool
    default: false
  gate:
    description: What the operator lets pass, as for M(undercloud.deploy.preflight).
    type: dict
    default: {}
  asked:
    description: What is to be run, with secrets; made by the action plugin from O(state).
    type: str
    default: "{}"
author:
  - The undercloud founders
"""

EXAMPLES = r"""
- name: See that it works
  undercloud.deploy.verify:
    demands: "{{ playbook_dir }}/preflight/{{ inventory_hostname }}.json"
    state: "{{ playbook_dir }}/desired_state/{{ inventory_hostname }}.json"
    secrets: "{{ undercloud_secrets_file }}"
    groups: [post-deployment]
"""

RETURN = r"""
findings:
  description: All that is to be said, each with code, severity, message, fix, and log where there is one.
  returned: always
  type: list
  elements: dict
"""

import json  # noqa: E402

from ansible.module_utils.basic import AnsibleModule  # noqa: E402
from ansible_collections.undercloud.deploy.plugins.module_utils import checks_after  # noqa: E402
from ansible_collections.undercloud.deploy.plugins.module_utils.secrets import Mask  # noqa: E402

ARGUMENTS = {
    "demands": {"type": "dict", "required": True},
    "asked": {"type": "str", "default": "{}", "no_log": True},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    asked = json.loads(module.params["asked"])
    secrets = asked.get("secrets") or {}
    facts = checks_after.gather(asked, module.params["demands"], secrets)
    mask = Mask(secrets)
    for one in facts["validations"]:
        if one:
            one["log"] = [mask(line) for line in one.get("log") or ()]
    module.exit_json(changed=False, facts=facts)


if __name__ == "__main__":
    main()
