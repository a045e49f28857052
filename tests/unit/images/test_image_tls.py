from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import pytest
from cryptography import x509

from undercloud.diagnostics import UndercloudError
from undercloud.images import tls

NOW = datetime.datetime(2025, 11, 20, tzinfo=datetime.UTC)
NAMES = ["192.168.24.1", "fd00::1", "undercloud.ctlplane.example.org"]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def load(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_made_for_names_and_addresses_and_readable_by_nobody_else(tmp_path: Path) -> None:
    made = tls.ensure(tmp_path / "tls", NAMES, NOW)

    server, authority = load(made.certificate), load(made.authority)
    server.verify_directly_issued_by(authority)
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == NAMES
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "tls").iterdir()} == {0o600}


def test_kept_as_long_as_they_serve(tmp_path: Path) -> None:
    tls.ensure(tmp_path, NAMES, NOW)
    before = contents(tmp_path)

    tls.ensure(tmp_path, NAMES[:1], NOW + datetime.timedelta(days=300))

    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("names", "days"),
    [([*NAMES, "other.example.org"], 0), (NAMES, 340), (NAMES, 800)],
    ids=["name", "soon", "late"],
)
def test_the_servers_is_made_anew_by_the_same_authority(tmp_path: Path, names: list[str], days: int) -> None:
    tls.ensure(tmp_path, NAMES, NOW)
    before = contents(tmp_path)
    later = NOW + datetime.timedelta(days=days)

    made = tls.ensure(tmp_path, names, later)

    after = contents(tmp_path)
    assert {name for name in after if after[name] != before[name]} == {"registry.crt", "registry.key"}
    server = load(made.certificate)
    server.verify_directly_issued_by(load(made.authority))
    assert server.not_valid_before_utc < later < server.not_valid_after_utc


def test_the_servers_does_not_outlive_the_authority(tmp_path: Path) -> None:
    made = tls.ensure(tmp_path, NAMES, NOW)
    authority = load(made.authority)

    tls.ensure(tmp_path, NAMES, authority.not_valid_after_utc - datetime.timedelta(days=20))

    assert load(made.certificate).not_valid_after_utc <= authority.not_valid_after_utc


def test_an_authority_that_has_run_out_is_told_not_replaced(tmp_path: Path) -> None:
    tls.ensure(tmp_path, NAMES, NOW)
    before = contents(tmp_path)

    with pytest.raises(UndercloudError, match="IMG-032"):
        tls.ensure(tmp_path, NAMES, NOW + datetime.timedelta(days=4000))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "registry.crt", "registry.key"])
def test_what_cannot_be_read_is_left_alone(tmp_path: Path, name: str) -> None:
    tls.ensure(tmp_path, NAMES, NOW)
    (tmp_path / name).write_bytes(b"half a fi")
    before = contents(tmp_path)

    with pytest.raises(UndercloudError, match="IMG-030") as caught:
        tls.ensure(tmp_path, NAMES, NOW)

    assert caught.value.findings[0].locations[0].file == str(tmp_path / name)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "registry.crt", "registry.key"])
def test_half_of_a_pair_is_told(tmp_path: Path, name: str) -> None:
    tls.ensure(tmp_path, NAMES, NOW)
    (tmp_path / name).unlink()
    before = contents(tmp_path)

    with pytest.raises(UndercloudError, match="IMG-031"):
        tls.ensure(tmp_path, NAMES, NOW)
    assert contents(tmp_path) == before


def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    tls.ensure(tmp_path / "a", NAMES, NOW)
    tls.ensure(tmp_path / "b", NAMES, NOW)
    shutil.copy(tmp_path / "b/ca.key", tmp_path / "a/ca.key")

    with pytest.raises(UndercloudError, match=r"it is not the key of the certificate"):
        tls.ensure(tmp_path / "a", NAMES, NOW)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UndercloudError, match="IMG-033"):
        tls.ensure(tmp_path / "file/tls", NAMES, NOW)
