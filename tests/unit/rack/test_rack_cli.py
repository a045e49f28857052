"""The command line's own mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.rack.test_rack_model import rack
from tools.rack import cli

MISTAKES = {
    "a small subnet": (["up", "--ctlplane", "10.0.0.0/30"], "too small"),
    "no subnet": (["up", "--ctlplane", "hello"], "not a subnet"),
    "too many": (["up", "--nodes", "99"], "ask for 1 to"),
    "no disk": (["up", "--nodes", "3", "--disks", "0"], "ask for 1 to 8"),
    "too many disks": (["up", "--nodes", "3", "--disks", "9"], "ask for 1 to 8"),
    "another subnet": (["up", "--ctlplane", "10.0.0.0/24"], "take it down first"),
    "an unknown machine": (["console", "node9"], "machines of this rack: node1, node2"),
}


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cli.SUBNET_VARIABLE, raising=False)


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_end_with_a_message_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    rack(tmp_path).save()
    if "subnet" in said or "small" in said:
        (tmp_path / "rack.json").unlink()
    assert cli.main(["--dir", str(tmp_path), *arguments]) == 1
    error = capsys.readouterr().err
    assert said in error and "fix:" in error


def test_status_of_a_rack_that_does_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rack(tmp_path).save()
    assert cli.main(["--dir", str(tmp_path), "status", "-f", "json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["bmc"] for row in rows] == ["does not answer", "does not answer"]
    assert {row["power"] for row in rows} == {"unknown: libvirt does not run"}


def test_nothing_is_no_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = str(tmp_path / "none")
    assert cli.main(["--dir", none, "down"]) == 0
    assert cli.main(["--dir", none, "status"]) == 0
    assert not (tmp_path / "none").exists()
