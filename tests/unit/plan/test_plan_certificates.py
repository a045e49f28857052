"""Certificates of our own: made once, kept while they serve, the same bytes for the same input."""

from __future__ import annotations

import contextlib
import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509

from undercloud.plan import certificates
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.secrets import Secret

DAY = 86_400
BEGIN = int(time.time())
HOSTS = ["cloud.example.com", "192.168.24.3", "fd00::3"]


def made(
    kept: dict[str, str] | None = None, day: float = 0, hosts: list[str] | None = None
) -> dict[str, str]:
    entropy = SeededEntropy(f"day {day}", int(BEGIN + day * DAY))
    return dict(certificates.ensure(kept or {}, entropy, "the cloud", hosts or HOSTS))


def load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def test_made_for_names_and_addresses() -> None:
    texts = made()
    certificate = load(texts["certificate"])
    certificate.verify_directly_issued_by(load(texts["authority"]))
    assert certificates.hosts_of(certificate) == HOSTS
    assert {name for name, text in texts.items() if isinstance(text, Secret)} == {"key", "authority_key"}
    assert load(texts["authority"]).extensions.get_extension_for_class(x509.BasicConstraints).value.ca


@pytest.mark.parametrize("host", HOSTS)
def test_a_client_that_trusts_the_authority_takes_them(tmp_path: Path, host: str) -> None:
    handshake(tmp_path, texts := made(), host, trusted=texts["authority"])


@pytest.mark.parametrize(
    ("host", "same"), [("other.example.com", True), ("192.168.24.4", True), (HOSTS[0], False)]
)
def test_no_other_client_does(tmp_path: Path, host: str, same: bool) -> None:
    texts = made()
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tmp_path, texts, host, trusted=(texts if same else made(day=1))["authority"])


def handshake(directory: Path, texts: dict[str, str], host: str, *, trusted: str) -> None:
    """A whole TLS handshake in memory; raises what the client raises. The clock is the system's."""
    (directory / "server.pem").write_text(texts["certificate"] + texts["key"])
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(directory / "server.pem")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = ssl.create_default_context(cadata=trusted).wrap_bio(to_client, to_server, server_hostname=host)
    for side in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert client.version()


def test_same_input_gives_same_bytes() -> None:
    assert made() == made()
    assert made()["key"] != made(day=1)["key"]


@pytest.mark.parametrize(
    ("day", "hosts", "changed"),
    [
        (0, HOSTS, set()),
        (334, HOSTS, set()),
        (300, HOSTS[:1], set()),
        (336, HOSTS, {"certificate", "key"}),
        (900, HOSTS, {"certificate", "key"}),
        (0, [*HOSTS, "192.168.24.4"], {"certificate", "key"}),
        (3649, HOSTS, {"certificate", "key", "authority", "authority_key"}),
    ],
    ids=["at once", "still good", "fewer names", "ends soon", "ended", "another name", "the authority ends"],
)
def test_kept_while_they_serve(day: int, hosts: list[str], changed: set[str]) -> None:
    before = made()
    after = made(before, day, hosts)
    assert {name for name in before if before[name] != after[name]} == changed
    load(after["certificate"]).verify_directly_issued_by(load(after["authority"]))


def test_the_servers_does_not_outlive_the_authority() -> None:
    after = made(made(), 3500)
    assert load(after["certificate"]).not_valid_after_utc <= load(after["authority"]).not_valid_after_utc


@pytest.mark.parametrize("name", ["authority", "authority_key", "certificate", "key"])
def test_what_is_lost_is_made_anew(name: str) -> None:
    before = made()
    after = made({**before, name: "half a fi"}, 1)
    assert certificates.pair(after["certificate"], after["key"])
    assert (after["authority"] == before["authority"]) == (not name.startswith("authority"))


def test_a_key_of_another_certificate_is_told() -> None:
    with pytest.raises(ValueError, match="not the key"):
        certificates.pair(made()["certificate"], made(day=1)["key"])


def test_a_name_that_no_certificate_can_have() -> None:
    with pytest.raises(ValueError, match="A-label"):
        made(hosts=["wolkeä.example.com"])


@pytest.mark.parametrize(
    ("held", "host", "fits"),
    [
        ("cloud.example.com", "cloud.example.com", True),
        ("cloud.example.com", "Cloud.Example.com.", True),
        ("cloud.example.com", "example.com", False),
        ("*.example.com", "cloud.example.com", True),
        ("*.example.com", "a.cloud.example.com", False),
        ("*.example.com", "example.com", False),
        ("192.168.24.3", "192.168.24.3", True),
        ("192.168.24.3", "192.168.24.30", False),
        ("fd00::3", "fd00::3", True),
    ],
)
def test_whom_a_certificate_is_for(held: str, host: str, fits: bool) -> None:
    assert certificates.is_for(load(made(hosts=[held])["certificate"]), host) is fits
