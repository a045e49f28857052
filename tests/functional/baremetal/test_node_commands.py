"""The node commands as an operator gives them, against a real Ironic."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.functional.baremetal.commands import Commands
from tests.functional.baremetal.real_ironic import BMC_PASSWORD, BMC_USER, RealIronic, bmcs
from tests.functional.baremetal.test_machines import INVENTORY, SYSTEM, fake
from undercloud.baremetal.ironic import Ironic
from undercloud.conf import installed

pytestmark = pytest.mark.functional


@pytest.fixture
def openstack(tmp_path: Path, service: RealIronic, ironic: Ironic) -> Commands:
    return Commands(tmp_path, service.endpoint, "inspection_iprange = 192.168.24.100,192.168.24.110\n")


def states(openstack: Commands) -> dict[str, str]:
    return {one["name"]: one["state"] for one in openstack.json("overcloud", "node", "list")}


def test_from_a_file_to_machines_that_can_be_deployed(openstack: Commands, ironic: Ironic) -> None:
    file = openstack.write("nodes.json", {"nodes": [fake(n, pm_password="s3cret-word") for n in (1, 2, 3)]})
    assert "3 machines" in openstack("overcloud", "node", "import", "--validate-only", file)
    assert ironic.machines() == []
    told = openstack.json("overcloud", "node", "import", "--provide", file)
    assert told["deployment"]["status"] == "succeeded"
    assert "s3cret-word" not in json.dumps(told)
    assert states(openstack) == {f"fake-{n}": "available" for n in (1, 2, 3)}
    assert openstack.json("overcloud", "node", "import", file)["deployment"]["status"] == "succeeded"
    shown = openstack.json("overcloud", "node", "show", "fake-2")
    assert shown["ports"] == ["52:54:00:00:00:02"]
    addresses = {
        one.network_data["networks"][0]["ip_address"]
        for one in ironic._client.node.list(fields=["network_data"])
    }
    assert addresses == {"192.168.24.100", "192.168.24.101", "192.168.24.102"}


def test_a_file_with_mistakes_starts_nothing(openstack: Commands, ironic: Ironic) -> None:
    file = openstack.write("nodes.csv", "name,pm_type,mac\na,fake,52:54:00:00:00:01\nb,fake,nonsense\n")
    said = openstack("overcloud", "node", "import", file, status=1)
    assert "nodes.csv:3" in said
    assert "BM-004" in said
    assert ironic.machines() == []


def test_introspection_fills_the_facts(openstack: Commands, ironic: Ironic, service: RealIronic) -> None:
    nodes = [fake(1, inspect_interface="agent", root_device={"serial": "B"})]
    openstack("overcloud", "node", "import", openstack.write("nodes.json", nodes))

    def ramdisk() -> None:
        for _ in range(200):
            time.sleep(0.2)
            if ironic.machine("fake-1").provision_state == "inspect wait":
                service.call_back(INVENTORY)
                return

    thread = threading.Thread(target=ramdisk)
    thread.start()
    openstack("overcloud", "node", "introspect", "--all-manageable", "--provide")
    thread.join()
    (one,) = openstack.json("overcloud", "node", "list")
    assert (one["state"], one["cpus"], one["memory GiB"]) == ("available", 8, "16")
    assert one["root disk"] == "/dev/sdb (64 GiB, serial B)"
    table = openstack("overcloud", "node", "show", "fake-1")
    assert "eth0: 52:54:00:00:00:01, link up" in table
    assert "8 x m" in table
    openstack(
        *("overcloud", "node", "configure", "--root-device", "largest"),
        *("--overwrite-root-device-hints", "fake-1"),
    )
    assert openstack.json("overcloud", "node", "list")[0]["root disk"] == "/dev/sda (480 GiB, serial A)"


def test_one_that_fails_is_named_and_the_others_go_on(
    openstack: Commands, ironic: Ironic, tmp_path: Path
) -> None:
    with bmcs(tmp_path, [SYSTEM]) as address:
        bad: dict[str, Any] = {
            "name": "bad",
            "pm_type": "redfish",
            "pm_addr": address,
            "pm_user": BMC_USER,
            "pm_password": "wrong-password",
            "pm_system_id": SYSTEM["uuid"],
            "mac": ["52:54:00:00:01:01"],
            "boot_interface": "redfish-virtual-media",
        }
        file = openstack.write("nodes.json", [bad, fake(1)])
        told = openstack.json("overcloud", "node", "import", "--provide", file, status=1)
    (failure,) = told["failures"]
    assert (failure["host"], failure["stage"], failure["finding"]["code"]) == ("bad", "manage", "BM-112")
    assert states(openstack) == {"bad": "enroll", "fake-1": "available"}


def test_discovery(openstack: Commands, ironic: Ironic, tmp_path: Path) -> None:
    with bmcs(tmp_path, [SYSTEM]) as address:
        words = ("overcloud", "node", "discover", "--ip", address, "--credentials", "nobody:nothing")
        assert "BM-125" in openstack(*words, status=1)
        both = (*words, "--credentials", f"{BMC_USER}:{BMC_PASSWORD}")
        openstack(*both, "--output", "found.json")
        (found,) = json.loads((tmp_path / "found.json").read_text())["nodes"]
        assert found["pm_system_id"].endswith(str(SYSTEM["uuid"]))
        assert (tmp_path / "found.json").stat().st_mode & 0o77 == 0
    assert ironic.machines() == []


def test_power_maintenance_and_forgetting(openstack: Commands, ironic: Ironic) -> None:
    openstack("overcloud", "node", "import", openstack.write("nodes.json", [fake(1), fake(2)]))
    openstack("overcloud", "node", "power", "on", "fake-1")
    assert ironic.machine("fake-1").power_state == "power on"
    openstack("overcloud", "node", "maintenance", "set", "--reason", "new fan", "fake-1")
    shown = {one["name"]: one["maintenance"] for one in openstack.json("overcloud", "node", "list")}
    assert shown == {"fake-1": "new fan", "fake-2": False}
    openstack("overcloud", "node", "maintenance", "unset", "fake-1")
    assert "fake-2" in openstack("overcloud", "node", "unregister", "--yes", "fake-7", status=1)
    openstack("overcloud", "node", "unregister", "--yes", "fake-1")
    assert [one.name for one in ironic.machines()] == ["fake-2"]
    assert "CLI-002" in openstack("overcloud", "node", "provide", status=2)


def test_profiles(openstack: Commands, ironic: Ironic) -> None:
    nodes = [
        fake(1, capabilities="control_profile:1,compute_profile:1"),
        fake(2, capabilities="compute_profile:true"),
        fake(3, capabilities="profile:control"),
    ]
    openstack("overcloud", "node", "import", "--provide", openstack.write("nodes.json", nodes))
    words = ("overcloud", "profiles", "match", "--control-scale", "2", "--scale", "compute=1")
    openstack(*words, "--dry-run")
    assert ironic.machine("fake-1").capabilities.get("profile") is None
    openstack(*words)
    listed = {one["name"]: one["current profile"] for one in openstack.json("overcloud", "profiles", "list")}
    assert listed == {"fake-1": "control", "fake-2": "compute", "fake-3": "control"}
    assert "storage: 1 fewer" in openstack("overcloud", "profiles", "match", "--scale", "storage=1", status=1)


def test_from_a_deployment_file_to_installed_machines(openstack: Commands, ironic: Ironic) -> None:
    """The real compiler gives addresses; nobody answers SSH here, which takes nothing back."""
    conf = openstack.directory / "undercloud.conf"
    range_of_nodes = "cidr = 192.0.2.0/24\ngateway = 192.0.2.1\nnode_iprange = 192.0.2.20,192.0.2.60\n"
    text = conf.read_text().replace("192.168.24.", "192.0.2.")
    conf.write_text(text + "ssh_timeout = 10\n" + range_of_nodes)
    nodes = [fake(1, capabilities="profile:standalone"), fake(2)]
    openstack("overcloud", "node", "import", openstack.write("nodes.json", nodes))
    openstack("overcloud", "node", "power", "off", "fake-1", "fake-2")
    openstack("overcloud", "node", "provide", "--all-manageable")
    role: dict[str, Any] = {
        "name": "Standalone",
        "count": 1,
        "defaults": {"image": {"href": "http://192.0.2.1/image.raw", "checksum": "0" * 64}},
    }
    roles = str(installed.data_directory() / "roles_data" / "Standalone.yaml")
    plan = ("-r", roles, "--stack", "edge")
    wanting = {**role, "defaults": {**role["defaults"], "profile": "nobody-has-it"}}
    file = openstack.write("baremetal.yaml", [wanting])
    refused = openstack("overcloud", "node", "provision", file, *plan, status=1)
    assert "BM-140" in refused
    assert "it has profile:nobody-has-it" in refused
    assert "baremetal.yaml:1" in refused
    wanting["defaults"] = {**role["defaults"], "profile": "standalone"}
    file = openstack.write("baremetal.yaml", [wanting])
    told = openstack.json("overcloud", "node", "provision", file, *plan, status=1)
    (failure,) = told["failures"]
    assert (failure["host"], failure["finding"]["code"]) == ("edge-standalone-0", "BM-144")
    assert "at 192.0.2.21" in failure["finding"]["message"]  # the first is the virtual one
    assert states(openstack) == {"fake-1": "active", "fake-2": "available"}
    (node,) = [one for one in openstack.json("overcloud", "node", "list") if one["node"]]
    assert (node["name"], node["node"]) == ("fake-1", "edge-standalone-0 (edge)")
    assert "BM-108" in openstack("overcloud", "node", "unregister", "--yes", "fake-1", status=1)
    assert "BM-148" in openstack("overcloud", "node", "delete", "--stack", "edge", "-y", "edge-x", status=1)
    openstack("overcloud", "node", "delete", "--stack", "edge", "--yes", "edge-standalone-0")
    assert states(openstack) == {"fake-1": "available", "fake-2": "available"}
    assert "has no machines" in openstack("overcloud", "node", "unprovision", "--stack", "edge", "--all")
