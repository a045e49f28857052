"""The node commands as an operator gives them, on the undercloud and from afar, against a real Ironic."""

from __future__ import annotations

import contextlib
import http.server
import json
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.baremetal.commands import Commands
from tests.functional.baremetal.real_ironic import BMC_PASSWORD, BMC_USER, RealIronic, bmcs, free_port
from tests.functional.baremetal.remote import RemoteCommands
from tests.functional.baremetal.test_machines import INVENTORY, SYSTEM, fake
from undercloud.baremetal.ironic import Ironic
from undercloud.conf import installed
from undercloud.images import tls

pytestmark = pytest.mark.functional


_RANGE = "inspection_iprange = 192.168.24.100,192.168.24.110\n"


HERE, AFAR = "on the undercloud", "over its API"
# Over the API everything is gone through that is on the undercloud, and more.
both = pytest.mark.parametrize("openstack", [HERE, AFAR], indirect=True)


@pytest.fixture(params=[pytest.param(HERE, marks=pytest.mark.long), AFAR])
def openstack(
    request: pytest.FixtureRequest, tmp_path: Path, service: RealIronic, ironic: Ironic
) -> Iterator[Commands]:
    if request.param == HERE:
        yield Commands(tmp_path, service.endpoint, _RANGE)
        return
    remote = RemoteCommands(tmp_path, service.endpoint, _RANGE)
    yield remote
    assert "Traceback" not in remote.close()


@pytest.fixture
def api(tmp_path: Path, service: RealIronic, ironic: Ironic) -> Iterator[RemoteCommands]:
    made = RemoteCommands(tmp_path, service.endpoint)
    yield made
    made.close()


def test_over_rest_alone(api: RemoteCommands, ironic: Ironic) -> None:
    """A client without our command line: import, list, power, delete."""
    nodes = [fake(n, pm_password="s3cret-word") for n in (1, 2)]
    body = {"file": {"path": "nodes.json", "text": json.dumps(nodes)}, "work": ["manage", "provide"]}
    found = api.done("/v1/nodes", body)
    assert found["status"] == "succeeded", found["findings"]
    listed = api.ask("GET", "/v1/nodes?state=available")["nodes"]
    assert [one["name"] for one in listed] == ["fake-1", "fake-2"]
    api.done("/v1/nodes/work", {"work": ["power"], "power": "on", "nodes": ["fake-1"]})
    assert ironic.machine("fake-1").power_state == "power on"
    shown = api.ask("GET", f"/v1/nodes/{listed[0]['uuid']}")
    assert shown["machine"]["power_state"] == "power on"
    assert "s3cret-word" not in json.dumps([shown, api.ask("GET", f"/v1/deployments/{found['id']}/events")])
    api.ask("DELETE", "/v1/nodes/fake-1", 204)
    assert [one.name for one in ironic.machines()] == ["fake-2"]
    assert api.ask("DELETE", "/v1/nodes/fake-1", 404)["findings"][0]["code"] == "BM-107"


def states(openstack: Commands) -> dict[str, str]:
    return {one["name"]: one["state"] for one in openstack.json("overcloud", "node", "list")}


@both
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
    assert (one["state"], one["cpus"], one["memory GiB"]) == ("available", 8, 16)
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


class _Broken(http.server.BaseHTTPRequestHandler):
    """Something that says it speaks Redfish, and does not."""

    def do_GET(self) -> None:
        body = b'{"RedfishVersion": "1.5.0"}' if self.path == "/redfish/v1/" else b"{}"
        self.send_response(200 if self.path == "/redfish/v1/" else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Nobody listens."""


@contextlib.contextmanager
def broken_bmc(directory: Path, address: str, port: int) -> Iterator[None]:
    made = tls.ensure(directory, [address], server="broken")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with http.server.ThreadingHTTPServer((address, port), _Broken) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def test_discovery_in_a_range(openstack: Commands, ironic: Ironic, tmp_path: Path) -> None:
    """Two doors to one machine, two machines of one name, a stranger, something broken, and nobody."""
    port, home = free_port(), tmp_path
    second = {
        **SYSTEM,
        "uuid": str(SYSTEM["uuid"])[:-1] + "2",
        "nics": [{"mac": "52:54:00:00:01:02", "ip": ""}],
    }
    where = ("--range", "127.93.0.0/28", "--port", str(port), "--protocol", "redfish")
    look = ("overcloud", "node", "discover", *where, "--credentials", "root:calvin")
    mine = (*look, "--credentials", f"{BMC_USER}:{BMC_PASSWORD}")
    with (
        bmcs(home / "1", [SYSTEM], "127.93.0.1", port, tls=True),
        bmcs(home / "2", [SYSTEM], "127.93.0.2", port, tls=True),
        bmcs(home / "3", [second], "127.93.0.3", port, tls=True),
        broken_bmc(home / "4", "127.93.0.4", port),
    ):
        said = openstack(*look, status=1)
        assert [said.count(code) for code in ("BM-129", "BM-130", "BM-125")] == [3, 1, 1]
        assert "https://127.93.0.2" in said and "https://127.93.0.4" in said
        openstack(*mine, "--output", "found.json")
        found = json.loads((tmp_path / "found.json").read_text())["nodes"]
        assert [one["mac"] for one in found] == [["52:54:00:00:01:01"], ["52:54:00:00:01:02"]]
        assert len({one["name"] for one in found}) == 2, "two systems of one name are two machines"
        assert ironic.machines() == []

        # What is registered stays as it is, its name and whom it trusts too.
        strict = {**found[0], "redfish_verify_ca": True}
        told = openstack.json(
            "overcloud", "node", "import", openstack.write("strict.json", [strict]), status=1
        )
        assert [failure["finding"]["code"] for failure in told["failures"]] == ["BM-132"]
        registered = {**found[0], "name": "mine", "redfish_verify_ca": str(home / "1/tls/ca.crt")}
        openstack("overcloud", "node", "import", openstack.write("nodes.json", [registered]))
        openstack(*mine)
        mine_now = ironic.machine("mine")
        assert mine_now.driver_info["redfish_verify_ca"] == str(home / "1/tls/ca.crt")
        assert sorted(len(macs) for macs in ironic.macs().values()) == [1, 1]
        assert "There is no other machine" in openstack(*mine)
        assert len(ironic.machines()) == 2


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
