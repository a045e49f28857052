"""The lab's promises, on real nodes: deployments find what they need, faults are real, nothing is left."""

import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.lab.tool import CTLPLANE, INTERNAL_API, SUBNETS, LabTool
from tools.lab import freezer, networks
from tools.lab.errors import LabError
from tools.lab.model import Lab
from undercloud.images import served
from undercloud.images.registry import Server

pytestmark = pytest.mark.functional

HOST = f"{CTLPLANE}.1"
PORT = 8788
IMAGE = "tiny"
# A container image of a few programs of the node itself, so that no registry is needed to get one.
MAKE_IMAGE = f"""
programs="/bin/sh /bin/sleep /bin/cat /usr/bin/id"
libraries=$(ldd $programs | grep -o '/[^ ]*[.]so[^ ]*' | sort -u)
files=$(printf '%s\\n' $programs $libraries | sed 's,^/,,')
podman image exists {IMAGE} || tar -C / --dereference -cf - $files | podman import -q - {IMAGE}
"""


@pytest.fixture
def mended(lab: LabTool) -> Iterator[LabTool]:
    """The lab, whose node1 is whole again after the test."""
    yield lab
    lab("mend", "node1")


def test_nodes_boot_whole(lab: LabTool) -> None:
    assert lab.states() == {"node1": "ok", "node2": "ok"}
    for node in ("node1", "node2"):
        assert lab.inside(node, "systemctl is-system-running").stdout.strip() == "running"
        assert lab.ssh(node, "sudo -n id -u; hostname").stdout.split() == ["0", node]


def test_a_node_may_run_as_many_threads_as_a_server(lab: LabTool) -> None:
    many = "import threading as t; e = t.Event(); [t.Thread(target=e.wait).start() for _ in range(2500)]"
    lab.inside("node1", f"python3 -c '{many}; e.set()'")


def test_both_admin_users_and_root_come_in(lab: LabTool) -> None:
    for user in ("tripleo-admin", "heat-admin", "root"):
        assert lab("ssh", "--user", user, "node1", "whoami").stdout.strip() == user


def test_nodes_reach_each_other_and_the_host_and_nothing_else(lab: LabTool) -> None:
    lab.inside("node1", f"ping -c1 -W2 {HOST}; ping -c1 -W2 {CTLPLANE}.12; ping -c1 -W2 {INTERNAL_API}.12")
    assert lab.inside("node1", "ping -c1 -W1 192.0.2.1", check=False).returncode != 0
    routes = lab.inside("node1", "ip -o route show default").stdout
    assert f"via {HOST} dev eth0" in routes


def test_a_deployment_can_replace_what_podman_usually_mounts(lab: LabTool) -> None:
    for file in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):
        lab.inside("node2", f"cp {file} {file}.new; mv -f {file}.new {file}")
    lab.inside("node2", "hostnamectl set-hostname renamed")
    assert lab.inside("node2", "hostname; cat /etc/hostname").stdout.split() == ["renamed"] * 2
    lab.inside("node2", "hostnamectl set-hostname node2")


def test_containers_run_in_a_node_with_everything_a_service_asks_for(lab: LabTool) -> None:
    script = MAKE_IMAGE + textwrap.dedent(f"""
        podman run --rm --network host --ulimit nofile=1048576 --ulimit nproc=1048576 {IMAGE} /usr/bin/id -u
        podman run -d --name service --network host --memory 100m --cpus 0.5 --pids-limit 50 \\
            --health-cmd true --health-interval 1s --restart on-failure {IMAGE} /bin/sleep 60
        podman exec service /usr/bin/id -u
        for attempt in $(seq 50); do
            health=$(podman inspect service --format '{{{{.State.Health.Status}}}}')
            [ "$health" = starting ] || break
            sleep 0.2
        done
        echo "by systemd's timer: $health"
        podman inspect service --format '{{{{.State.Status}}}} {{{{.OCIRuntime}}}}'
        podman rm -f -t 0 service
    """)
    said = lab.inside("node1", script).stdout
    assert "by systemd's timer: healthy" in said
    assert "running runc-clamped" in said
    assert lab.inside(
        "node1", "podman info --format '{{.Host.CgroupManager}} {{.Store.GraphDriverName}}'"
    ).stdout.split() == ["systemd", "overlay"]


