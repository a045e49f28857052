"""The command line: `python -m tools.lab up|down|status|ssh|exec|images` and the faults tests need."""

import argparse
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tools.lab import deployment, disks, image, keys, machines, networks, store
from tools.lab.errors import LabError
from tools.lab.model import SSH_USER, Lab, Node, NodeOptions
from undercloud.diagnostics import UndercloudError
from undercloud.images.build import BuildEvent

Handler = Callable[[Lab, argparse.Namespace], int]


def say(text: str) -> None:
    """Tell of progress, on stderr, so that stdout is for results."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def locked(lab: Lab) -> Iterator[None]:
    """Let one command at a time change the lab; others wait."""
    lab.directory.mkdir(parents=True, exist_ok=True)
    with (lab.directory / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def up(lab: Lab, arguments: argparse.Namespace) -> int:
    """Make nodes 1..N, or power on those that are there, and write nodes.json."""
    begun = time.monotonic()
    options = NodeOptions(arguments.disk_gib, arguments.shared_images, arguments.registry_ca)
    lab = _with_subnets(lab, {"ctlplane": arguments.ctlplane, "internal_api": arguments.internal_api})
    with locked(lab):
        store.prepare(lab)
        keys.ensure_key(lab.private_key, "undercloud-lab")
        networks.ensure(lab)
        built = image.ensure(lab, _tell_of_image)
        say(f"node image {built.reference} ({time.monotonic() - begun:.1f} s)")
        wanted = [Node.numbered(number, lab.networks) for number in range(1, arguments.nodes + 1)]
        missing = [node for node in wanted if not machines.whole(lab, node)]
        machines.in_parallel(lambda node: machines.create(lab, node, built.reference, options), missing)
        machines.in_parallel(lambda node: machines.start(lab, node), wanted)
        _describe(lab, arguments.role, ["ctlplane", *arguments.network])
    machines.in_parallel(lambda node: machines.wait(lab, node), wanted)
    say(f"{len(wanted)} nodes answer ssh ({time.monotonic() - begun:.1f} s): {lab.nodes_file}")
    return 0


def _tell_of_image(event: BuildEvent) -> None:
    if event.state == "started":
        say(f"building {event.name} (log: {event.log})")
    elif event.state == "running":
        say(f"  {event.seconds:.0f} s: {event.said[:100]}")
    elif event.state == "failed":
        say(f"building {event.name} failed after {event.seconds:.0f} s")


def _with_subnets(lab: Lab, subnets: dict[str, str]) -> Lab:
    wanted = tuple(replace(n, subnet=subnets[n.name] or n.subnet) for n in lab.networks)
    if wanted != lab.networks and lab.nodes_file.exists():
        has = ", ".join(f"{network.name} {network.subnet}" for network in lab.networks)
        raise LabError(f"this lab already has other networks: {has}", "take it down first")
    return replace(lab, networks=wanted)


def _describe(lab: Lab, roles: Sequence[deployment.RoleNodes], networks: Sequence[str]) -> None:
    nodes = machines.nodes(lab)
    keys.write_known_hosts(lab, nodes)
    lab.nodes_file.write_text(json.dumps(lab.describe(nodes), indent=2) + "\n")
    if roles:
        lab.deployment_file.write_text(deployment.to_yaml(deployment.deployment(roles, nodes, networks)))


def down(lab: Lab, arguments: argparse.Namespace) -> int:
    """Remove nodes and networks; with --purge the images, keys and settings too."""
    with locked(lab):
        if (lab.directory / "storage.conf").exists():
            machines.in_parallel(lambda node: _remove(lab, node), machines.nodes(lab))
            networks.remove(lab)
        for path in (lab.nodes_file, lab.deployment_file, lab.known_hosts):
            path.unlink(missing_ok=True)
        if arguments.purge:
            say("removing the node image")
            store.remove(lab)
            shutil.rmtree(lab.private_key.parent, ignore_errors=True)
    say("the lab is down")
    return 0


def _remove(lab: Lab, node: Node) -> None:
    say(f"removing {node.name}")
    machines.remove(lab, node)


def status(lab: Lab, arguments: argparse.Namespace) -> int:
    """Print each node's state and whether it answers SSH."""
    states = machines.states(lab)
    rows = []
    for node in machines.nodes(lab):
        said = machines.answers(lab, node) if states[node.name] == "running" else "not running"
        rows.append(
            {"name": node.name, "state": states[node.name], "address": node.address, "ssh": said or "ok"}
        )
    if arguments.format == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        for row in rows:
            sys.stdout.write(f"{row['name']:<8} {row['address']:<16} {row['state']:<8} {row['ssh']}\n")
    return 0


def images(lab: Lab, _arguments: argparse.Namespace) -> int:
    """Build the node image unless it is there, and print its name."""
    with locked(lab):
        store.prepare(lab)
        sys.stdout.write(image.ensure(lab, _tell_of_image).reference + "\n")
    return 0


