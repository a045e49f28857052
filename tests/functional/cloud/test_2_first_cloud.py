"""From nothing to a cloud, again without a change, and with one."""

import json
import ssl
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from tests.functional.cloud import leaks
from tests.functional.cloud.cloud import CONTROLLER, HOSTS, SERVICES, Cloud, replaced
from tests.functional.cloud.terminal import Said
from tests.functional.lab.tool import CTLPLANE
from tests.functional.tool import CHECKOUT
from undercloud.conf import load
from undercloud.db.models import Compilation, PlanVersion, State
from undercloud.deploy.native import open_engine

pytestmark = pytest.mark.functional

BENCHMARK = CHECKOUT / "benchmarks" / "redeploy.json"
PUBLIC_URL = f"https://{CTLPLANE}.100:13000"


def listed(cloud: Cloud, *words: str) -> list[dict[str, Any]]:
    """What a list command of the new cloud gives."""
    said = cloud.openstack("--os-cloud", "overcloud", *words, "-f", "json", timeout=60)
    rows: list[dict[str, Any]] = json.loads(said.stdout)
    return rows


def changes_of(cloud: Cloud, deployment: str) -> set[tuple[str, int, str, str, str]]:
    """What a deployment changed: host, step, kind, name, action."""
    engine = open_engine(load(str(cloud.state), environment={}))
    made = {(one.host, one.step, one.kind, one.name, one.action) for one in engine.changes(deployment)}
    engine.close()
    return made


def kept(cloud: Cloud) -> list[int]:
    """How many plan versions, states and compilations the undercloud keeps."""
    opened = leaks.database(cloud)
    with opened.read() as session:
        tables = (PlanVersion, State, Compilation)
        counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
    opened.close()
    return counts


def test_from_nothing(cloud: Cloud) -> None:
    said = cloud.deploy()

    print(f"\nfrom nothing: {said.seconds:.0f} s")
    assert "deployed in" in said.stdout
    assert cloud.status()["status"] == "deployed"
    containers = cloud.all_containers()
    up = {node: {n for n, one in of.items() if one.state == "running"} for node, of in containers.items()}
    assert up == SERVICES
    assert containers["node2"]["mysql"].started < containers["node1"]["keystone"].started


def test_the_cloud_can_be_used_through_haproxy(deployed: Cloud) -> None:
    assert len(json.loads(deployed.token().stdout)["id"]) > 100

    (catalog,) = listed(deployed, "catalog", "list")
    assert (catalog["Name"], catalog["Type"]) == ("keystone", "identity")
    assert {(one["interface"], one["url"]) for one in catalog["Endpoints"]} >= {("public", PUBLIC_URL)}
    endpoints = listed(deployed, "endpoint", "list")
    assert {one["Interface"] for one in endpoints} == {"public", "internal", "admin"}
    assert "admin" in {one["Name"] for one in listed(deployed, "user", "list")}
    # The address that answered is HAProxy's; Keystone listens on another one.
    listening = deployed.lab.inside("node1", "ss -ltnpH").stdout.splitlines()
    by = {line.split()[3]: line.split('"')[1] for line in listening}
    assert by[f"{CTLPLANE}.100:13000"] == "haproxy"
    assert by["172.17.0.11:5000"] == "uwsgi"


def test_clients_come_by_tls_and_know_whom_they_talk_to(deployed: Cloud) -> None:
    clouds = deployed.home / ".config" / "openstack" / "clouds.yaml"
    entry = yaml.safe_load(clouds.read_text())["clouds"]["overcloud"]
    assert entry["auth"]["auth_url"] == f"{PUBLIC_URL}/v3"

    trusting = ssl.create_default_context(cafile=entry["cacert"])
    with urllib.request.urlopen(f"{PUBLIC_URL}/v3", timeout=20, context=trusting) as answer:
        links = json.load(answer)["version"]["links"]
    assert [one["href"] for one in links] == [f"{PUBLIC_URL}/v3/"]

    with pytest.raises(urllib.error.URLError) as refused:
        urllib.request.urlopen(f"{PUBLIC_URL}/v3", timeout=20, context=ssl.create_default_context())
    assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)
    without = deployed.shell(". ./overcloudrc && unset OS_CACERT && openstack token issue", check=False)
    assert without.status != 0
    assert "certificate verify failed" in without.stderr

    old = ssl.create_default_context(cafile=entry["cacert"])
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{PUBLIC_URL}/v3", timeout=20, context=old)
    assert deployed.lab.inside("node1", "ss -ltnH").stdout.count(f"{CTLPLANE}.100:5000 ") == 0
    mode = "stat -c '%a %U' /var/lib/config-data/haproxy/etc/haproxy/public.pem"
    assert deployed.lab.inside("node1", mode).stdout.split() == ["600", "root"]