def test_a_node_pulls_from_a_registry_with_tls_and_password_on_the_host(lab: LabTool, tmp_path: Path) -> None:
    lab.inside("node1", MAKE_IMAGE)
    own = served.ensure(tmp_path / "registry", HOST, PORT)
    reach = own.client
    assert reach.authority
    with Server(own.settings).running():
        registry = f"{HOST}:{PORT}"
        name = f"{registry}/undercloud/{IMAGE}:1"
        certificates = f"/etc/containers/certs.d/{registry}"
        trust = f"mkdir -p {certificates}; cat >{certificates}/ca.crt"
        login = f"podman login --username {reach.username} --password '{reach.password}' {registry}"
        refused = lab.inside("node1", f"podman push {IMAGE} {name}", check=False)
        assert "unknown authority" in refused.stderr
        for node in ("node1", "node2"):
            write = f"{trust} <<'EOF'\n{reach.authority.read_text()}EOF\n"
            lab.inside(node, write + login)
        lab.inside("node1", f"podman push -q {IMAGE} {name}")
        lab.inside("node2", f"podman pull -q {name}; podman run --rm --network none {name} /usr/bin/id")


def test_a_paused_node_is_silent_until_it_is_started(mended: LabTool) -> None:
    mended("pause", "node1")
    assert mended.states() == {"node1": "not running", "node2": "ok"}
    mended("start", "node1")
    assert mended.states()["node1"] == "ok"


def test_a_killed_node_keeps_its_disk_and_comes_back(mended: LabTool) -> None:
    mended.inside(
        "node1",
        MAKE_IMAGE + "echo kept >/var/lib/kept; echo kept >/etc/kept; sync",
    )
    before = mended.inside("node1", "cat /etc/machine-id /proc/sys/kernel/random/boot_id").stdout.split()
    mended("kill", "node1")
    assert mended.states()["node1"] == "not running"
    mended("start", "node1")
    said = mended.inside(
        "node1", f"cat /var/lib/kept /etc/kept; podman run --rm --network none {IMAGE} /usr/bin/id -u"
    )
    assert said.stdout.split() == ["kept", "kept", "0"]
    assert mended.inside("node1", "cat /etc/machine-id").stdout.strip() == before[0]
    assert mended.inside("node1", "systemctl is-system-running").stdout.strip() == "running"


def test_a_node_is_killed_with_what_is_frozen_in_it(mended: LabTool) -> None:
    """As runc's limits do for a moment; with cgroups of version 2 there is no such hierarchy."""
    freeze = """
        cd /sys/fs/cgroup/freezer && mkdir frozen
        sh -c 'echo $$ >frozen/cgroup.procs; exec sleep 600' >/dev/null 2>&1 &
        until grep -q . frozen/cgroup.procs; do sleep 0.1; done
        echo FROZEN >frozen/freezer.state
    """
    if not freezer.HIERARCHY.is_dir():
        pytest.skip("cgroups of version 2")
    mended.inside("node1", textwrap.dedent(freeze))
    mended("kill", "node1")
    mended("start", "node1")
    assert mended.states()["node1"] == "ok"


def test_a_node_that_reboots_or_powers_off_by_itself_can_be_started(mended: LabTool) -> None:
    for command in ("reboot", "poweroff"):
        mended.inside("node1", f"systemctl {command}", check=False)
        for _ in range(50):
            if mended.states()["node1"] == "not running":
                break
        mended("start", "node1")
        assert mended.states()["node1"] == "ok"


def test_a_cut_node_keeps_its_addresses_and_hears_nothing(mended: LabTool) -> None:
    mended("cut", "node1")
    assert "timed out" in mended.states()["node1"]
    assert mended.inside("node1", f"ping -c1 -W1 {HOST}", check=False).returncode != 0
    assert f"{CTLPLANE}.11" in mended.inside("node1", "ip -br address show eth0").stdout
    mended("mend", "node1")
    assert mended.states()["node1"] == "ok"


def test_a_full_disk_is_full_for_services_and_costs_the_host_nothing(mended: LabTool) -> None:
    before = shutil.disk_usage(mended.directory).free
    mended("fill-disk", "node1")
    assert before - shutil.disk_usage(mended.directory).free < 256 * 1024**2
    for place in ("/var/lib", "/var/lib/containers", "/var/log"):
        tried = mended.inside("node1", f"head -c 100000 /dev/zero >{place}/more", check=False)
        assert "No space left on device" in tried.stderr
    assert mended.states()["node1"] == "ok", "a full disk does not keep SSH out"
    mended("mend", "node1")
    mended.inside("node1", "head -c 100000 /dev/zero >/var/lib/more; rm /var/lib/more")


