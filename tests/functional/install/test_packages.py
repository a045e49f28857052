"""Debian packages for real: what is missing is found, installed without its service, and found no more."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from undercloud.diagnostics import UndercloudError
from undercloud.install import packages
from undercloud.install.part import Package

pytestmark = [
    pytest.mark.functional,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("apt-get") is None, reason="Debian's packages are installed by root"
    ),
]
_HELLO = Package("hello", services=("uc-test-hello",))
_MASK = Path("/etc/systemd/system/uc-test-hello.service")
_POLICY = Path("/usr/sbin/policy-rc.d")


@pytest.fixture
def without_hello() -> Iterator[None]:
    if not packages.missing([_HELLO]):
        pytest.skip("the package hello is here, and is somebody's")
    yield
    subprocess.run(["apt-get", "-q", "-y", "purge", "hello"], check=True, capture_output=True)
    _MASK.unlink(missing_ok=True)


def test_a_missing_package_is_installed_and_its_service_kept_off(without_hello: None) -> None:
    policy = _POLICY.read_bytes() if _POLICY.exists() else None
    said: list[str] = []
    assert packages.missing([_HELLO, _HELLO, Package("dpkg")]) == (_HELLO,)
    packages.install([_HELLO], said.append)
    assert packages.missing([_HELLO]) == ()
    assert subprocess.run(["hello"], capture_output=True, check=True).stdout == b"Hello, world!\n"
    assert str(_MASK.readlink()) == "/dev/null"
    assert (_POLICY.read_bytes() if _POLICY.exists() else None) == policy, "as it was before"
    assert len(said) == 2


def test_a_package_that_is_nowhere_is_told_with_apts_words() -> None:
    policy = _POLICY.exists()
    with pytest.raises(UndercloudError, match="INST-022") as caught:
        packages.install([Package("there-is-no-such-package")], lambda _text: None)
    assert "Unable to locate package" in str(caught.value)
    assert _POLICY.exists() == policy
