"""The role commands, on the roles that come with undercloud and on broken ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.cli import metadata
from tests.unit.cli.conftest import Openstack

GOOD = """\
---
# what this role is for
- name: Worker
  description: |
    Works.
  CountDefault: 2
  HostnameFormatDefault: '%stackname%-old-%index%'
  tags: [primary]
  ServicesDefault:
    - OS::TripleO::Services::Sshd
"""


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    (tmp_path / "Worker.yaml").write_text(GOOD)
    return tmp_path


def test_the_installed_roles_are_whole(openstack: Openstack) -> None:
    listed = json.loads(openstack("overcloud", "role", "list", "-f", "json").out)
    files = {path.stem for path in (metadata.ROOT / "roles_data").glob("*.yaml")}
    assert {row["Role"] for row in listed} == files
    for row in listed:
        shown = json.loads(openstack("overcloud", "role", "show", row["Role"], "-f", "json").out)
        assert row["Services"] == len(shown["ServicesDefault"]) > 0


def test_a_role_for_a_person(openstack: Openstack, roles: Path) -> None:
    shown = openstack("overcloud", "role", "show", "Worker", "--roles-path", str(roles)).out
    assert "OS::TripleO::Services::Sshd" in shown
    assert "['" not in shown


def test_roles_are_joined_in_order_with_their_comments(openstack: Openstack, roles: Path) -> None:
    (roles / "Api.yaml").write_text("- name: Api\n  ServicesDefault: []\n")
    out = roles / "out.yaml"
    words = ("Worker", "Api", "Worker:Batch", "--roles-path", str(roles), "-o", str(out))
    assert openstack("overcloud", "roles", "generate", *words).status == 0
    text = out.read_text()
    made = yaml.safe_load(text)
    assert [role["name"] for role in made] == ["Worker", "Api", "Batch"]
    assert made[2]["HostnameFormatDefault"] == "%stackname%-batch-%index%"
    assert made[0]["HostnameFormatDefault"] == "%stackname%-old-%index%"
    assert text.count("# what this role is for") == 2
    assert text.startswith("# Made by: openstack overcloud roles generate Worker Api Worker:Batch\n")


def test_without_a_file_it_goes_to_stdout(openstack: Openstack, roles: Path) -> None:
    done = openstack("overcloud", "roles", "generate", "Worker", "--roles-path", str(roles))
    assert yaml.safe_load(done.out)[0]["name"] == "Worker"


def test_all_mistakes_are_told_at_once(openstack: Openstack, roles: Path) -> None:
    (roles / "Two.yaml").write_text("- name: Two\n- name: Three\n")
    (roles / "Odd.yaml").write_text("- name: Odd\n  CountDefault: many\n  ServicesDefault: x\n")
    (roles / "Bad.yaml").write_text("- name: [\n")
    words = ("Worker", "Worker", "Nope", "Two", "Odd", "Bad", "Worker:a-b", "--roles-path", str(roles))
    refused = openstack("overcloud", "roles", "generate", "-o", str(roles / "out.yaml"), *words)
    assert refused.status == 2
    for told in (
        "Worker is given twice",
        "there is no role Nope",
        "choose from: Bad, Odd, Two, Worker",
        "the file does not hold one role named Two",
        "Odd.yaml:2:3",
        "Odd.yaml:3:3",
        "Bad.yaml:2",
        "a-b is not a name for a role",
    ):
        assert told in refused.err, told
    assert not (roles / "out.yaml").exists()


def test_skip_validate_lets_kinds_pass(openstack: Openstack, roles: Path) -> None:
    (roles / "Odd.yaml").write_text("- name: Odd\n  CountDefault: many\n")
    words = ("overcloud", "roles", "generate", "Odd", "--roles-path", str(roles))
    assert openstack(*words).status == 1
    assert openstack(*words, "--skip-validate").status == 0


def test_a_directory_that_is_not_there(openstack: Openstack, tmp_path: Path) -> None:
    refused = openstack("overcloud", "role", "list", "--roles-path", str(tmp_path / "nowhere"))
    assert refused.status == 2
    assert "CLI-010" in refused.err
