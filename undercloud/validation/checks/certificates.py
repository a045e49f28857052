"""Certificates, keys and what else is secret and has a form. Values never appear in findings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding
from undercloud.validation.checks import check
from undercloud.validation.checks.neutron import finding
from undercloud.validation.composition import Composition
from undercloud.validation.subject import Subject

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s.*?-----END CERTIFICATE-----", re.DOTALL)
_PAIRS = (
    ("SSLCertificate", "SSLKey"),
    ("KeystoneSSLCertificate", "KeystoneSSLCertificateKey"),
    ("OctaviaCaCert", "OctaviaCaKey"),
)
_CERTIFICATES = ("SSLIntermediateCertificate", "SSLRootCertificate")
_FERNET = ("KeystoneCredential0", "KeystoneCredential1")
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
    },
    reads=(*(name for pair in _PAIRS for name in pair), *_CERTIFICATES, "CAMap"),
    source="TripleO deployment guide: SSL; environments/ssl/inject-trust-anchor-hiera.yaml",
)
def certificates(subject: Subject) -> Iterator[Finding]:
    """What the operator's files hold of certificates."""
    composition = subject.composition
    for name in _CERTIFICATES:
        text = _set(composition, name)
        if text:
            yield from _readable(composition, name, text)
    for first, second in _PAIRS:
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
    for name in _CEPH:
        text = _set(composition, name)
        if text and not re.fullmatch(r"[A-Za-z0-9+/]{38}==", text):
            message = f"{name} is no CephX key: that has 40 characters of Base64, the last two equals signs"
            yield finding(composition, "CEPH-101", message, "Copy it from `ceph auth get-key`.", [name])
    for name in _UUIDS:
        text = _set(composition, name)
        if text and not _UUID.fullmatch(text):
            yield finding(composition, "CEPH-102", f"{name} is no UUID", "Copy it from `ceph fsid`.", [name])