def test_a_changed_host_key_is_refused_until_it_is_trusted(lab: LabTool) -> None:
    lab("new-hostkey", "node2")
    assert lab.states() == {"node1": "ok", "node2": "Host key verification failed."}
    lab("trust", "node2")
    assert lab.states()["node2"] == "ok"


def test_up_again_changes_nothing_and_a_larger_number_adds_nodes(lab: LabTool) -> None:
    before = lab.inside(
        "node1", "cat /proc/sys/kernel/random/boot_id; systemctl show -P InactiveExitTimestamp ssh"
    ).stdout
    lab("up", "--nodes", "3", *SUBNETS)
    after = lab.inside(
        "node1", "cat /proc/sys/kernel/random/boot_id; systemctl show -P InactiveExitTimestamp ssh"
    ).stdout
    assert after == before
    assert lab.states() == {"node1": "ok", "node2": "ok", "node3": "ok"}


def test_nodes_survive_a_reboot_of_the_host(lab: LabTool) -> None:
    """A reboot forgets /run, links and mounts; that is done here by hand."""
    lab.inside("node1", "echo kept >/var/lib/across; sync")
    described = Lab.at(lab.directory)
    for node in lab.description["nodes"]:
        lab("kill", node["name"])
        subprocess.run(["umount", str(lab.directory / "nodes" / node["name"] / "var")], check=True)
    for network in described.networks:
        subprocess.run(["ip", "link", "delete", f"ul{described.digest[:5]}-{network.interface}"], check=True)
    shutil.rmtree(described.runtime)
    lab("up", "--nodes", "3")
    assert lab.inside("node1", "cat /var/lib/across").stdout.strip() == "kept"


def leftovers(lab: Lab) -> list[str]:
    """What the host still has of a lab: links, mounts, loop devices, runtime state."""

    def lines(*command: str) -> list[str]:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    links = [line for line in lines("ip", "-o", "link") if f" ul{lab.digest[:5]}" in line]
    mounts = [
        line for line in Path("/proc/mounts").read_text().splitlines() if f"{lab.directory}/nodes" in line
    ]
    loops = [line for line in lines("losetup", "--list") if str(lab.directory) in line]
    return [*links, *mounts, *loops]


def test_down_leaves_nothing_and_up_makes_fresh_nodes(lab: LabTool) -> None:
    described = Lab.at(lab.directory)
    lab.inside("node2", "echo old >/var/lib/old")
    assert leftovers(described)
    lab("kill", "node1")
    lab("down")
    assert leftovers(described) == []
    assert not (lab.directory / "nodes" / "node1").exists()
    lab("up", "--nodes", "2", *SUBNETS)
    assert lab.inside("node2", "cat /var/lib/old", check=False).returncode != 0


def test_an_up_that_was_cut_short_is_made_good_by_the_next(lab: LabTool) -> None:
    (lab.directory / "nodes" / "node2" / "made").unlink()
    lab.inside("node1", "echo kept >/var/lib/kept")
    lab("up", "--nodes", "2")
    assert lab.states() == {"node1": "ok", "node2": "ok"}
    assert lab.inside("node1", "cat /var/lib/kept").stdout.strip() == "kept"


def test_a_second_lab_on_the_same_subnet_is_refused(lab: LabTool, tmp_path: Path) -> None:
    with pytest.raises(
        LabError, match=f"{HOST} is already an address of .*a bridge of the lab in {lab.directory}"
    ) as caught:
        networks.ensure(Lab(tmp_path, Lab.at(lab.directory).networks))
    assert "another subnet" in caught.value.fix


def test_nodes_run_images_of_a_shared_store_without_pulling_them(lab: LabTool) -> None:
    lab("down")
    store = lab.directory / "images" / "storage"  # the one at hand: it holds the node's own image
    lab("up", "--nodes", "1", *SUBNETS, "--shared-images", str(store))
    image = lab("images").stdout.strip()
    assert lab.inside("node1", f"podman run --rm --network none {image} /bin/echo hello").stdout == "hello\n"
    used = lab.inside("node1", "du -sm /var/lib/containers | cut -f1").stdout
    assert int(used) < 50, "MiB; the image has some hundred"
