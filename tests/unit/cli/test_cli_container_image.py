"""The commands about images and the registry, through the real shell; nothing is built here."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Openstack
from undercloud.images import served


@pytest.fixture
def state(tmp_path: Path) -> list[str]:
    """The global option that keeps everything in a directory of the test."""
    return ["--undercloud-state-dir", str(tmp_path / "state")]


def test_prepare_prints_an_environment_that_names_every_service(
    openstack: Openstack, state: list[str]
) -> None:
    outcome = openstack(*state, "overcloud", "container", "image", "prepare", "--registry", "r.example.org")

    assert outcome.status == 0
    parameters = yaml.safe_load(outcome.out)["parameter_defaults"]
    assert parameters["ContainerKeystoneImage"].startswith("r.example.org/undercloud/keystone:")


def test_prepare_knows_the_undercloud_s_own_registry(
    openstack: Openstack, state: list[str], tmp_path: Path
) -> None:
    served.ensure(tmp_path / "state/registry", "192.168.24.7", 5001)
    file = tmp_path / "images.yaml"

    outcome = openstack(*state, "tripleo", "container", "image", "prepare", "--output-env-file", file)

    assert (outcome.status, outcome.out) == (0, "")
    values = yaml.safe_load(file.read_text())["parameter_defaults"].values()
    assert all(value.startswith("192.168.24.7:5001/undercloud/") for value in values)


def test_another_edition_and_namespace(openstack: Openstack, state: list[str]) -> None:
    words = [*state, "overcloud", "container", "image", "prepare"]

    plain = yaml.safe_load(openstack(*words).out)["parameter_defaults"]
    other = yaml.safe_load(openstack(*words, "--edition", "x", "--namespace", "n").out)["parameter_defaults"]

    assert set(plain) == set(other)
    for name, value in other.items():
        assert "/n/" in value
        assert value.rpartition(":")[2] != plain[name].rpartition(":")[2]


def test_list_shows_definitions_of_a_directory(
    openstack: Openstack, state: list[str], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("name: own\ndescription: Mine\n")

    outcome = openstack(
        *state, "overcloud", "container", "image", "list", "--definitions", tmp_path, "-f", "json"
    )

    [row] = json.loads(outcome.out)
    assert (row["Image"], row["Built"], row["Description"]) == ("own", "no", "Mine")
    assert not (tmp_path / "state").exists()


def test_a_mistake_in_a_definition_is_told_with_its_place(
    openstack: Openstack, state: list[str], tmp_path: Path
) -> None:
    (tmp_path / "own.yaml").write_text("name: own\ndescripton: Mine\n")

    outcome = openstack(*state, "overcloud", "container", "image", "build", "--definitions", tmp_path)

    assert outcome.status == 1
    assert f"{tmp_path}/own.yaml:2:1" in outcome.out
    assert "Traceback" not in outcome.out + outcome.err


def test_push_without_a_registry_says_what_to_do(openstack: Openstack, state: list[str]) -> None:
    outcome = openstack(*state, "overcloud", "container", "image", "push")

    assert outcome.status == 2
    assert "openstack undercloud registry start" in outcome.err


def test_push_of_what_is_not_built(openstack: Openstack, state: list[str]) -> None:
    outcome = openstack(
        *state, "overcloud", "container", "image", "push", "base", "--registry", "r.example.org"
    )

    assert outcome.status == 1
    assert "IMG-024" in outcome.out


def test_a_password_file_that_is_not_there(openstack: Openstack, state: list[str]) -> None:
    words = ["--registry", "r.example.org", "--password-file", "/nowhere/secret"]

    outcome = openstack(*state, "overcloud", "container", "image", "push", *words)

    assert outcome.status == 2
    assert "/nowhere/secret" in outcome.err


def test_parallel_is_a_number(openstack: Openstack, state: list[str]) -> None:
    assert openstack(*state, "overcloud", "container", "image", "build", "--parallel", "0").status == 2


def test_the_registry_was_never_started(openstack: Openstack, state: list[str]) -> None:
    for verb in ("show", "stop"):
        outcome = openstack(*state, "undercloud", "registry", verb)
        assert outcome.status == 2
        assert "openstack undercloud registry start" in outcome.err


@pytest.mark.skipif(shutil.which("docker-registry") is None, reason="docker-registry is not installed")
def test_the_registry_is_started_shown_asked_and_stopped(
    openstack: Openstack, state: list[str], tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    started = openstack(*state, "undercloud", "registry", "start", "--port", port, "-f", "json")
    try:
        assert started.status == 0
        assert json.loads(started.out)["running"] is True
        listed = openstack(*state, "overcloud", "container", "image", "list", "--pushed", "-f", "json")
        assert {row["Pushed"] for row in json.loads(listed.out)} == {"no"}
        again = json.loads(openstack(*state, "undercloud", "registry", "start", "-f", "json").out)
        assert again["registry"] == f"127.0.0.1:{port}"
    finally:
        stopped = openstack(*state, "undercloud", "registry", "stop")

    assert stopped.status == 0
    shown = openstack(*state, "undercloud", "registry", "show", "-f", "json")
    assert json.loads(shown.out)["running"] is False
    client = served.load(tmp_path / "state/registry")
    assert client is not None
    assert client.password not in started.out + shown.out
