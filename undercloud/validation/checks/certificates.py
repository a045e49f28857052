"""Certificates, keys and what else is secret and has a form. Values never appear in findings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding
from undercloud.plan.passwords import is_password
from undercloud.playbooks.public_tls import OUTPUT as PUBLIC_TLS
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import finding
from undercloud.validation.composition import Composition
from undercloud.validation.ranges import address
from undercloud.validation.subject import Subject

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_PAIRS = (
    ("SSLCertificate", "SSLKey"),
    ("KeystoneSSLCertificate", "KeystoneSSLCertificateKey"),
    ("OctaviaCaCert", "OctaviaCaKey"),
)
_CERTIFICATES = ("SSLIntermediateCertificate", "SSLRootCertificate")
_FERNET = ("KeystoneCredential0", "KeystoneCredential1", "BarbicanSimpleCryptoKek")
_CEPH = ("CephClientKey", "CephManilaClientKey", "CephRgwKey")
_UUIDS = ("CephClusterFSID",)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def certificate(text: str) -> Any:
    """The first certificate of a PEM text; raises ValueError."""
    from cryptography import x509  # noqa: PLC0415  (slow to import, rarely used)

    found = _CERTIFICATE.search(text)
    if not found:
        raise ValueError("it holds no certificate in PEM form")
    try:
        return x509.load_pem_x509_certificate(found.group(0).encode())
    except ValueError as error:
        raise ValueError(f"its certificate cannot be read ({str(error)[:80]})") from None


def key(text: str, passphrase: str = "") -> Any:
    """The private key of a PEM text; raises ValueError, TypeError where it is encrypted."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  (slow to import, rarely used)

    if "-----BEGIN" not in text:
        raise ValueError("it holds no key in PEM form")
    try:
        return serialization.load_pem_private_key(text.strip().encode(), passphrase.encode() or None)
    except TypeError:
        raise
    except Exception as error:  # noqa: BLE001 - the library has its own for unknown algorithms
        raise ValueError(f"its key cannot be read ({str(error)[:60]})") from None


@check(
    {
        "TLS-101": "Certificates and keys are readable",
        "TLS-102": "A key belongs to its certificate",
        "TLS-103": "Trust anchors are certificates",
        "TLS-104": "The certificate is for the name of the public endpoints",
    },
    reads=(*(name for pair in _PAIRS for name in pair), *_CERTIFICATES, "CAMap"),
    source="TripleO deployment guide: SSL; environments/ssl/inject-trust-anchor-hiera.yaml",
)
def certificates(subject: Subject) -> Iterator[Finding]:
    """What the operator's files hold of certificates."""
    composition = subject.composition
    # Those of our own templates' public endpoints the compiler has judged already (CERT-).
    judged = PUBLIC_TLS in composition.stack.outputs and composition.value("EndpointMap") is None
    for name in () if judged else _CERTIFICATES:
        text = _set(composition, name)
        if text:
            yield from _readable(composition, name, text)
    for first, second in _PAIRS:
        if judged and first == "SSLCertificate":
            continue
        text, secret = _set(composition, first), _set(composition, second)
        found = yield from _readable(composition, first, text) if text else iter(())
        try:
            private = key(secret) if secret else None
        except TypeError:
            continue  # encrypted, with a passphrase elsewhere
        except ValueError as error:
            yield finding(
                composition, "TLS-101", f"{second}: {error}", "Paste the key in PEM form.", [second]
            )
            continue
        if (
            found is not None
            and private is not None
            and _public(found.public_key()) != _public(private.public_key())
        ):
            message = f"{second} is not the key of the certificate in {first}"
            yield finding(
                composition, "TLS-102", message, "Give the key that belongs to it.", [second, first]
            )
        if first == "SSLCertificate" and found is not None:
            yield from _named(composition, found)
    anchors = composition.given.get("CAMap")
    for name, entry in anchors.items() if isinstance(anchors, Mapping) else ():
        content = entry.get("content") if isinstance(entry, Mapping) else None
        try:
            certificate(str(content or ""))
        except ValueError as error:
            message = f"CAMap: {name}: {error}"
            yield finding(
                composition, "TLS-103", message, "Paste the certificate as content.", ["CAMap", str(name)]
            )


def _named(composition: Composition, found: Any) -> Iterator[Finding]:
    """Whether a certificate names what clients ask for, where they ask by name."""
    endpoints = composition.value("EndpointMap")
    hosts = {
        str(entry.get("host"))
        for key, entry in (endpoints.items() if isinstance(endpoints, Mapping) else ())
        if str(key).endswith("Public") and isinstance(entry, Mapping) and entry.get("protocol") == "https"
    }
    # Where no network External is, the stack does not read the name; the certificate is meant for it all the same.
    wanted = str(composition.given.get("CloudName") or composition.value("CloudName") or "")
    if not wanted or all(address(host.strip("[]")) or host == "IP_ADDRESS" for host in hosts):
        return
    names = certificate_names(found)
    if not any(_covers(name, wanted) for name in names):
        text = f"CloudName is {wanted}, and the certificate in SSLCertificate is for {', '.join(names) or 'no name'}"
        fix = "Set CloudName to a name of the certificate, or have a certificate made for it."
        yield finding(composition, "TLS-104", text, fix, ["CloudName", "SSLCertificate"])


