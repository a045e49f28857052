"""Image parameters as TripleO's client makes them."""

from __future__ import annotations

from typing import Any

import pytest

from undercloud.playbooks.upstream import images

KEYSTONE = "OS::TripleO::Services::Keystone"
OVN = "OS::TripleO::Services::OVNController"


def test_every_image_has_a_default() -> None:
    found = images.parameters({}, ())
    assert (
        found["ContainerKeystoneImage"] == "quay.io/tripleomastercentos9/openstack-keystone:current-tripleo"
    )
    assert found["ContainerCephDaemonImage"].startswith("quay.rdoproject.org/")
    assert found["ContainerAEEImage"] == "quay.io/tripleomastercentos9/tripleo-ansible-ee:current-tripleo"


@pytest.mark.parametrize(
    ("entry", "keystone", "ovn"),
    [
        (
            {"set": {"namespace": "r.example.com/os", "tag": "1"}},
            "r.example.com/os/openstack-keystone:1",
            True,
        ),
        (
            {"set": {"namespace": "r.example.com/os", "name_prefix": "x", "name_suffix": "y", "tag": "1"}},
            "r.example.com/os/x-keystone-y:1",
            True,
        ),
        (
            {"push_destination": "192.168.24.1:8787"},
            "192.168.24.1:8787/tripleomastercentos9/openstack-keystone:current-tripleo",
            True,
        ),
        ({"set": {"namespace": "r.example.com"}, "excludes": ["keystone"]}, None, True),
        ({"set": {"namespace": "r.example.com", "tag": "2"}, "includes": ["ovn"]}, None, True),
        (
            {"set": {"namespace": "r.example.com", "neutron_driver": "other", "tag": "1"}},
            "r.example.com/openstack-keystone:1",
            False,
        ),
    ],
)
def test_preparation(entry: dict[str, Any], keystone: str | None, ovn: bool) -> None:
    defaults = images.parameters({}, ())
    found = images.parameters({"ContainerImagePrepare": [entry]}, {KEYSTONE, OVN})
    assert found["ContainerKeystoneImage"] == (keystone or defaults["ContainerKeystoneImage"])
    changed = found["ContainerOvnControllerImage"] != defaults["ContainerOvnControllerImage"]
    assert changed == ovn
    # A service that is not in the plan keeps its default.
    assert found["ContainerAodhApiImage"] == defaults["ContainerAodhApiImage"]


def test_a_role_of_its_own() -> None:
    settings = {"EdgeContainerImagePrepare": [{"set": {"namespace": "edge.example.com", "tag": "1"}}]}
    found = images.role_parameters("Edge", settings, [KEYSTONE])
    assert found["ContainerKeystoneImage"] == "edge.example.com/openstack-keystone:1"
    assert "ContainerAodhApiImage" not in found
    assert images.role_parameters("Compute", settings, [KEYSTONE]) == {}


def test_the_undercloud_registry() -> None:
    settings = {
        "ContainerImagePrepare": [{"push_destination": True}],
        "LocalContainerRegistry": "192.168.24.1",
    }
    found = images.parameters(settings, {KEYSTONE})
    assert found["ContainerKeystoneImage"].startswith("192.168.24.1:8787/tripleomastercentos9/")


@pytest.mark.parametrize("entries", ["text", [1], [{"set": []}], None])
def test_a_preparation_that_is_none_changes_nothing(entries: Any) -> None:
    assert images.parameters({"ContainerImagePrepare": entries}, {KEYSTONE}) == images.parameters({}, ())
