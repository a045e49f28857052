"""Machines over HTTP: made known, listed, worked on, looked for, forgotten; no answer holds a password."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from tests.unit.api import bmc
from tests.unit.api.conftest import Client
from tests.unit.api.test_api_deployments import ended, prepared
from tests.unit.deploy.simulated_ironic import SimulatedIronic
from undercloud.api.document import Document
from undercloud.api.recent import Recent
from undercloud.baremetal.discovery.places import PORTS
from undercloud.baremetal.ironic import Machine
from undercloud.baremetal.service.settings import files_directory
from undercloud.db.models import Base
from undercloud.diskimages.built import Built, measure
from undercloud.diskimages.published import publish

_SECRET = "not to be told"


def machine(number: int, **more: Any) -> dict[str, Any]:
    mac = f"52:54:00:00:00:{number:02x}"
    return {"name": f"m{number}", "pm_type": "ipmi", "pm_addr": f"192.0.2.{number}", "mac": [mac], **more}


def enrol(client: Client, *nodes: dict[str, Any], **more: Any) -> Any:
    text = json.dumps({"nodes": [{"pm_user": "u", "pm_password": _SECRET, **one} for one in nodes]})
    body = {"file": {"path": "nodes.json", "text": text}, **more}
    return done(client, "/v1/nodes", body)


def done(client: Client, path: str, body: Any) -> Any:
    answer = client.ask("POST", path, json=body)
    assert answer.status_code == 202, answer.text
    return ended(client, answer.headers["Location"])


def names(client: Client, query: str = "") -> list[str]:
    return [one["name"] for one in client.get(f"/v1/nodes{query}")["nodes"]]


def test_from_a_file_to_machines_that_can_be_deployed(client: Client, ironic: SimulatedIronic) -> None:
    found = enrol(client, machine(1), machine(2), work=["manage", "introspect", "provide"])
    assert (found["status"], found["stack"], found["findings"]) == ("succeeded", "bare metal", [])
    assert [one["provision_state"] for one in client.get("/v1/nodes")["nodes"]] == ["available"] * 2
    shown = client.get("/v1/nodes/m1")
    assert (shown["machine"]["name"], shown["ports"]) == ("m1", ["52:54:00:00:00:01"])
    assert shown["bios"] == {"ProcVirtualization": "Enabled"}
    by_uuid = client.get(f"/v1/nodes/{shown['machine']['uuid']}")
    assert by_uuid == shown
    assert client.codes("GET", "/v1/nodes/nobody", 404) == ["BM-107"]
    events = client.get(f"/v1/deployments/{found['id']}/events")["events"]
    assert {event["host"] for event in events if event["kind"] == "result"} == {"m1", "m2"}


def test_its_hardware_is_told(client: Client, ironic: SimulatedIronic) -> None:
    ironic.inventories["m1"] = {
        "inventory": {
            "cpu": {"count": 8, "architecture": "x86_64", "model_name": "m"},
            "memory": {"physical_mb": 16384, "total": 16 << 30},
            "disks": [{"name": "/dev/sda", "size": 480 << 30, "rotational": False, "serial": "A"}],
            "interfaces": [{"name": "eth0", "mac_address": "52:54:00:00:00:01", "has_carrier": True}],
        }
    }
    enrol(client, machine(1), work=["manage", "introspect"])
    shown = client.get("/v1/nodes/m1")
    assert (shown["machine"]["cpus"], shown["machine"]["memory"]) == (8, 16384)
    assert shown["facts"]["disks"][0]["serial"] == "A"
    assert shown["inspected"]


def test_a_file_with_mistakes_begins_nothing_and_all_are_told(
    client: Client, ironic: SimulatedIronic
) -> None:
    text = f"name,pm_type,pm_password,mac\na,fake,{_SECRET},nonsense\nb,nothing,{_SECRET},52:54:00:00:00:02\n"
    answer = client.ask("POST", "/v1/nodes", json={"file": {"path": "nodes.csv", "text": text}})
    assert answer.status_code == 422
    told = answer.json()["findings"]
    assert [(one["code"], one["locations"][0]["line"]) for one in told] == [("BM-004", 2), ("BM-010", 3)]
    assert _SECRET not in answer.text
    assert client.get("/v1/deployments")["deployments"] == []
    assert ironic.machines() == []


def test_pages_and_filters(client: Client, ironic: SimulatedIronic) -> None:
    enrol(client, *(machine(number) for number in range(1, 8)))
    ironic.create("", {})
    seen: list[str] = []
    marker = ""
    while page := client.get(f"/v1/nodes?limit=3&marker={marker}")["nodes"]:
        seen += [one["uuid"] for one in page]
        marker = page[-1]["name"] or page[-1]["uuid"]
    assert sorted(seen) == sorted(one.uuid for one in ironic.machines())
    assert names(client, "?state=enroll") == [""]
    assert names(client, "?profile=none") == []
    assert names(client, "?stack=none") == []


class Many(SimulatedIronic):
    """A thousand machines, and how often they were listed."""

    listed = 0

    def machines(self, *, full: bool = True) -> list[Machine]:
        self.listed += 1
        return [Machine(str(number), f"m-{number:04}", "available") for number in range(1000)]


def test_a_thousand_machines_are_listed_once_for_all_pages(client: Client, tmp_path: Path) -> None:
    many = Many(tmp_path)
    client.world.ironic = lambda: many
    seen: list[str] = []
    while page := names(client, f"?limit=50&marker={seen[-1] if seen else ''}"):
        seen += page
    assert seen == [f"m-{number:04}" for number in range(1000)]
    assert many.listed == 1
    names(client)
    assert many.listed == 2, "the first page is always of now"


def test_what_was_listed_is_kept_for_a_while() -> None:
    now = [100.0]
    recent, asked = Recent[int](10, lambda: now[0]), iter(range(9))
    assert [recent.of(lambda: next(asked), anew=anew) for anew in (False, False, True, False)] == [0, 0, 1, 1]
    now[0] += 10
    assert recent.of(lambda: next(asked), anew=False) == 2


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"work": ["introspect", "clean"]}, [("m1", "inspect"), ("m1", "clean")]),
        ({"work": ["bios"], "bios": {"a": 1}}, [("m1", "clean")]),
        ({"work": ["bios"], "bios": None, "nodes": ["m1"]}, [("m1", "clean")]),
        (
            {"work": ["raid"], "raid": {"logical_disks": [{"size_gb": 1}]}},
            [("m1", "raid {'logical_disks': [{'size_gb': 1}]}"), ("m1", "clean")],
        ),
        ({"work": ["power"], "power": "off", "soft": True, "nodes": ["m1"]}, [("m1", "soft power off")]),
    ],
)
def test_work(client: Client, ironic: SimulatedIronic, body: Any, wanted: list[tuple[str, str]]) -> None:
    enrol(client, machine(1))
    before = len(ironic.asked)
    assert done(client, "/v1/nodes/work", body)["status"] == "succeeded"
    assert ironic.asked[before:] == wanted


def test_capabilities_are_set(client: Client, ironic: SimulatedIronic) -> None:
    enrol(client, machine(1))
    wanted = {"boot_mode": "uefi", "capabilities": {"profile": "control"}}
    done(client, "/v1/nodes/work", {"work": ["configure"], "configuration": wanted})
    (found,) = client.get("/v1/nodes?profile=control")["nodes"]
    assert found["capabilities"] == {"boot_mode": "uefi", "profile": "control"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"work": []}, "work"),
        ({"work": ["bios"]}, "bios"),
        ({"work": ["raid"], "raid": {}}, "logical_disks"),
        ({"work": ["power"]}, "power"),
        ({"work": ["power"], "power": "up"}, "power"),
        ({"work": ["configure"]}, "configuration"),
        ({"work": ["enrol"]}, "enrol"),
        ({"work": ["manage"], "nodes": ["a b"]}, "a b"),
        ({"work": ["manage"], "ssh": {}}, "ssh"),
    ],
)
def test_work_that_says_too_little_or_too_much(client: Client, body: Any, says: str) -> None:
    answer = client.ask("POST", "/v1/nodes/work", json=body)
    assert answer.status_code == 400
    assert {finding["code"] for finding in answer.json()["findings"]} == {"API-001"}
    assert says in answer.text


def test_maintenance_and_forgetting_are_for_all_or_none(client: Client, ironic: SimulatedIronic) -> None:
    enrol(client, machine(1), machine(2), machine(3))

    def ask(path: str, status: int, **body: Any) -> None:
        answer = client.ask("POST", f"/v1/nodes/{path}", json=body)
        assert answer.status_code == status, answer.text

    ask("maintenance", 404, nodes=["m1", "nobody"], on=True)
    assert not any(one.maintenance for one in ironic.machines())
    ask("maintenance", 204, nodes=["m1", "m2"], on=True, reason="new fan")
    assert client.get("/v1/nodes/m2")["machine"]["maintenance_reason"] == "new fan"
    ask("maintenance", 204, nodes=["m2"], on=False)
    assert [one.maintenance for one in ironic.machines()] == [True, False, False]
    ironic.put("m2", provision_state="active")
    ask("unregister", 409, nodes=["m1", "m2"])
    assert client.codes("DELETE", "/v1/nodes/m2", 409) == ["BM-108"]
    assert names(client) == ["m1", "m2", "m3"]
    ask("unregister", 204, nodes=["m1"])
    assert client.ask("DELETE", "/v1/nodes/m3").status_code == 204
    assert names(client) == ["m2"]


def test_one_work_at_a_time_and_what_failed_is_told(client: Client, ironic: SimulatedIronic) -> None:
    enrol(client, machine(1), machine(2))
    ironic.put("m2", provision_state="active")
    found = done(client, "/v1/nodes/work", {"work": ["manage", "provide"], "nodes": ["m1", "m2"]})
    assert found["status"] == "failed"
    (failure,) = client.get(f"/v1/deployments/{found['id']}/failures")["failures"]
    assert (failure["host"], failure["finding"]["code"]) == ("m2", "BM-108")
    assert client.get("/v1/nodes/m1")["machine"]["provision_state"] == "available"
    assert client.codes("GET", f"/v1/deployments/{'0' * 32}/failures", 404) == ["DEP-004"]


def test_who_may(client: Client, ironic: SimulatedIronic) -> None:
    enrol(client, machine(1))
    reader, member = client.as_user("reader"), client.as_user("member")
    work = {"work": ["manage"]}
    assert names(reader) == ["m1"]
    assert reader.codes("POST", "/v1/nodes/work", 403, json=work) == ["API-006"]
    assert reader.codes("POST", "/v1/nodes/maintenance", 403, json={"nodes": ["m1"], "on": True})
    assert reader.codes("POST", "/v1/stacks/overcloud/unprovision", 403, json={"everything": True})
    done(member, "/v1/nodes/work", work)
    assert member.codes("DELETE", "/v1/nodes/m1", 403) == ["API-006"]
    assert member.codes("POST", "/v1/nodes/unregister", 403, json={"nodes": ["m1"]}) == ["API-006"]
    audit = (client.world.settings.paths.state_dir / "log" / "audit.log").read_text()
    told = [json.loads(line) for line in audit.splitlines()]
    assert [(one["who"], one["operation"], one["status"]) for one in told] == [
        ("admin", "enrolNodes", 202),
        ("reader", "createNodeWork", 403),
        ("reader", "setMaintenance", 403),
        ("reader", "unprovisionNodes", 403),
        ("member", "createNodeWork", 202),
        ("member", "deleteNode", 403),
        ("member", "unregisterNodes", 403),
    ]


def test_profiles(client: Client, ironic: SimulatedIronic) -> None:
    enrol(
        client,
        machine(1, capabilities="control_profile:1,compute_profile:1"),
        machine(2, capabilities="compute_profile:true"),
        machine(3, capabilities="profile:control"),
        machine(4),
        work=["manage", "provide"],
    )
    client.ask("POST", "/v1/nodes/maintenance", json={"nodes": ["m4"], "on": True})
    listed = {one["name"]: one for one in client.get("/v1/profiles")["profiles"]}
    assert listed["m1"]["possible"] == ["control", "compute"]
    assert (listed["m3"]["profile"], listed["m4"]["why_not"]) == ("control", "in maintenance")
    asked = {"scale": {"control": 2, "compute": 1, "storage": 1}}
    found = client.ask("POST", "/v1/profiles/match", json=asked).json()
    assert found == {"given": {"m1": "control", "m2": "compute"}, "missing": {"storage": 1}}
    assert client.codes("POST", "/v1/profiles/match", 400, json={"scale": {}}) == ["API-001"]


def test_what_is_found_is_told_without_its_password(client: Client, ironic: SimulatedIronic) -> None:
    with bmc.serving() as address:
        asked = {"addresses": [address], "credentials": ["nobody:nothing", f"{bmc.USER}:{bmc.PASSWORD}"]}
        answer = client.ask("POST", "/v1/nodes/discovery", json=asked)
        refused = {"addresses": [address], "credentials": ["nobody:nothing"]}
        findings = client.ask("POST", "/v1/nodes/discovery", json=refused).json()["findings"]
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["machines"]
    assert (found["name"], found["pm_addr"], found["fits"]) == ("rack-1", address, 1)
    assert bmc.PASSWORD not in answer.text
    assert [finding["code"] for finding in findings] == ["BM-129"]
    assert ironic.machines() == []


def test_where_to_look_is_checked_first(client: Client, ironic: SimulatedIronic) -> None:
    asked: dict[str, Any] = {"addresses": ["nonsense"], "credentials": ["a:b"]}
    assert client.codes("POST", "/v1/nodes/discovery", 400, json=asked) == ["BM-121"]
    asked["addresses"] = ["192.0.2.0/24"]
    assert client.codes("POST", "/v1/nodes/discovery", 400, json=asked) == ["API-001"]
    asked = {"addresses": ["http://127.0.0.1:9"], "credentials": ["no colon"]}
    assert client.codes("POST", "/v1/nodes/discovery", 400, json=asked) == ["API-001"]
    asked["credentials"] = ["a:b"]
    found = client.ask("POST", "/v1/nodes/discovery", json=asked).json()
    assert found == {"machines": [], "known": [], "findings": []}


def test_no_password_is_told_or_kept_in_clear(client: Client, ironic: SimulatedIronic) -> None:
    ironic.inventories["m1"] = {}
    enrol(client, machine(1), work=["manage", "introspect"])
    paths = ["/v1/nodes", "/v1/nodes/m1", "/v1/deployments", "/v1/profiles"]
    for one in client.get("/v1/deployments")["deployments"]:
        paths += [f"/v1/deployments/{one['id']}{rest}" for rest in ("", "/events?limit=1000", "/log")]
    told = "".join(client.ask("GET", path).text for path in paths)
    database = sqlalchemy.create_engine(f"sqlite:///{client.world.settings.paths.database}")
    with database.connect() as connection:
        for table in Base.metadata.sorted_tables:
            told += "".join(repr(tuple(row)) for row in connection.execute(sqlalchemy.select(table)))
    database.dispose()
    told += (client.world.settings.paths.state_dir / "log" / "audit.log").read_text()
    assert "enrolled" in told
    assert _SECRET not in told


def test_without_an_ironic(client: Client) -> None:
    assert client.codes("GET", "/v1/nodes", 501) == ["BM-106"]
    assert client.codes("GET", "/v1/profiles", 501) == ["BM-106"]


def test_disk_images(client: Client, tmp_path: Path) -> None:
    assert client.get("/v1/disk-images") == {"images": []}
    (tmp_path / "disk.raw").write_bytes(b"disk")
    built = Built("overcloud-full", "abc", "a disk", {"disk": measure(tmp_path / "disk.raw", "disk.raw")})
    publish(built, tmp_path, files_directory(client.world.settings.paths.state_dir))
    (image,) = client.get("/v1/disk-images")["images"]
    assert (image["name"], image["files"]["disk"]["size"]) == ("overcloud-full", 4)
    assert len(image["files"]["disk"]["sha256"]) == 64


def test_a_plan_gets_its_nodes_and_addresses(client: Client, ironic: SimulatedIronic) -> None:
    prepared(client)
    place = "/v1/stacks/overcloud"
    assert done(client, f"{place}/addresses", {"version": 1})["operation"] == "allocation"
    assert client.get(f"{place}/addresses")["addresses"] == {"ctlplane": {"vip": "192.0.2.101"}}
    found = done(client, f"{place}/provision", {"version": 1})
    assert (found["operation"], found["status"], found["version"]) == ("provision", "succeeded", 1)
    assert client.get(f"{place}/nodes") == {"nodes": []}
    assert client.codes("POST", f"{place}/provision", 404, json={"version": 7}) == ["DEP-028"]
    assert client.codes("POST", "/v1/stacks/none/addresses", 404, json={"version": 1}) == ["DEP-003"]
    assert client.codes("GET", "/v1/stacks/none/addresses", 404) == ["DEP-003"]
    assert client.codes("GET", "/v1/stacks/none/nodes", 404) == ["DEP-003"]
    assert client.codes("POST", f"{place}/unprovision", 404, json={"hosts": ["x"]}) == ["BM-148"]
    assert client.codes("POST", f"{place}/unprovision", 400, json={"sure": True}) == ["API-001"]
    assert done(client, f"{place}/unprovision", {"everything": True})["status"] == "succeeded"


def test_the_protocols_of_a_discovery_are_those_that_are_spoken() -> None:
    schemas = Document().content["components"]["schemas"]
    assert schemas["NodeDiscovery"]["properties"]["protocols"]["items"]["enum"] == list(PORTS)