def ssh(lab: Lab, arguments: argparse.Namespace) -> int:
    """Become ssh to a node."""
    node = machines.find(lab, arguments.node)
    command = keys.ssh_command(lab, node.address, arguments.command, user=arguments.user)
    os.execvp(command[0], command)  # noqa: S606


def execute(lab: Lab, arguments: argparse.Namespace) -> int:
    """Become podman exec in a node: works without network and keys."""
    node = machines.find(lab, arguments.node)
    command = store.exec_command(node.name, arguments.command or ["bash"], tty=sys.stdin.isatty())
    os.execvpe(command[0], command, {**os.environ, **store.environment(lab)})  # noqa: S606


def _on_node(work: Callable[[Lab, Node], None]) -> Handler:
    def handler(lab: Lab, arguments: argparse.Namespace) -> int:
        with locked(lab):
            work(lab, machines.find(lab, arguments.node))
        return 0

    return handler


def start(lab: Lab, node: Node) -> None:
    """Power on a node and wait for SSH."""
    machines.start(lab, node)
    machines.wait(lab, node)


def mend(lab: Lab, node: Node) -> None:
    """Undo every fault of a node: power, network, full disk."""
    machines.start(lab, node)
    networks.plug(lab, node)
    disks.release(lab, node)
    machines.wait(lab, node)


def new_hostkey(lab: Lab, node: Node) -> None:
    """Give a node another host key; known_hosts keeps the old one, so that ssh refuses the node."""
    keys.renew_host_key(lab, node)
    machines.install(lab, node, keys.host_key_files(lab, node))
    store.podman(lab, "exec", node.name, "systemctl", "restart", "ssh")


def trust(lab: Lab, _node: Node) -> None:
    """Write the nodes' present host keys to known_hosts."""
    keys.write_known_hosts(lab, machines.nodes(lab))


FAULTS: dict[str, tuple[Callable[[Lab, Node], None], str]] = {
    "start": (start, "power on (or wake) a node and wait for ssh"),
    "kill": (machines.kill, "cut a node's power"),
    "pause": (machines.pause, "freeze a node"),
    "cut": (networks.cut, "unplug a node's network cables"),
    "fill-disk": (disks.fill, "leave no byte free on a node's /var"),
    "new-hostkey": (new_hostkey, "give a node a host key that known_hosts does not have"),
    "trust": (trust, "write the nodes' present host keys to known_hosts"),
    "mend": (mend, "undo pause, kill, cut and fill-disk"),
}


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = argparse.ArgumentParser(prog="python -m tools.lab", description="Emulated nodes on this machine.")
    top.add_argument(
        "--dir", type=Path, default=Path(".demo/lab"), help="the lab's directory (default: %(default)s)"
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, handler: Handler, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(handler=handler)
        return command

    command = add("up", up, "make nodes, or power on those that are there")
    command.add_argument("--nodes", type=int, default=2, metavar="N", help="how many (default: %(default)s)")
    command.add_argument(
        "--role", type=deployment.parse_role, action="append", default=[], metavar="NAME=NODES",
        help="a role and its nodes for baremetal_deployment.yaml, such as Controller=node1; repeatable",
    )  # fmt: skip
    command.add_argument(
        "--network", action="append", default=[], metavar="NAME",
        help="name the nodes' addresses on this network too in baremetal_deployment.yaml; repeatable",
    )  # fmt: skip
    command.add_argument(
        "--ctlplane", default="", metavar="CIDR", help="its subnet (default: 192.168.24.0/24)"
    )
    command.add_argument(
        "--internal-api", default="", metavar="CIDR", help="its subnet (default: 172.17.0.0/24)"
    )
    command.add_argument("--disk-gib", type=int, default=20, metavar="GIB", help="size of a node's disk")
    command.add_argument(
        "--shared-images", type=_absolute, metavar="DIR", help="an image store all nodes may read"
    )
    command.add_argument(
        "--registry-ca", type=_absolute, metavar="FILE", help="the CA the nodes trust for the registry"
    )
    command = add("down", down, "remove nodes and networks")
    command.add_argument("--purge", action="store_true", help="remove images, keys and settings too")
    command = add("status", status, "show the nodes")
    command.add_argument("-f", "--format", choices=["table", "json"], default="table")
    add("images", images, "build the node image unless it is there, and print its name")
    command = add("ssh", ssh, "open a shell on a node, or run a command there")
    command.add_argument("--user", default=SSH_USER)
    command.add_argument("node")
    command.add_argument("command", nargs=argparse.REMAINDER)
    command = add("exec", execute, "run a command in a node as root, past its network")
    command.add_argument("node")
    command.add_argument("command", nargs=argparse.REMAINDER)
    for name, (work, text) in FAULTS.items():
        add(name, _on_node(work), text).add_argument("node")
    return top


def _absolute(text: str) -> Path:
    return Path(text).absolute()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status (0, or 1 with a message on stderr)."""
    try:
        parsed = parser().parse_args(arguments)
        lab = Lab.at(parsed.dir.absolute())
        handler: Handler = parsed.handler
        return handler(lab, parsed)
    except (LabError, UndercloudError) as error:
        say(f"lab: {error}")
        return 1
