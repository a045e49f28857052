"""Debian packages that parts need: which are missing, and installing them without starting their services."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from undercloud.diagnostics import UndercloudError
from undercloud.install.part import Package, Say

_POLICY = Path("/usr/sbin/policy-rc.d")
_UNITS = Path("/etc/systemd/system")
_LOCK_TIMEOUT = 300  # seconds to wait for another apt
_APT = ("apt-get", "-q", "-o", f"DPkg::Lock::Timeout={_LOCK_TIMEOUT}")


def missing(packages: Iterable[Package]) -> tuple[Package, ...]:
    """Those that dpkg does not have installed, each once; none where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return ()
    return tuple(package for package in dict.fromkeys(packages) if not _has(package.name))


def install(packages: Iterable[Package], say: Say) -> None:
    """Install packages; their services are not started, now or later. Raises INST-022."""
    packages = tuple(packages)
    names = [package.name for package in packages]
    for package in packages:
        for service in package.services:
            _mask(service)
    with _nothing_starts():
        say(f"Debian's lists of packages, for {', '.join(names)}")
        _apt("update")
        say(f"Debian packages: {', '.join(names)}")
        _apt("install", "-y", "--no-install-recommends", *names)


def _has(name: str) -> bool:
    words = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}", name]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout == "installed"


def _mask(service: str) -> None:
    """What runs of it is ours to start: Debian's own would take its ports at the next boot."""
    link = _UNITS / f"{service}.service"
    if not link.exists() and not link.is_symlink():
        _UNITS.mkdir(parents=True, exist_ok=True)
        link.symlink_to("/dev/null")


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """Debian starts what it installs, unless /usr/sbin/policy-rc.d forbids it (exit status 101)."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _apt(*words: str) -> None:
    command = [*_APT, *words]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["see its output"]
        raise UndercloudError.of(
            "INST-022",
            f"{' '.join(words)} failed: {' '.join(said)}",
            fix="See whether this machine reaches the archives in /etc/apt and has room, then run it again.",
        )
