"""`overcloud plan create` and `plan export`, through the real shell."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.world import World


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site.yaml").write_text("parameter_defaults: {NtpServer: [192.0.2.1]}\n")
    return tmp_path


def test_a_plan_is_kept_exported_and_kept_under_another_name(
    openstack: Openstack, world: World, here: Path
) -> None:
    made = openstack("overcloud", "plan", "create", "--stack", "lab", "-e", "site.yaml", "-f", "json")
    assert made.status == 0, made.err
    assert json.loads(made.out) == {"plan": "lab", "version": 1, "files": world.kept_plans["lab"].files}
    assert world.asked == [], "nothing is deployed"

    written = openstack("overcloud", "plan", "export", "lab")
    assert (written.status, written.out) == (0, "lab.tar.gz\n")
    assert stat.S_IMODE((here / "lab.tar.gz").stat().st_mode) == 0o600
    again = openstack("overcloud", "plan", "create", "--stack", "copy", "--archive", "lab.tar.gz")
    assert again.status == 0, again.err
    lab, copy = world.kept_files["lab", 1], world.kept_files["copy", 1]
    assert dict(copy.files) == dict(lab.files)
    assert (copy.name, copy.environments) == ("copy", lab.environments)
    assert any(path.endswith("site.yaml") for path in copy.environments)


def test_an_export_replaces_nothing_unless_told(openstack: Openstack, world: World, here: Path) -> None:
    openstack("overcloud", "plan", "create", "--stack", "lab")
    (here / "lab.tar.gz").write_text("precious")
    refused = openstack("overcloud", "plan", "export", "lab")
    assert (refused.status, "CLI-002" in refused.err) == (2, True)
    assert (here / "lab.tar.gz").read_text() == "precious"
    assert openstack("overcloud", "plan", "export", "lab", "--force-overwrite").status == 0
    assert (here / "lab.tar.gz").read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--archive", "nowhere.tar.gz"), "CLI-032"),
        (("--archive", "site.yaml"), "PLAN-100"),
        (("--archive", "site.yaml", "-e", "site.yaml", "-r", "roles.yaml"), "CLI-002"),
        (("-e", "nowhere.yaml", "-r", "nowhere-either.yaml"), "PLAN-050"),
    ],
)
def test_what_is_no_plan_is_not_kept(
    openstack: Openstack, world: World, here: Path, words: tuple[str, ...], code: str
) -> None:
    refused = openstack("overcloud", "plan", "create", *words)
    assert refused.status in {1, 2}
    assert code in refused.out + refused.err
    assert world.kept_plans == {}
