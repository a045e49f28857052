"""The node commands from another machine: the real shell, the real server, an Ironic in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.api import bmc
from tests.unit.api.conftest import PASSWORD, Client
from tests.unit.cli.conftest import Openstack, Outcome
from tests.unit.deploy.simulated_ironic import SimulatedIronic
from undercloud.baremetal.errors import ConflictError
from undercloud.baremetal.ironic import Patch
from undercloud.baremetal.service.settings import files_directory
from undercloud.client.remote import RemoteEngine
from undercloud.deploy.machines import ProvisionedNode
from undercloud.diagnostics import UndercloudError
from undercloud.diskimages.built import Built, measure
from undercloud.diskimages.published import publish


@pytest.fixture
def overcloud(
    client: Client, openstack: Openstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Openstack:
    """`openstack --undercloud prod overcloud …` in a directory whose underclouds.yaml names the server."""
    here = tmp_path / "operator"
    here.mkdir()
    known = {"url": client.running.address, "username": "admin", "cacert": client.authority}
    (here / "underclouds.yaml").write_text(json.dumps({"underclouds": {"prod": known}}))
    monkeypatch.chdir(here)
    monkeypatch.setenv("UNDERCLOUD_PASSWORD", PASSWORD)

    def run(*words: str, answer: str | None = None) -> Outcome:
        return openstack("--undercloud", "prod", "overcloud", *words, answer=answer)

    return run


def listed(overcloud: Openstack, *words: str) -> Any:
    outcome = overcloud(*words, "-f", "json")
    assert outcome.status == 0, outcome.err + outcome.out
    return json.loads(outcome.out)


def imported(overcloud: Openstack, *words: str) -> Outcome:
    nodes = [
        {
            "name": f"m{n}",
            "pm_type": "fake",
            "mac": [f"52:54:00:00:00:0{n}"],
            "capabilities": f"{'control' if n == 1 else 'compute'}_profile:1",
        }
        for n in (1, 2)
    ]
    Path("nodes.json").write_text(json.dumps({"nodes": nodes}))
    return overcloud("node", "import", "nodes.json", *words)


def test_from_a_file_to_profiles(overcloud: Openstack, ironic: SimulatedIronic) -> None:
    outcome = imported(overcloud, "--introspect", "--provide")
    assert outcome.status == 0, outcome.err
    assert [row["state"] for row in listed(overcloud, "node", "list")] == ["available", "available"]
    assert listed(overcloud, "node", "show", "m1")["ports"] == ["52:54:00:00:00:01"]
    matched = overcloud("profiles", "match", "--scale", "control=1", "--scale", "compute=1")
    assert matched.status == 0, matched.err
    rows = listed(overcloud, "profiles", "list")
    assert {row["name"]: row["current profile"] for row in rows} == {"m1": "control", "m2": "compute"}


def test_a_profile_that_ironic_does_not_take_is_told(
    overcloud: Openstack, ironic: SimulatedIronic, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(overcloud, "--provide")

    def refuse(name: str, patch: Patch) -> None:
        if name == "m2" and patch:
            raise ConflictError(f"change {name}", "it is locked")

    monkeypatch.setattr(ironic, "update", refuse)
    matched = overcloud("profiles", "match", "--scale", "control=1", "--scale", "compute=1")
    assert matched.status == 1
    assert "BM-104" in matched.out


def test_power_maintenance_settings_and_forgetting(overcloud: Openstack, ironic: SimulatedIronic) -> None:
    imported(overcloud)
    before = len(ironic.asked)
    raid = '{"logical_disks": [{"size_gb": "MAX", "raid_level": "1"}]}'
    for words in (
        ("node", "power", "on", "m1"),
        ("node", "maintenance", "set", "--reason", "new fan", "m2"),
        ("node", "bios", "configure", "--configuration", '{"a": "b"}', "m1"),
        ("node", "bios", "reset", "m1"),
        ("raid", "create", "--node", "m1", raid),
        ("node", "configure", "--boot-mode", "uefi", "m1"),
        ("node", "clean", "m1"),
    ):
        outcome = overcloud(*words)
        assert outcome.status == 0, outcome.err + outcome.out
    assert [verb.partition(" ")[0] for _, verb in ironic.asked[before:]] == [
        "power",
        *["clean"] * 2,
        "raid",
        *["clean"] * 2,
    ]
    assert ironic.machine("m2").maintenance_reason == "new fan"
    assert listed(overcloud, "node", "show", "m1")["raid"] == json.loads(raid)["logical_disks"]
    assert "a volume: RAID 1, all that there is, controller any" in overcloud("node", "show", "m1").out
    unknown = overcloud("node", "unregister", "--yes", "m1", "m7")
    assert unknown.status == 1
    assert "BM-107" in unknown.out
    assert overcloud("node", "unregister", "--yes", "m1").status == 0
    assert [one.name for one in ironic.machines()] == ["m2"]


def test_one_that_fails_is_named(overcloud: Openstack, ironic: SimulatedIronic) -> None:
    imported(overcloud)
    ironic.put("m1", provision_state="active")
    outcome = overcloud("node", "provide", "m1", "m2")
    assert outcome.status == 1
    assert "BM-108" in outcome.out
    assert ironic.machine("m2").provision_state == "available"


def test_what_is_found_is_written_here_with_its_password(
    overcloud: Openstack, ironic: SimulatedIronic
) -> None:
    login = f"{bmc.USER}:{bmc.PASSWORD}"
    with bmc.serving() as address:
        words = ("node", "discover", "--ip", address, "--credentials", login)
        only = overcloud(*words, "--output", "found.json")
        assert only.status == 0, only.err
        assert bmc.PASSWORD not in only.out + only.err
        (found,) = json.loads(Path("found.json").read_text())["nodes"]
        assert (found["pm_user"], found["pm_password"]) == (bmc.USER, bmc.PASSWORD)
        assert Path("found.json").stat().st_mode & 0o77 == 0
        assert ironic.machines() == []
        assert overcloud(*words).status == 0
    assert ironic.machine("rack-1").driver_info["redfish_password"] == bmc.PASSWORD


def test_images_of_that_undercloud(client: Client, overcloud: Openstack, tmp_path: Path) -> None:
    (tmp_path / "disk.raw").write_bytes(b"disk")
    built = Built("overcloud-full", "abc", "a disk", {"disk": measure(tmp_path / "disk.raw", "disk.raw")})
    publish(built, tmp_path, files_directory(client.world.settings.paths.state_dir))
    rows = {row["Image"]: row["Uploaded"] for row in listed(overcloud, "image", "list")}
    assert rows["overcloud-full"] == "abc"
    (file,) = listed(overcloud, "image", "list", "--files")
    assert file["Bytes"] == 4
    refused = overcloud("image", "upload")
    assert refused.status == 2
    assert "CLI-045" in refused.err


def test_how_many_machines_at_once(overcloud: Openstack, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands say reaches the engine's requests."""
    asked: list[Any] = []

    def keep(engine: RemoteEngine, request: Any) -> None:
        asked.append(request)
        raise UndercloudError.of("DEP-003", "enough is known")

    for method in ("provision", "unprovision"):
        monkeypatch.setattr(RemoteEngine, method, keep)
    node = ProvisionedNode("overcloud", "compute-0", "m1", "deployed")
    monkeypatch.setattr(RemoteEngine, "provisioned", lambda engine, stack: (node,))
    Path("nodes.yaml").write_text("- {name: Compute, count: 1}")
    words = ("--stack", "overcloud", "--concurrency", "3")
    overcloud("node", "provision", *words, "nodes.yaml")
    overcloud("node", "unprovision", *words, "--all", "--yes")
    overcloud("node", "delete", *words, "--yes", "compute-0")
    assert [one.concurrency for one in asked] == [3, 3, 3]


def test_warnings_about_a_file_are_shown(overcloud: Openstack) -> None:
    Path("bare.json").write_text('[{"name": "m1", "pm_type": "fake"}]')
    outcome = overcloud("node", "import", "--validate-only", "bare.json")
    assert outcome.status == 0
    assert "BM-012" in outcome.err
    assert "1 machines, no error" in outcome.out
