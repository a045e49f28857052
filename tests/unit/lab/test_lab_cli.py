"""The command line's own mistakes."""

import json
from pathlib import Path

import pytest

from tools.lab import cli
from tools.lab.model import NETWORKS, Lab


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--role", "Controller"], "not a role assignment"),
        (["up", "--ctlplane", "10.0.0.0/30"], "too small"),
    ],
)
def test_mistakes_end_with_a_message_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert cli.main(["--dir", str(tmp_path), *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "fix:" in error


def test_the_networks_of_a_lab_that_is_up_do_not_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Lab(tmp_path).nodes_file.write_text(json.dumps(Lab(tmp_path).describe([])))
    assert cli.main(["--dir", str(tmp_path), "up", "--ctlplane", "10.0.0.0/24"]) == 1
    assert f"ctlplane {NETWORKS[0].subnet}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fault", ["pause", "kill", "cut", "fill-disk", "new-hostkey", "start", "mend", "trust"]
)
def test_every_fault_wants_a_node(fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([fault])
    assert caught.value.code == 2
    assert "node" in capsys.readouterr().err


def test_down_without_a_lab_is_no_mistake(tmp_path: Path) -> None:
    assert cli.main(["--dir", str(tmp_path / "none"), "down"]) == 0
