"""Run by the Python of the reference's virtual environment: what TripleO's client sends to Heat for one plan.

usage: heat_client.py TEMPLATES PLAN.json WORKDIR

PLAN.json has roles, networks, passwords and environments (paths). Writes WORKDIR/stack_args.json and
meta.json, from which the reference program's ``run`` creates the stack. Only what reads a running undercloud
is replaced: the control plane's attributes, the undercloud's line of /etc/hosts, the clock.
"""

# mypy: ignore-errors
# What it imports is in the reference's environment only.

import json
import shutil
import sys
import types
from pathlib import Path

from heatclient.common import template_utils
from oslo_serialization import jsonutils
from tripleoclient import constants, utils
from tripleoclient.v1 import overcloud_deploy

MOMENT = 1700000000
UNDERCLOUD = "192.168.24.1 undercloud.ctlplane.localdomain undercloud.ctlplane"


class Command(overcloud_deploy.DeployOvercloud):
    """The deploy command without an application around it."""

    def __init__(self, folder):
        self.working_dir = folder
        self.app = self.app_args = None


def request(templates, plan, folder):
    """The arguments of the call that creates the stack, and what the client added."""
    utils.get_ctlplane_attrs = dict
    utils.get_undercloud_host_entry = lambda: UNDERCLOUD
    overcloud_deploy.time = types.SimpleNamespace(time=lambda: MOMENT)
    command = Command(folder)
    words = ["--templates", templates, "--stack", "overcloud", "--working-dir", folder]
    words += ["-r", plan["roles"], "-n", plan["networks"]]
    for path in plan["environments"]:
        words += ["-e", path]
    arguments = command.get_parser("deploy").parse_args(words)
    shutil.copyfile(plan["passwords"], Path(folder, constants.PASSWORDS_ENV_FORMAT.format("overcloud")))
    utils.update_working_dir_defaults(folder, arguments)
    new_root, user_root = command.create_template_dirs(arguments)
    environments = command.create_env_files(arguments, new_root, user_root)
    order = []
    files, _ = utils.process_multiple_environments(
        environments, new_root, user_root, env_files_tracker=order, cleanup=False
    )
    root = str(Path(new_root, constants.OVERCLOUD_YAML_NAME))
    template_files, template = template_utils.get_template_contents(template_file=root)
    files = {**template_files, **files}
    return {"stack_name": "overcloud", "template": template, "environment_files": order, "files": files}


def main():
    """See the module's text."""
    templates, plan, folder = sys.argv[1:]
    arguments = request(templates, json.loads(Path(plan).read_text()), folder)
    Path(folder, "stack_args.json").write_text(jsonutils.dumps(arguments))
    Path(folder, "meta.json").write_text("{}")


main()
