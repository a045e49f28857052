"""The inventory out of a stack's outputs."""

from __future__ import annotations

from typing import Any

from undercloud.playbooks.upstream.inventory import Access, inventory

OUTPUTS: dict[str, Any] = {
    "RoleNetHostnameMap": {
        "Controller": {"ctlplane": ["CTL-0.ctlplane.example.com"], "storage": ["ctl-0.storage.example.com"]},
        "Compute": {},
        "Lost": {"ctlplane": ["lost-0.ctlplane.example.com"]},
    },
    "RoleNetIpMap": {"Controller": {"ctlplane": ["192.168.24.10"], "storage": ["172.16.1.10"]}, "Lost": {}},
    "ServerIdData": {"bootstrap_server_id": "one", "server_ids": {"Controller": ["one"]}},
    "VipMap": {"ctlplane": "192.168.24.5", "redis": "172.16.1.6", "tenant": "172.16.0.5", "storage": ""},
    "EnabledServices": {"Controller": ["Keystone", "ceph_mon"], "Compute": ["nova_compute"]},
    "KeystoneURL": "http://192.168.24.5:5000",
    "EndpointMap": {"HorizonPublic": {"uri": "http://192.168.24.5/dashboard"}},
    "BlacklistedHostnames": ["", "out-0"],
}


def made(**access: Any) -> dict[str, Any]:
    settings = {"AdminPassword": "word", "ContainerCli": "podman"}
    return inventory("overcloud", OUTPUTS, settings, Access(**access))


def test_hosts_of_a_role() -> None:
    group = made(user="stack")["Controller"]
    assert group["hosts"] == {
        "ctl-0": {
            "ansible_host": "192.168.24.10",
            "deploy_server_id": "one",
            "ctlplane_ip": "192.168.24.10",
            "storage_ip": "172.16.1.10",
            "ctlplane_hostname": "CTL-0.ctlplane.example.com",
            "storage_hostname": "ctl-0.storage.example.com",
        }
    }
    assert group["vars"] == {
        "ansible_ssh_user": "stack",
        "bootstrap_server_id": "one",
        "tripleo_role_name": "Controller",
        "tripleo_role_networks": ["ctlplane", "storage"],
        "serial": 1,
    }


def test_groups() -> None:
    groups = made()
    assert groups["overcloud"] == {
        "vars": {"ctlplane_vip": "192.168.24.5", "redis_vip": "172.16.1.6", "container_cli": "podman"},
        "children": {"Controller": {}},
    }
    assert groups["allovercloud"] == {"children": {"overcloud": {}}}
    assert groups["keystone"]["children"] == {"Controller": {}}
    assert groups["mons"] == groups["ceph_mon"]
    assert groups["excluded_overcloud"] == {"hosts": {"out-0": {}}}
    # Roles without hosts, or without an address of theirs, and services of such roles alone are no groups.
    assert not {"Compute", "Lost", "nova_compute"} & groups.keys()


def test_undercloud() -> None:
    variables = made(python="/opt/python")["Undercloud"]["vars"]
    assert variables["ansible_python_interpreter"] == "/opt/python"
    assert variables["overcloud_keystone_url"] == "http://192.168.24.5:5000"
    assert variables["overcloud_horizon_url"] == "http://192.168.24.5/dashboard"
    assert variables["overcloud_admin_password"] == "******"


def test_more_variables() -> None:
    groups = made(variables={"Controller": {"ansible_connection": "local"}, "Nobody": {"x": 1}})
    assert groups["Controller"]["vars"]["ansible_connection"] == "local"
    assert "Nobody" not in groups


def test_a_stack_without_roles() -> None:
    groups = inventory("overcloud", {}, {}, Access())
    assert groups.keys() == {"Undercloud", "excluded_overcloud"}


def test_ceph_groups_have_an_order() -> None:
    services = ["ceph_client", "ceph_rgw", "ceph_mgr", "ceph_mon"]
    made = inventory("overcloud", {**OUTPUTS, "EnabledServices": {"Controller": services}}, {}, Access())
    known = [name for name in made if name in {"mons", "mgrs", "rgws", "clients"}]
    assert known == sorted(known, key=["mons", "osds", "mgrs", "rgws", "clients"].index)
