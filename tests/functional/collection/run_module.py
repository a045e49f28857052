"""Runs the collection's work in a process of its own, as Ansible does, so that a test can kill it.

Reads ``{"params", "check", "state_dir"}`` as JSON from standard input and prints the module's result.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "ansible"))

from ansible_collections.undercloud.deploy.plugins.module_utils.manifest import Store
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman
from ansible_collections.undercloud.deploy.plugins.module_utils.systemd import Systemd
from ansible_collections.undercloud.deploy.plugins.module_utils.work import Node, reconcile

request = json.load(sys.stdin)
node = Node(Store(request["state_dir"]), Podman(), Systemd())
json.dump(reconcile(request["params"], node, check=request["check"], diff=True), sys.stdout)