def certificate_names(found: Any) -> list[str]:
    """The names that a certificate is for: its alternative names, else its common name."""
    from cryptography import x509  # noqa: PLC0415  (slow to import, rarely used)

    try:
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [str(name) for name in alternative.get_values_for_type(x509.DNSName)]
        names += [str(place) for place in alternative.get_values_for_type(x509.IPAddress)]
    except (x509.ExtensionNotFound, ValueError):
        names = []
    common = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return names or [str(each.value) for each in common]


def _covers(name: str, wanted: str) -> bool:
    """Whether a name of a certificate, perhaps with a wildcard in its first label, is the one that is asked for."""
    name, wanted = name.lower().rstrip("."), wanted.lower().rstrip(".")
    return name == wanted or (name.startswith("*.") and wanted.partition(".")[2] == name[2:])


def _set(composition: Composition, name: str) -> str:
    """The text that an environment gives to a parameter; empty where none does."""
    value = composition.given.get(name)
    return value.strip() if isinstance(value, str) else ""


def _readable(composition: Composition, name: str, text: str) -> Any:
    """A generator: findings, and the certificate as its result."""
    try:
        return certificate(text)
    except ValueError as error:
        yield finding(composition, "TLS-101", f"{name}: {error}", "Paste it in PEM form.", [name])
    return None


def _public(found: Any) -> bytes:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  (slow to import, rarely used)

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    encoded: bytes = found.public_bytes(serialization.Encoding.DER, form)
    return encoded


def is_fernet_key(text: str) -> bool:
    """Whether a text is 32 bytes in URL-safe Base64."""
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


@check(
    {"SEC-101": "A password is not empty"},
    reads=("every password that is generated where nobody sets it",),
    source="tripleo-common: passwords.py",
)
def passwords(subject: Subject) -> Iterator[Finding]:
    """Passwords that a file sets: an empty one is used as it is."""
    composition = subject.composition
    for name in composition.set_by_operator:
        if name.endswith("Passphrase"):
            continue  # a key may be without one
        if is_password(name) and name in composition.declared and composition.given.get(name) == "":
            fix = "Leave it out, so that one is generated."
            yield finding(composition, "SEC-101", f"{name} is empty", fix, [name])


@check(
    {
        "KEY-101": "Fernet keys are 32 bytes in URL-safe Base64",
        "CEPH-101": "CephX keys have their form",
        "CEPH-102": "The id of a cluster is a UUID",
    },
    reads=("KeystoneFernetKeys", *_FERNET, *_CEPH, *_UUIDS),
    source="cryptography: Fernet specification; Ceph: CephX",
)
def keys(subject: Subject) -> Iterator[Finding]:
    """Keys of services."""
    composition = subject.composition
    fix = "Let it be generated, or use 32 random bytes in URL-safe Base64."
    for name in _FERNET:
        text = _set(composition, name)
        if text and not is_fernet_key(text):
            yield finding(composition, "KEY-101", f"{name} is no Fernet key", fix, [name])
    given = composition.given.get("KeystoneFernetKeys")
    for path, entry in given.items() if isinstance(given, Mapping) else ():
        content = entry.get("content") if isinstance(entry, Mapping) else None
        if not is_fernet_key(str(content or "").strip()):
            text = f"KeystoneFernetKeys: {path} is no Fernet key"
            yield finding(composition, "KEY-101", text, fix, ["KeystoneFernetKeys"])
        if not str(path).rpartition("/")[2].isdecimal():
            text = f"KeystoneFernetKeys: {path} is not called by a number: Keystone reads no other files"
            yield finding(composition, "KEY-101", text, "Call the keys 0, 1, 2.", ["KeystoneFernetKeys"])
    for name in _CEPH:
        text = _set(composition, name)
        if text and not re.fullmatch(r"[A-Za-z0-9+/]{38}==", text):
            message = f"{name} is no CephX key: that has 40 characters of Base64, the last two equals signs"
            yield finding(composition, "CEPH-101", message, "Copy it from `ceph auth get-key`.", [name])
    for name in _UUIDS:
        text = _set(composition, name)
        if text and not _UUID.fullmatch(text):
            yield finding(composition, "CEPH-102", f"{name} is no UUID", "Copy it from `ceph fsid`.", [name])
