"""A certificate authority and a server certificate of our own, for the registry."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from undercloud.diagnostics import Location, UndercloudError

_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 365
_RENEW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are; ``authority`` is what clients trust."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def ensure(directory: Path, names: Sequence[str], now: datetime.datetime | None = None) -> Certificates:
    """Certificates for a server of these host names and addresses, made where they are missing.

    The authority is made once and never again; the server's certificate is made anew when a name is missing
    in it, or less than 30 days are left. All files have mode 0600. Raises UndercloudError: IMG-030 a file
    that is there and cannot be used (it is left alone), IMG-031 a pair of which one file is missing, IMG-032
    an authority that has run out, IMG-033 a directory that cannot be written.
    """
    at = now or datetime.datetime.now(datetime.UTC)
    paths = Certificates(directory / "ca.crt", directory / "registry.crt", directory / "registry.key")
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        authority = _read(paths.authority, directory / "ca.key")
        if authority is None:
            authority = _new_authority(at)
            _write(authority, paths.authority, directory / "ca.key")
        elif authority.certificate.not_valid_after_utc <= at:
            raise UndercloudError.of(
                "IMG-032",
                "the registry's certificate authority has run out",
                fix=f"Move ca.crt and ca.key out of {directory} and hand nodes the new ca.crt.",
                location=Location(str(paths.authority)),
            )
        server = _read(paths.certificate, paths.key)
        if server is None or not _serves(server.certificate, authority, names, at):
            _write(_new_server(authority, names, at), paths.certificate, paths.key)
    except OSError as error:
        raise UndercloudError.of(
            "IMG-033",
            f"certificates cannot be written to {directory}: {error.strerror}",
            fix="Choose another directory, or mend its permissions.",
        ) from None
    return paths


def _read(certificate: Path, key: Path) -> _Pair | None:
    there = [path for path in (certificate, key) if path.exists()]
    if not there:
        return None
    if len(there) == 1:
        missing = key if there[0] == certificate else certificate
        raise UndercloudError.of(
            "IMG-031",
            f"{missing.name} is missing beside {there[0].name}",
            fix=f"Put {missing} back from a backup, or move {there[0].name} away so that both are made anew.",
            location=Location(str(there[0])),
        )
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(certificate, error) from None
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise _unusable(key, error) from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise _unusable(key, ValueError("it is not an elliptic curve key"))
    if private.public_key() != read.public_key():
        raise _unusable(key, ValueError(f"it is not the key of {certificate.name}"))
    return _Pair(read, private)


def _unusable(path: Path, error: Exception) -> UndercloudError:
    why = error.strerror if isinstance(error, OSError) else error
    return UndercloudError.of(
        "IMG-030",
        f"{path.name} cannot be used: {why}",
        fix="Put it back from a backup, or move certificate and key away so that both are made anew.",
        location=Location(str(path)),
    )


def _new_authority(now: datetime.datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "undercloud registry authority")])
    usage = _usage(signs_certificates=True)
    builder = (
        _builder(name, name, key, now, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
    )
    return _Pair(builder.sign(key, hashes.SHA256()), key)


def _new_server(authority: _Pair, names: Sequence[str], now: datetime.datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "undercloud registry")])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    days = min(_SERVER_DAYS, (authority.certificate.not_valid_after_utc - now).days)
    builder = (
        _builder(subject, authority.certificate.subject, key, now, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(issuer_key, critical=False)
    )
    return _Pair(builder.sign(authority.key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # an hour ago: a node's clock may be behind ours before it is set
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


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _serves(
    certificate: x509.Certificate, authority: _Pair, names: Sequence[str], now: datetime.datetime
) -> bool:
    try:
        certificate.verify_directly_issued_by(authority.certificate)
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    left = certificate.not_valid_after_utc - now
    return left.days >= _RENEW_DAYS and {_general_name(name) for name in names} <= set(held)


def _write(pair: _Pair, certificate: Path, key: Path) -> None:
    """The key first: a certificate without its key would be of no use to anyone."""
    pem = serialization.Encoding.PEM
    private = pair.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _replace(key, private)
    _replace(certificate, pair.certificate.public_bytes(pem))


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
