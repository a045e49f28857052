"""`overcloud export` and `overcloud cell export`, through the real shell."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import World

NODES = {"memcached_node_ips": ["192.0.2.11"], "mysql_node_ips": ["192.0.2.11"]}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: World) -> Path:
    monkeypatch.chdir(tmp_path)
    world.exports = {
        "overcloud": {"AdminPassword": "s3cret", "CephClientKey": "k3y", "AllNodesExtraMapData": NODES},
        "cell1": {"AdminPassword": "its own", "AllNodesExtraMapData": {"mysql_node_ips": ["192.0.2.21"]}},
    }
    return tmp_path


def read(file: Path) -> dict[str, object]:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found: dict[str, object] = yaml.safe_load(file.read_text())["parameter_defaults"]
    return found


def test_a_stack_is_exported(openstack: Openstack, here: Path) -> None:
    done = openstack("overcloud", "export")
    assert (done.status, done.out) == (0, "overcloud-export.yaml\n"), done.err
    assert "mode 0600" in done.err
    assert "s3cret" not in done.out + done.err
    assert read(here / "overcloud-export.yaml") == {"AdminPassword": "s3cret", "AllNodesExtraMapData": NODES}
    refused = openstack("overcloud", "export", "--no-password-excludes")
    assert (refused.status, "is there already" in refused.err) == (2, True)
    assert openstack("overcloud", "export", "-f", "--no-password-excludes").status == 0
    assert read(here / "overcloud-export.yaml")["CephClientKey"] == "k3y"
    unknown = openstack("overcloud", "export", "--stack", "nope", "-o", "nope.yaml")
    assert (unknown.status, (here / "nope.yaml").exists()) == (2, False)


def test_a_cell_gets_what_it_shares(openstack: Openstack, here: Path) -> None:
    done = openstack("overcloud", "cell", "export")
    assert done.out == "overcloud-cell-export.yaml\n", done.err
    shared = {"memcached_node_ips": ["192.0.2.11"]}
    assert read(here / done.out.strip()) == {"AdminPassword": "s3cret", "AllNodesExtraMapData": shared}
    computes = openstack("overcloud", "cell", "export", "--cell-stack", "cell1", "-o", "computes.yaml")
    assert computes.status == 0, computes.err
    assert read(here / "computes.yaml") == {
        "AdminPassword": "s3cret",
        "AllNodesExtraMapData": {"mysql_node_ips": ["192.0.2.21"]},
    }


def test_an_output_of_plan_compile_is_exported(openstack: Openstack, here: Path) -> None:
    (here / "out").mkdir()
    nowhere = openstack("overcloud", "export", "--working-dir", "out")
    assert (nowhere.status, "CLI-031" in nowhere.err) == (2, True)
    (here / "out" / "export.json").write_text(json.dumps({"AdminPassword": "w0rd"}))
    assert openstack("overcloud", "export", "--working-dir", "out", "-o", "x.yaml").status == 0
    assert read(here / "x.yaml") == {"AdminPassword": "w0rd"}
    both = openstack("overcloud", "cell", "export", "--working-dir", "out", "--cell-stack", "cell1")
    assert (both.status, "CLI-002" in both.err) == (2, True)
