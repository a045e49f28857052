"""The root directory that the packages are unpacked in: extracted only, no maintainer script runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from undercloud.images import sources

_READER = Path(__file__).parent / "reader.py"
# What Debian's alternatives would have linked; without maintainer scripts nothing did.
_LIBRARIES = "/usr/lib/x86_64-linux-gnu/blas:/usr/lib/x86_64-linux-gnu/lapack"

# What a maintainer script would have made, and modules look for when they are loaded.
_EMPTY = ("etc/ssl/certs/ca-certificates.crt",)


def extract(root: Path, suite: str, packages: Iterable[str]) -> None:
    """Fetch packages with what they depend on, and unpack them into ``root``.

    Raises CalledProcessError if mmdebstrap fails; its words go to standard error.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sources") as file:
        file.write(sources.debian_sources())
        file.flush()
        settings = [f"--aptopt={line.rstrip(';')}" for line in sources.apt_settings().splitlines()]
        command = [
            "mmdebstrap",
            "--quiet",
            "--variant=extract",
            '--aptopt=APT::Install-Recommends "false"',
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            f"--include={','.join(sorted(set(packages)))}",
            *settings,
        ]
        subprocess.run([*command, suite, str(root), file.name], check=True)
    (root / "proc").mkdir(exist_ok=True)
    for place in _EMPTY:
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()


def versions(root: Path, packages: Iterable[str]) -> dict[str, str]:
    """Debian's versions of packages that were unpacked.

    mmdebstrap extracts without a database of packages, so they are read from the heads of the changelogs.
    """
    found = {}
    for package in packages:
        log = next((root / "usr/share/doc" / package).glob("changelog.Debian*"), None)
        if log is None:
            continue
        text = subprocess.run(["zcat", "-f", str(log)], check=True, capture_output=True, text=True).stdout
        found[package] = text.partition("(")[2].partition(")")[0]
    return found


def read(root: Path, namespaces: Iterable[str], modules: Iterable[str]) -> dict[str, Any]:
    """What ``reader.py`` says about namespaces and modules.

    One process for each call, for the services' modules collide.

    Raises CalledProcessError if it fails; its words go to standard error.
    """
    shutil.copy(_READER, root / "tmp/reader.py")
    inside = f"/usr/bin/env LD_LIBRARY_PATH={_LIBRARIES} /usr/bin/python3 /tmp/reader.py"
    script = f'mount -t proc proc "$0/proc" && exec chroot "$0" {inside}'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(root)],
        input=json.dumps({"namespaces": sorted(set(namespaces)), "modules": list(modules)}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told
