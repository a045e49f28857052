"""Nodes as podman shows them, with a podman that only answers."""

import json
import os
from pathlib import Path

import pytest

from tools.lab import disks, machines, store
from tools.lab.errors import LabError
from tools.lab.model import NETWORKS, Lab, Node, NodeOptions

NODE = Node.numbered(1, NETWORKS)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab whose podman lists what shown.json holds, and writes its arguments to calls."""
    podman = tmp_path / "bin" / "podman"
    podman.parent.mkdir()
    podman.write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n[ "$1" != ps ] || cat {tmp_path}/shown.json\n'
    )
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", f"{podman.parent}:{os.environ['PATH']}")
    lab = Lab(tmp_path / "lab")
    store.prepare(lab)
    return lab


def show(tmp_path: Path, containers: dict[str, str]) -> None:
    shown = [{"Names": [name], "State": state} for name, state in containers.items()]
    (tmp_path / "shown.json").write_text(json.dumps(shown))


def test_nodes_come_in_order_of_their_numbers_and_nothing_else_is_one(lab: Lab, tmp_path: Path) -> None:
    show(tmp_path, {"node10": "running", "node2": "exited", "nodes": "running", "other": "running"})
    assert machines.states(lab) == {"node2": "exited", "node10": "running"}
    assert [node.number for node in machines.nodes(lab)] == [2, 10]


def test_an_unknown_node_is_refused_with_those_there_are(lab: Lab, tmp_path: Path) -> None:
    show(tmp_path, {"node1": "running", "node2": "running"})
    assert machines.find(lab, "node2").number == 2
    with pytest.raises(LabError, match="no node node3") as caught:
        machines.find(lab, "node3")
    assert "node1, node2" in caught.value.fix


@pytest.mark.parametrize(
    ("state", "calls"),
    [("running", []), ("paused", ["unpause node1"])],
)
def test_start_does_no_more_than_needed(
    lab: Lab, tmp_path: Path, state: str, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "mount", lambda _lab, _node: None)
    show(tmp_path, {"node1": state})
    machines.start(lab, NODE)
    said = (tmp_path / "calls").read_text().splitlines()
    assert [call for call in said if not call.startswith("ps ")] == calls


def test_a_node_that_was_not_made_to_the_end_is_not_whole(lab: Lab, tmp_path: Path) -> None:
    show(tmp_path, {"node1": "created"})
    assert not machines.whole(lab, NODE)
    lab.node_directory(NODE).mkdir(parents=True)
    (lab.node_directory(NODE) / "made").touch()
    assert machines.whole(lab, NODE), "podman calls every container created after a reboot of the host"
    show(tmp_path, {})
    assert not machines.whole(lab, NODE)


def test_options_show_in_the_node_only_when_given(lab: Lab) -> None:
    plain = machines.create_command(lab, NODE, "image", NodeOptions())
    assert plain[-1] == "image"
    assert [word for word in plain if ":/" in word] == [f"{lab.directory}/nodes/node1/var:/var"]
    options = NodeOptions(shared_images=Path("/pool"), registry_ca=Path("/ca.pem"))
    volumes = [word for word in machines.create_command(lab, NODE, "image", options) if word.endswith(":ro")]
    assert volumes == [
        "/pool:/srv/images:ro",
        "/ca.pem:/etc/containers/certs.d/192.168.24.1:8787/ca.crt:ro",
    ]


def test_a_node_that_does_not_answer_is_told_with_what_ssh_said(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(tmp_path, {"node1": "running"})
    monkeypatch.setattr(machines, "answers", lambda _lab, _node: "Connection refused")
    with pytest.raises(
        LabError, match=r"node1 \(running\) does not answer ssh after 0 s: Connection refused"
    ):
        machines.wait(lab, NODE, timeout=0.0)


def test_the_first_failure_comes_out_after_all_have_ended() -> None:
    ended = []

    def work(node: Node) -> None:
        if node.number == 1:
            raise LabError("the first")
        ended.append(node.number)

    with pytest.raises(LabError, match="the first"):
        machines.in_parallel(work, [Node.numbered(number, NETWORKS) for number in range(1, 7)])
    assert sorted(ended) == [2, 3, 4, 5, 6]
