"""Certificates of our own: an authority, and what it signs for servers.

Keys and serial numbers come from the entropy that is handed in and signatures are deterministic (RFC 6979),
so that the same input gives the same bytes. Keys are of the curve P-256, which every TLS client knows.
"""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from undercloud.plan.entropy import Entropy
from undercloud.plan.secrets import Secret

AUTHORITY_DAYS = 3650
SERVER_DAYS = 365
RENEW_DAYS = 30
# The order of the curve's group (FIPS 186-4, D.1.2.3): a private key lies between 0 and it.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def certificate_pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self) -> Secret:
        """The key as PEM (PKCS #8, not encrypted)."""
        plain = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        return Secret(self.key.private_bytes(serialization.Encoding.PEM, form, plain).decode())


def pair(certificate: str, key: str) -> Pair:
    """A pair read from PEM; ValueError where one is unreadable, or they do not belong together."""
    return with_key(x509.load_pem_x509_certificate(certificate.encode()), key.encode())


def with_key(certificate: x509.Certificate, key: bytes) -> Pair:
    """A certificate and its key (PEM); ValueError where that is unreadable, or another's."""
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except TypeError:
        raise ValueError("it is encrypted") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("it is not an elliptic curve key")
    if private.public_key() != certificate.public_key():
        raise ValueError("it is not the key of the certificate")
    return Pair(certificate, private)


def new_authority(entropy: Entropy, name: str) -> Pair:
    """An authority of ten years that signs for servers alone."""
    key, subject = _key(entropy), _name(name)
    builder = _builder(entropy, key, subject, subject, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return Pair(builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True), key)


def new_server(entropy: Entropy, authority: Pair, name: str, hosts: Sequence[str]) -> Pair:
    """A server's certificate of one year (less, if the authority ends before) for host names and addresses.

    ValueError for a host name that is not ASCII.
    """
    key = _key(entropy)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    days = min(SERVER_DAYS, (authority.certificate.not_valid_after_utc - _now(entropy)).days)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    builder = _builder(entropy, key, _name(name), authority.certificate.subject, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(usage, critical=False).add_extension(names, critical=False)
    builder = builder.add_extension(issuer, critical=False)
    return Pair(builder.sign(authority.key, hashes.SHA256(), ecdsa_deterministic=True), key)


def serves(
    certificate: x509.Certificate, authority: x509.Certificate, hosts: Iterable[str], now: datetime.datetime
) -> bool:
    """Whether a certificate is the authority's, is for all these hosts, and lasts 30 days more."""
    try:
        certificate.verify_directly_issued_by(authority)
        wanted = {_general_name(host) for host in hosts}
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return lasts(certificate, now) and wanted <= set(held)


def lasts(certificate: x509.Certificate, now: datetime.datetime) -> bool:
    """Whether it is valid for 30 days more."""
    return (certificate.not_valid_after_utc - now).days >= RENEW_DAYS


def ensure(
    kept: Mapping[str, str], entropy: Entropy, purpose: str, hosts: Sequence[str]
) -> Mapping[str, str]:
    """``kept`` where it still serves, else what is to be kept from now on.

    It has PEM texts: ``authority``, ``authority_key``, ``certificate`` and ``key`` (both keys secret). The
    authority stays as long as it lasts, for clients trust it. What is kept and cannot be read is made anew.
    ValueError for a host name that is not ASCII.
    """
    now = _now(entropy)
    try:
        authority = pair(kept["authority"], kept["authority_key"])
        if not lasts(authority.certificate, now):
            raise ValueError("it ends soon")
    except (KeyError, ValueError):
        authority = new_authority(entropy, f"{purpose} authority")
    else:
        try:
            server = pair(kept["certificate"], kept["key"])
            if serves(server.certificate, authority.certificate, hosts, now):
                return kept
        except (KeyError, ValueError):
            pass
    server = new_server(entropy, authority, purpose, hosts)
    return {
        "authority": authority.certificate_pem(),
        "authority_key": authority.key_pem(),
        "certificate": server.certificate_pem(),
        "key": server.key_pem(),
    }


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses that a certificate is for, in its order."""
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(name.value) for name in held if isinstance(name, x509.DNSName | x509.IPAddress)]


def is_for(certificate: x509.Certificate, host: str) -> bool:
    """Whether a client that asks for this host takes the certificate (RFC 6125: ``*`` is one whole label)."""
    wanted = host.lower().rstrip(".")
    for name in hosts_of(certificate):
        held = name.lower()
        if held == wanted or (held.startswith("*.") and wanted.partition(".")[2] == held[2:]):
            return True
    return False


def _key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    while True:
        number = int.from_bytes(entropy.token_bytes(32))
        if 0 < number < _ORDER:
            return ec.derive_private_key(number, ec.SECP256R1())


def _now(entropy: Entropy) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(entropy.now(), datetime.UTC)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _builder(
    entropy: Entropy, key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name, days: int
) -> x509.CertificateBuilder:
    now = _now(entropy)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        # At most 20 bytes and positive (RFC 5280, 4.1.2.2); never 0.
        .serial_number((int.from_bytes(entropy.token_bytes(20)) >> 1) | 1)
        # An hour ago: a node's clock may be behind ours before it is set.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
