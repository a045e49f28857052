"""A machine from the rack, by an operator's commands: from nothing to SSH, on real Ironic and a real BMC.

It takes some ten minutes without KVM.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.baremetal.rack_tool import RackTool, needs_rack
from tests.functional.baremetal.virtual_machine import Operator, standing, undercloud

pytestmark = [pytest.mark.functional, pytest.mark.long, needs_rack]


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RackTool]:
    with standing(tmp_path_factory.mktemp("rack") / "it") as rack:
        yield rack


@pytest.fixture(scope="module")
def operator(rack: RackTool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator whose machine can be deployed."""
    with undercloud(tmp_path_factory.mktemp("operator")) as operator:
        file = str(rack.directory / "instackenv.json")
        operator("overcloud", "node", "import", "--introspect", "--provide", file)
        yield operator


def test_the_machine_is_what_the_rack_made(operator: Operator) -> None:
    machine = operator.machine()
    assert (machine["name"], machine["state"], machine["maintenance"]) == ("node1", "available", False)
    assert (machine["cpus"], machine["memory GiB"]) == (2, 2)
    assert "sda" in str(machine["root disk"])


def test_it_becomes_a_node_that_answers_ssh(operator: Operator) -> None:
    done = operator.provision(operator.deployment("deployment.yaml"))
    assert done.status == 0, done.text
    said = operator.enter(
        "hostname; sudo podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.NetworkBackend}}' 2>&1;"
        " findmnt -nbo SIZE /"
    ).split()
    assert said[:3] == ["first-0", "crun", "netavark"], "and podman warns of nothing"
    assert int(said[3]) > 18 * 1024**3, "the root file system has grown over the disk"