def test_what_no_service_asked_for_is_refused(deployed: Cloud) -> None:
    """A stranger's server answers on its own node alone; what the cloud needs is open."""
    look = "curl -s -o /dev/null -m 5 http://172.17.0.12:9999/"
    server = "systemd-run --quiet --unit=stranger python3 -m http.server 9999"
    deployed.lab.inside(
        "node2", f"{server}; for i in 1 2 3 4 5 6 7 8; do {look} && exit; sleep 1; done; exit 1"
    )
    try:
        assert deployed.lab.inside("node1", look, check=False).returncode == 7, "refused, not just silent"
        assert (
            deployed.lab.inside("node1", "curl -s -m 5 http://172.17.0.12:22/", check=False).returncode == 7
        )
    finally:
        deployed.lab.inside("node2", "systemctl stop stranger")
    for port in (3306, 5672):
        open_port = f"timeout 5 bash -c 'exec 3<>/dev/tcp/172.17.0.12/{port}'"
        assert deployed.lab.inside("node1", open_port, check=False).returncode == 0, port
    assert deployed.lab.inside("node1", "systemctl is-enabled undercloud-firewall").stdout == "enabled\n"


def test_an_rc_file_is_written_too(deployed: Cloud) -> None:
    clouds = deployed.home / ".config" / "openstack" / "clouds.yaml"
    clouds.rename(clouds.with_name("hidden"))
    try:
        said = deployed.shell(". ./overcloudrc && openstack token issue -f value -c id")
    finally:
        clouds.with_name("hidden").rename(clouds)
    assert len(said.stdout.strip()) > 100


def test_no_secret_is_shown_anywhere(deployed: Cloud) -> None:
    values = leaks.generated(deployed)
    assert len(values) > 10

    assert leaks.found_in_files(deployed, values) == []
    assert leaks.found_on_nodes(deployed, values) == []
    clouds = deployed.home / ".config" / "openstack" / "clouds.yaml"
    assert any(value in clouds.read_text() for value in values), "what is looked for is what is used"


def test_again_changes_nothing_and_is_quick(deployed: Cloud) -> None:
    before = deployed.all_containers()

    said = deployed.deploy("-f", "json")

    assert replaced(before, deployed.all_containers()) == set()
    hosts = said.document["deployment"]["hosts"]
    assert {host: counts["changed"] for host, counts in hosts.items()} == dict.fromkeys(HOSTS, 0)
    tasks = {host: counts["ok"] for host, counts in hosts.items()}
    measured = {"seconds": round(said.seconds, 1), "cpu": round(said.cpu, 1), "tasks": tasks}
    print(f"\nagain: {json.dumps(measured)}")
    (deployed.directory / "redeploy.json").write_text(json.dumps(measured))
    was = json.loads(BENCHMARK.read_text())
    assert tasks == was["tasks"], "another number of tasks a host than benchmarks/redeploy.json"
    assert said.cpu < 3 * was["cpu"], "far more work than benchmarks/redeploy.json"


def test_one_changed_value_replaces_one_container(deployed: Cloud) -> None:
    """A dry run lists it and writes nothing; the real run does what was listed, and nothing else."""
    longer = deployed.parameters("longer", TokenExpiration=7200)
    before, nodes, counts = deployed.all_containers(), deployed.on_nodes(), kept(deployed)

    dry = deployed.deploy("--dry-run", "-f", "json", *longer)

    assert deployed.on_nodes() == nodes
    assert kept(deployed) == counts
    assert (deployed.status()["status"], deployed.status()["version"]) == ("deployed", counts[0])
    would = [one for one in dry.document["changes"] if one["kind"] != "task"]
    assert {(one["kind"], one["name"]) for one in would} == {
        ("file", "/var/lib/config-data/keystone/etc/keystone/keystone.conf"),
        ("container", "keystone"),
    }
    assert {one["host"] for one in would} == {CONTROLLER}
    file = next(one for one in would if one["kind"] == "file")
    assert "expiration = 3600" in file["before"]
    assert "expiration = 7200" in file["after"]

    real = deployed.deploy("-f", "json", *longer)

    assert replaced(before, deployed.all_containers()) == {("node1", "keystone")}
    listed_changes = {tuple(one[k] for k in ("host", "step", "kind", "name", "action")) for one in would}
    assert changes_of(deployed, real.document["deployment"]["id"]) == listed_changes
    assert 7000 < lifetime(deployed.token()) < 7300


def lifetime(token: Said) -> float:
    """Seconds that a token just issued is valid."""
    expires = datetime.strptime(token.document["expires"], "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    return expires.timestamp() - time.time()


def test_back_again_is_a_change_too(deployed: Cloud) -> None:
    before = deployed.all_containers()

    said = deployed.deploy()

    assert "container keystone" in said.stdout
    assert replaced(before, deployed.all_containers()) <= {("node1", "keystone")}
    assert 3500 < lifetime(deployed.token()) < 3700
