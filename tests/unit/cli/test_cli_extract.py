"""The files of a kept plan, one by one, through the real shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import World

NETWORKS = "- name: Storage\n  name_lower: storage\n"
VIPS = "- network: storage\n"
NODES = "- name: Controller\n  count: 1\n"


@pytest.fixture
def kept(openstack: Openstack, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, text in (("networks.yaml", NETWORKS), ("vips.yaml", VIPS), ("nodes.yaml", NODES)):
        (tmp_path / name).write_text(text)
    options = ("-n", "networks.yaml", "--vip-file", "vips.yaml", "-b", "nodes.yaml")
    assert openstack("overcloud", "plan", "create", "--stack", "lab", *options).status == 0
    (tmp_path / "nodes.yaml").write_text(NODES.replace("1", "3"))
    assert openstack("overcloud", "plan", "create", "--stack", "lab", *options).status == 0
    assert openstack("overcloud", "plan", "create", "--stack", "bare").status == 0
    return tmp_path


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("network extract", NETWORKS),
        ("network vip extract", VIPS),
        ("node extract provisioned", NODES.replace("1", "3")),
        ("node extract provisioned --plan-version 1", NODES),
    ],
)
def test_a_file_comes_back_as_it_was(openstack: Openstack, kept: Path, command: str, text: str) -> None:
    words = ("overcloud", *command.split(), "--stack", "lab")
    shown = openstack(*words)
    assert (shown.status, shown.out) == (0, text)
    assert openstack(*words, "-o", "out.yaml").status == 0
    assert (kept / "out.yaml").read_text() == text
    (kept / "out.yaml").write_text("precious")
    assert openstack(*words, "-o", "out.yaml").status == 2
    assert (kept / "out.yaml").read_text() == "precious"
    assert openstack(*words, "-o", "out.yaml", "-y", "--roles-file", "roles.yaml").status == 0
    assert (kept / "out.yaml").read_text() == text


def test_a_plan_without_the_file_is_told(openstack: Openstack, kept: Path) -> None:
    refused = openstack("overcloud", "node", "extract", "provisioned", "--stack", "bare")
    assert (refused.status, "CLI-047" in refused.err) == (2, True)
