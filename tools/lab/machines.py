"""The nodes themselves: made, started, stopped hard, frozen, waited for, removed."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tools.lab import disks, freezer, keys, networks
from tools.lab.errors import LabError
from tools.lab.model import Lab, Node, NodeOptions
from tools.lab.store import podman, podman_json

SSH_TIMEOUT = 60.0
REGISTRY_PORT = 8787
SHARED_IMAGES = "/srv/images"

Result = TypeVar("Result")


def states(lab: Lab) -> dict[str, str]:
    """The state of every node there is, by name: running, paused, exited, created."""
    found = podman_json(lab, "ps", "--all", "--format", "json")
    pairs = [(str(entry["Names"][0]), str(entry["State"])) for entry in found]
    return dict(sorted((pair for pair in pairs if _number(pair[0])), key=lambda pair: _number(pair[0])))


def nodes(lab: Lab) -> list[Node]:
    """Every node there is, in order of its number."""
    return [Node.numbered(_number(name), lab.networks) for name in states(lab)]


def find(lab: Lab, name: str) -> Node:
    """The node of that name. Raises LabError naming those there are."""
    known = {node.name: node for node in nodes(lab)}
    if name not in known:
        raise LabError(f"there is no node {name}", f"nodes of this lab: {', '.join(known) or 'none, see up'}")
    return known[name]


def _number(name: str) -> int:
    prefix, number = name[:4], name[4:]
    return int(number) if prefix == "node" and number.isdecimal() else 0


def create_command(lab: Lab, node: Node, image: str, options: NodeOptions) -> list[str]:
    """podman's arguments for a node.

    systemd gets what it asks of a container manager (https://systemd.io/CONTAINER_INTERFACE): private cgroups
    and tmpfs where it expects them. Not by `--systemd=always`: where cgroups are version 1, podman 4.3 would
    mount the host's own systemd hierarchy, and one node would remove another's cgroups. /var is a disk of its
    own because podman in the node refuses overlay on overlay; /etc/hosts is the node's own file, so that a
    deployment can replace it; interfaces are attached later.
    """
    command = ["create", "--name", node.name, "--hostname", node.name, "--privileged", "--systemd=false"]
    command += ["--cgroupns", "private", "--env", "container=podman", "--no-hosts", "--shm-size", "512m"]
    command += ["--pids-limit", "-1"]  # a server has no limit; podman's 2048 counts threads
    for path in ("/run", "/run/lock", "/tmp"):  # noqa: S108
        command += ["--tmpfs", f"{path}:rw,exec,nosuid,nodev,mode={'1777' if path == '/tmp' else '0755'}"]  # noqa: S108
    command += ["--network", "none", "--volume", f"{disks.mountpoint(lab, node)}:/var"]
    if options.shared_images:
        command += ["--volume", f"{options.shared_images}:{SHARED_IMAGES}:ro"]
    if options.registry_ca:
        directory = f"/etc/containers/certs.d/{lab.host_address}:{REGISTRY_PORT}"
        command += ["--volume", f"{options.registry_ca}:{directory}/ca.crt:ro"]
    return [*command, image]


def create(lab: Lab, node: Node, image: str, options: NodeOptions) -> None:
    """Make a node and leave it powered off. What an interrupted attempt left is thrown away first."""
    remove(lab, node)
    lab.node_directory(node).mkdir(parents=True, exist_ok=True)
    disks.create(lab, node, options.disk_gib)
    copy = ["--volume", f"{disks.mountpoint(lab, node)}:/disk", image, "cp", "--archive", "/var/.", "/disk/"]
    podman(lab, "run", "--rm", "--network", "none", *copy)
    podman(lab, *create_command(lab, node, image, options))
    keys.ensure_key(keys.host_key(lab, node), node.name)
    files = keys.personal_files(lab, node)
    if options.shared_images:
        files["etc/containers/storage.conf"] = (shared_storage_settings().encode(), 0o644)
    install(lab, node, files)
    _made(lab, node).touch()


def whole(lab: Lab, node: Node) -> bool:
    """Whether the node was made to the end."""
    return _made(lab, node).exists() and node.name in states(lab)


def _made(lab: Lab, node: Node) -> Path:
    return lab.node_directory(node) / "made"


def shared_storage_settings() -> str:
    """A node's storage.conf when it also reads the store that all nodes share (the image has one without)."""
    return "\n".join(
        [
            "[storage]",
            'driver = "overlay"',
            'graphroot = "/var/lib/containers/storage"',
            'runroot = "/run/containers/storage"',
            "[storage.options]",
            f'additionalimagestores = ["{SHARED_IMAGES}"]',
            "",
        ]
    )


def install(lab: Lab, node: Node, files: Mapping[str, tuple[bytes, int]]) -> None:
    """Put root's files into a node, running or not: path without the first slash → content, mode."""
    podman(lab, "cp", "-", f"{node.name}:/", stdin=keys.pack(files))


def start(lab: Lab, node: Node) -> None:
    """Power on (or wake) a node; nothing happens to a running one."""
    state = states(lab)[node.name]
    disks.mount(lab, node)
    if state == "paused":
        podman(lab, "unpause", node.name)
    elif state != "running":
        podman(lab, "init", node.name)
        networks.attach(lab, node)
        podman(lab, "start", node.name)


def kill(lab: Lab, node: Node) -> None:
    """Cut the power: every process in the node is gone at once."""
    pid = int(podman_json(lab, "inspect", "--type", "container", node.name)[0]["State"]["Pid"])
    if not pid:
        raise LabError(f"{node.name} does not run", f"python -m tools.lab start {node.name}")
    frozen = freezer.directory_of(pid)
    os.kill(pid, signal.SIGKILL)  # not podman's kill, which waits for the end before anything could be thawed
    if frozen:
        freezer.let_die(pid, frozen)
    podman(lab, "wait", node.name)


def pause(lab: Lab, node: Node) -> None:
    """Freeze every process of the node: it neither answers nor closes a connection."""
    podman(lab, "pause", node.name)


def remove(lab: Lab, node: Node) -> None:
    """Remove a node, its disk and its keys, or what there is of them."""
    _made(lab, node).unlink(missing_ok=True)
    if node.name in states(lab):
        podman(lab, "rm", "--force", "--time", "0", node.name)
    disks.remove(lab, node)
    shutil.rmtree(lab.node_directory(node), ignore_errors=True)


def answers(lab: Lab, node: Node) -> str:
    """Empty when the node answers SSH with the host key the lab made; otherwise the last line ssh said."""
    done = subprocess.run(
        keys.ssh_command(lab, node.address, ["sudo", "-n", "true"]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return (
        ""
        if done.returncode == 0
        else (done.stderr.strip().splitlines() or [f"ssh: exit status {done.returncode}"])[-1]
    )


def wait(lab: Lab, node: Node, timeout: float = SSH_TIMEOUT) -> None:
    """Wait until the node answers SSH, at most `timeout` seconds. Raises LabError with what it last said."""
    deadline = time.monotonic() + timeout
    while said := answers(lab, node):
        if time.monotonic() > deadline:
            state = states(lab).get(node.name, "gone")
            raise LabError(
                f"{node.name} ({state}) does not answer ssh after {timeout:.0f} s: {said}",
                f"see `python -m tools.lab --dir {lab.directory} exec {node.name} journalctl -b`",
            )
        time.sleep(0.2)


def in_parallel(work: Callable[[Node], Result], which: Sequence[Node]) -> list[Result]:
    """Do `work` for several nodes at once; the first failure is raised after all have ended."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return [future.result() for future in [pool.submit(work, node) for node in which]]
