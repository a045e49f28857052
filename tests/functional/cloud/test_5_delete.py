"""A cloud that is deleted leaves its nodes as they were."""

import pytest

from tests.functional.cloud.cloud import HOSTS, Cloud

pytestmark = pytest.mark.functional

LEFT = """
podman ps --all --quiet
podman images --quiet
podman volume ls --quiet
cd /var/lib
ls -d config-data undercloud mysql rabbitmq /etc/undercloud 2>/dev/null || true
grep -n undercloud /etc/hosts || true
grep -rls undercloud /etc/containers /etc/systemd/system || true
nft list tables | grep undercloud || true
"""


def test_delete_asks_first(deployed: Cloud) -> None:
    said = deployed.openstack("overcloud", "delete", "overcloud", check=False)
    assert said.status == 2
    assert "CLI-007" in said.text
    refused = deployed.openstack("overcloud", "plan", "delete", "overcloud", "--yes", check=False)
    assert "DEP-006" in refused.text
    deployed.token()


def test_delete_leaves_nothing_on_the_nodes(deployed: Cloud) -> None:
    deployed.openstack("overcloud", "delete", "overcloud", "--yes")

    for node in HOSTS.values():
        assert deployed.lab.inside(node, LEFT).stdout == "", node
    stack = deployed.status()
    assert (stack["status"], stack["lock"]) == ("deleted", None)
    assert "overcloud" not in (deployed.home / ".config/openstack/clouds.yaml").read_text()
    assert not (deployed.home / "overcloudrc").exists()
    gone = deployed.openstack("overcloud", "credentials", check=False)
    assert "DEP-005" in gone.text

    deployed.openstack("overcloud", "plan", "delete", "overcloud", "--yes")
    said = deployed.openstack("overcloud", "status", check=False)
    assert said.status == 2
    assert "DEP-003" in said.text
    assert not deployed.stack.exists()
