"""A cloud on emulated nodes as tests use it: the operator's files and commands, and a look into the nodes."""

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.functional.cloud.terminal import LIMIT, OPENSTACK, Command, Said, Terminal
from tests.functional.lab.tool import CTLPLANE, SUBNETS, LabTool
from tests.functional.tool import CHECKOUT

ROLES = {"ControllerOpenstack": "node1", "DatabaseMessaging": "node2"}
HOSTS = {"controlleropenstack-0": "node1", "databasemessaging-0": "node2"}
CONTROLLER, BACKEND = HOSTS
NETWORKS = "network-data-samples/internal-api.yaml"
ENVIRONMENTS = ("shared-clock", "single-database", "small-nodes")
OVERCLOUD = "overcloud"
SERVICES = {
    "node1": {"chrony", "haproxy", "keepalived", "keystone", "memcached"},
    "node2": {"chrony", "clustercheck", "mysql", "rabbitmq"},
}

# Everything of ours on a node that a deployment may write, and the containers with their states.
LOOK_AT_NODE = """
for place in /etc/hosts /etc/containers /etc/undercloud /etc/systemd/system \\
        /var/lib/config-data /var/lib/undercloud; do
    [ ! -e $place ] || find $place ! -type d -printf '%p %m %U:%G %T@ ' -exec sha256sum {} \\;
    [ ! -d $place ] || find $place -type d -printf '%p %m %U:%G\\n'
done | sort
containers=$(podman ps --all --quiet)
shown='{{.Name}} {{.Id}} {{.State.Status}} {{.State.ExitCode}} {{.State.StartedAt}}'
[ -z "$containers" ] || podman inspect --format "$shown" $containers | sort
podman images --quiet --no-trunc | sort
"""


@dataclass(frozen=True)
class Container:
    """One container on a node; `started` is seconds since 1970."""

    id: str
    state: str
    started: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Cloud(Terminal):
    """A cloud of two nodes, and its operator."""

    lab: LabTool

    @property
    def stack(self) -> Path:
        """What the undercloud keeps of the stack outside its database."""
        return self.state / "stacks" / OVERCLOUD

    def make(self) -> None:
        """The nodes, the registry with all images, and the operator's files: all but the deployment.

        Images are built where the demo builds its own, or in UNDERCLOUD_TEST_IMAGES.
        """
        roles = [word for role, node in ROLES.items() for word in ("--role", f"{role}={node}")]
        self.home.mkdir(parents=True, exist_ok=True)
        self.lab("down")
        self.lab("up", "--nodes", "2", *SUBNETS, "--network", "internal_api", *roles)
        self.prepare()
        store = os.environ.get("UNDERCLOUD_TEST_IMAGES", str(CHECKOUT / ".demo" / "state" / "images"))
        self.openstack("undercloud", "registry", "start", "--address", f"{CTLPLANE}.1")
        self.openstack("overcloud", "container", "image", "build", "--store", store, timeout=1200)
        self.openstack("overcloud", "container", "image", "push", "--store", store, timeout=600)

    def unmake(self) -> None:
        """Stop the registry and remove the nodes."""
        self.openstack("undercloud", "registry", "stop", check=False)
        self.lab("down")

    def prepare(self) -> None:
        """Write the operator's files."""
        self.state.mkdir(parents=True, exist_ok=True)
        values = {
            "ControlPlaneSubnetCidr": f"{CTLPLANE}.0/24",
            "ControlFixedIPs": [{"ip_address": f"{CTLPLANE}.100"}],
        }
        self.parameters("cloud", **values)
        self.openstack("overcloud", "roles", "generate", "-o", str(self.home / "roles_data.yaml"), *ROLES)

    def deploy_words(self, *more: str) -> tuple[str, ...]:
        """The words of `openstack overcloud deploy`."""
        words = ["overcloud", "deploy", "--templates", str(CHECKOUT / "heat-templates")]
        words += ["-r", str(self.home / "roles_data.yaml"), "-n", NETWORKS]
        words += ["-b", str(self.lab.directory / "baremetal_deployment.yaml")]
        for name in ENVIRONMENTS:
            words += self.stock(name)
        words += ["-e", str(self.home / "cloud.yaml"), "--overcloud-ssh-user", "tripleo-admin"]
        words += ["--overcloud-ssh-key", str(self.lab.directory / "ssh" / "id_ed25519")]
        words += ["--known-hosts", str(self.lab.directory / "ssh" / "known_hosts")]
        return (*words, *more)

    def deploy(self, *more: str, check: bool = True, timeout: float = LIMIT) -> Said:
        """Deploy, to the end."""
        return self.openstack(*self.deploy_words(*more), check=check, timeout=timeout)

    def deploying(self, *more: str) -> AbstractContextManager[Command]:
        """Deploy while the test does other things; what still runs at the end is killed."""
        return self.running(OPENSTACK, *self.deploy_words(*more))

    def status(self) -> dict[str, Any]:
        """`openstack overcloud status` as it is for programs."""
        return self.openstack("overcloud", "status", "-f", "json").document

    def token(self) -> Said:
        """A token of the cloud, through HAProxy."""
        return self.openstack("--os-cloud", OVERCLOUD, "token", "issue", "-f", "json", timeout=60)

    # A look into the nodes

    def containers(self, node: str) -> dict[str, Container]:
        """All containers of a node by name."""
        listed = json.loads(self.lab.inside(node, "podman ps --all --format json").stdout or "[]")
        return {
            one["Names"][0]: Container(one["Id"], one["State"], int(one["StartedAt"]), one["Labels"] or {})
            for one in listed
        }

    def all_containers(self) -> dict[str, dict[str, Container]]:
        """The containers of all nodes, by node and name."""
        return {node: self.containers(node) for node in HOSTS.values()}

    def unhealthy(self) -> list[str]:
        """The services whose containers are not up and healthy, as NODE/NAME."""
        health = "podman ps --filter health=healthy --format '{{.Names}}'"
        up = {node: set(self.lab.inside(node, health).stdout.split()) for node in SERVICES}
        return [f"{node}/{name}" for node in SERVICES for name in sorted(SERVICES[node] - up[node])]

    def on_nodes(self) -> dict[str, str]:
        """By node, a line a file, container and image of ours, with what tells it from its successor."""
        return {node: self.lab.inside(node, LOOK_AT_NODE).stdout for node in HOSTS.values()}


def replaced(
    before: Mapping[str, Mapping[str, Container]], after: Mapping[str, Mapping[str, Container]]
) -> set[tuple[str, str]]:
    """Node and name of every container that is gone, new, another, or was started again."""

    def flat(of: Mapping[str, Mapping[str, Container]]) -> dict[tuple[str, str], tuple[str, int]]:
        return {
            (node, name): (one.id, one.started) for node, all_of in of.items() for name, one in all_of.items()
        }

    old, new = flat(before), flat(after)
    return {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
