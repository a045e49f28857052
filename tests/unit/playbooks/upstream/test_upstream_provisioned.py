"""What provisioning commands write follows from the topology."""

from __future__ import annotations

import dataclasses

from undercloud.plan import networks as plan_networks
from undercloud.plan.roles import Role
from undercloud.playbooks.upstream.provisioned import control_plane_attributes, provisioned
from undercloud.topology.model import Topology

NETWORKS = (
    plan_networks.Network("InternalApi", "internal_api", 0, vip=True, service_net_map_replace="api"),
    plan_networks.Network("Tenant", "tenant", 1, dns_domain="tenant.example.org."),
)
ROLES = (Role("Controller"), Role("Database", hostname_format_default="db-%index%"), Role("Compute"))


def test_networks(topology: Topology) -> None:
    made = provisioned(topology, NETWORKS, ROLES, {})
    maps = made.parameters["DeployedNetworkEnvironment"]
    assert made.registry["OS::TripleO::Network"] == "network/deployed_networks.yaml"
    assert maps["net_cidr_map"] == {"internal_api": ["172.17.0.0/24"], "tenant": ["172.16.0.0/24"]}
    assert maps["net_ip_version_map"] == {"internal_api": 4, "tenant": 4}
    network = maps["net_attributes_map"]["internal_api"]
    assert network["network"] == {
        "name": "internal_api",
        "mtu": 9000,
        "dns_domain": "internalapi.localdomain.",
        "tags": [
            "tripleo_network_name=InternalApi",
            "tripleo_net_idx=0",
            "tripleo_service_net_map_replace=api",
            "tripleo_vip=true",
        ],
    }
    assert network["subnets"]["internal_api_subnet"]["tags"] == ["tripleo_vlan_id=20"]
    assert maps["net_attributes_map"]["tenant"]["network"]["dns_domain"] == "tenant.example.org."


def test_virtual_addresses(topology: Topology) -> None:
    made = provisioned(topology, NETWORKS, ROLES, {})
    assert made.parameters["VipPortMap"] == {
        "internal_api": {
            "ip_address": "172.17.0.3",
            "ip_address_uri": "172.17.0.3",
            "ip_subnet": "172.17.0.3/24",
        }
    }
    assert made.parameters["ControlPlaneVipData"]["fixed_ips"] == [{"ip_address": "192.168.24.3"}]
    ports = {name for name in made.registry if name.endswith("VipPort")}
    assert ports == {
        f"OS::TripleO::Network::Ports::{name}VipPort" for name in ("ControlPlane", "InternalApi")
    }


def test_nodes(topology: Topology) -> None:
    made = provisioned(topology, NETWORKS, ROLES, {"ControllerHostnameFormat": "ctl-%index%"})
    parameters = made.parameters
    assert (parameters["ControllerCount"], parameters["DatabaseCount"], parameters["ComputeCount"]) == (
        2,
        1,
        0,
    )
    assert parameters["HostnameMap"] == {
        "ctl-0": "overcloud-controller-0",
        "ctl-1": "overcloud-controller-1",
        "db-0": "overcloud-database-0",
    }
    assert parameters["NodePortMap"]["overcloud-database-0"]["tenant"]["ip_subnet"] == "172.16.0.12/24"
    fixed = parameters["DeployedServerPortMap"]["overcloud-controller-1-ctlplane"]["fixed_ips"]
    assert fixed == [{"ip_address": "192.168.24.11"}]
    assert made.registry["OS::TripleO::Database::Ports::TenantPort"] == "network/ports/deployed_tenant.yaml"
    assert not [name for name in made.registry if "Compute" in name]
    assert "ControllerRemovalPolicies" not in parameters


def test_an_index_that_is_gone_is_not_used_again(topology: Topology) -> None:
    hosts = tuple(dataclasses.replace(host, index=host.index * 2) for host in topology.hosts)
    made = provisioned(dataclasses.replace(topology, hosts=hosts), NETWORKS, ROLES, {})
    assert made.parameters["ControllerCount"] == 2
    assert made.parameters["ControllerRemovalPolicies"] == [{"resource_list": [1]}]
    assert "overcloud-controller-2" in made.parameters["HostnameMap"]


def test_no_networks_leave_the_control_plane(topology: Topology) -> None:
    alone = dataclasses.replace(topology, networks={"ctlplane": topology.networks["ctlplane"]}, vips={})
    made = provisioned(alone, (), (), {})
    assert "DeployedNetworkEnvironment" not in made.parameters
    assert "OS::TripleO::Network" not in made.registry


def test_control_plane(topology: Topology) -> None:
    attributes = control_plane_attributes(topology, ["192.168.24.254"])
    assert attributes["network"]["dns_domain"] == "ctlplane.example.com."
    subnet = attributes["subnets"]["ctlplane-subnet"]
    assert (subnet["gateway_ip"], subnet["dns_nameservers"]) == ("192.168.24.1", ["192.168.24.254"])
