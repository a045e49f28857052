"""The files of a certificate authority of ours and of the server certificates it signs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from undercloud import durable
from undercloud.diagnostics import Location, UndercloudError
from undercloud.plan import certificates
from undercloud.plan.certificates import Pair
from undercloud.plan.entropy import SystemEntropy

_PRODUCT = "undercloud"


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where the files are; ``authority`` is what clients trust."""

    authority: Path
    certificate: Path
    key: Path


@dataclass(frozen=True)
class _At(SystemEntropy):
    """The system's randomness at a given time."""

    moment: datetime.datetime

    def now(self) -> int:
        return int(self.moment.timestamp())


def ensure(
    directory: Path,
    names: Sequence[str],
    now: datetime.datetime | None = None,
    *,
    server: str = "registry",
    authority: Path | None = None,
) -> Certificates:
    """Certificates for a server of these host names and addresses, made where they are missing.

    ``directory`` holds the certificate as ``SERVER.crt`` and ``SERVER.key``; ``authority`` (``directory``
    where it is left out) the authority's ca.crt and ca.key. That is made once and never again; the server's
    certificate is made anew when a name is missing in it, or less than 30 days are left. All files have mode
    0600. Raises UndercloudError: IMG-030 a file that is there and cannot be used (it is left alone), IMG-031
    a pair of which one file is missing, IMG-032 an authority that has run out, IMG-033 a directory that
    cannot be written.
    """
    at = now or datetime.datetime.now(datetime.UTC)
    entropy = _At(at)
    signs = authority or directory
    paths = Certificates(signs / "ca.crt", directory / f"{server}.crt", directory / f"{server}.key")
    try:
        for each in (signs, directory):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        signer = _signer(paths.authority, entropy, at)
        kept = _read(paths.certificate, paths.key)
        if kept is None or not certificates.serves(kept.certificate, signer.certificate, names, at):
            made = certificates.new_server(entropy, signer, f"{_PRODUCT} {server}", names)
            _write(made, paths.certificate, paths.key)
    except OSError as error:
        raise UndercloudError.of(
            "IMG-033",
            f"certificates cannot be written to {directory}: {error.strerror}",
            fix="Choose another directory, or mend its permissions.",
        ) from None
    return paths


def _signer(file: Path, entropy: _At, at: datetime.datetime) -> Pair:
    """The authority, made where there is none."""
    key = file.with_suffix(".key")
    authority = _read(file, key)
    if authority is None:
        authority = certificates.new_authority(entropy, f"{_PRODUCT} authority")
        _write(authority, file, key)
    elif authority.certificate.not_valid_after_utc <= at:
        raise UndercloudError.of(
            "IMG-032",
            "the certificate authority has run out",
            fix=f"Move {file.name} and {key.name} out of {file.parent}, and hand out the new {file.name}.",
            location=Location(str(file)),
        )
    return authority


def _read(certificate: Path, key: Path) -> Pair | None:
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
        return certificates.with_key(read, key.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(key, error) from None


def _unusable(path: Path, error: Exception) -> UndercloudError:
    why = error.strerror if isinstance(error, OSError) else error
    return UndercloudError.of(
        "IMG-030",
        f"{path.name} cannot be used: {why}",
        fix="Put it back from a backup, or move certificate and key away so that both are made anew.",
        location=Location(str(path)),
    )


def _write(pair: Pair, certificate: Path, key: Path) -> None:
    """The key first: a certificate without its key would be of no use to anyone."""
    durable.write(key, pair.key_pem())
    durable.write(certificate, pair.certificate_pem())
