"""TLS in our own templates: what HAProxy and Keystone get, on a cloud that has one network for all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.unit.playbooks.own_cloud import VIP, compiled, parameters, stock_roles
from undercloud.plan import certificates
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.state import State, from_json
from undercloud.playbooks.compiler import Compilation

DATA = "/var/lib/config-data"
DAY = 86_400


def cloud(directory: Path, state: State | None = None, day: int = 0, **values: Any) -> Compilation:
    """One node that runs everything, compiled ``day`` days after the first time."""
    plane = [{"network": "ctlplane", "fixed_ip": "192.168.24.11"}]
    nodes = [{"name": "Standalone", "count": 1, "instances": [{"hostname": "all", "networks": plane}]}]
    made = compiled(
        directory,
        stock_roles("Standalone"),
        nodes,
        parameters(**values),
        state=state,
        entropy=SeededEntropy(f"day {day}", 1_763_600_000 + day * DAY),
    )
    return made.raise_for_errors()


def files(made: Compilation) -> dict[str, Any]:
    return {path.removeprefix(DATA): entry for _, path, entry in made.desired.hosts["all"].entries("files")}


def test_haproxy_speaks_tls_with_clients_alone(tmp_path: Path) -> None:
    made = cloud(tmp_path)
    text = files(made)["/haproxy/etc/haproxy/haproxy.cfg"].content
    section = text.partition("listen keystone\n")[2].partition("\n\n")[0]
    assert [line.strip() for line in section.splitlines() if "bind" in line] == [
        f"bind {VIP}:5000 transparent",
        f"bind {VIP}:13000 transparent ssl crt /etc/haproxy/public.pem",
    ]
    assert text.count(" ssl crt ") == 1
    assert "ssl-min-ver TLSv1.2" in text
    urls = made.secrets["keystone/usr/local/bin/keystone-bootstrap"]
    assert f"--bootstrap-public-url 'https://{VIP}:13000'" in urls
    assert f"--bootstrap-internal-url 'http://{VIP}:5000'" in urls


def test_the_key_is_handed_over_apart(tmp_path: Path) -> None:
    made = cloud(tmp_path)
    entry = files(made)["/haproxy/etc/haproxy/public.pem"]
    assert (entry.mode, entry.owner, entry.secrets) == ("0600", "0", ("public_tls/key",))
    served, _, rest = entry.content.partition("<<secret:")
    assert rest == "public_tls/key>>"
    own = certificates.pair(served, made.secrets["public_tls/key"])
    authority = made.state.certificates["public"]["authority"]
    own.certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.encode()))
    assert VIP in certificates.hosts_of(own.certificate)
    assert not [path for path, file in made.files.items() if "PRIVATE KEY" in file.text]


@pytest.mark.parametrize(("day", "renewed"), [(1, False), (300, False), (350, True), (1000, True)])
def test_it_is_renewed_by_the_deployment_in_its_last_days(tmp_path: Path, day: int, renewed: bool) -> None:
    first = cloud(tmp_path)
    kept = from_json(first.state.to_json())
    again = cloud(tmp_path, kept, day)
    pem = "/haproxy/etc/haproxy/public.pem"
    assert (files(again)[pem].content != files(first)[pem].content) == renewed
    assert again.state.certificates["public"]["authority"] == kept.certificates["public"]["authority"]
    others = {path for path in files(first) if files(first)[path] != files(again)[path]} - {pem}
    assert others == set()


def test_one_of_the_operators_own_is_served(tmp_path: Path) -> None:
    entropy = SeededEntropy("operator", 1_763_600_000)
    root = certificates.new_authority(entropy, "site")
    own = certificates.new_server(entropy, root, "cloud", ["cloud.example.com"])
    given: dict[str, Any] = {
        "CloudName": "cloud.example.com",
        "SSLCertificate": own.certificate_pem(),
        "SSLKey": str(own.key_pem().reveal()),
        "SSLRootCertificate": root.certificate_pem(),
    }
    made = cloud(tmp_path, **given)
    assert made.public_tls is not None
    assert made.public_tls.authority == root.certificate_pem()
    assert made.secrets["public_tls/key"] == own.key_pem()
    assert made.state.certificates == {}
    assert made.lowered is not None
    url = made.lowered.cloud["endpoints"]["keystone"]["url"]
    assert (url["public"], url["internal"]) == ("https://cloud.example.com:13000", f"http://{VIP}:5000")


def test_without_tls_there_is_nothing_of_it(tmp_path: Path) -> None:
    made = cloud(tmp_path, EnablePublicTLS=False)
    assert "/haproxy/etc/haproxy/public.pem" not in files(made)
    assert " ssl crt " not in files(made)["/haproxy/etc/haproxy/haproxy.cfg"].content
    assert (made.public_tls, made.state.certificates) == (None, {})
