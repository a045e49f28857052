"""Where the files that come with undercloud lie: templates, roles, environments, the collection, images."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from undercloud.diagnostics import UndercloudError

VARIABLE = "UNDERCLOUD_DATA_DIR"
_PARTS = ("heat-templates", "ansible", "roles_data", "environments", "container-images", "disk-images")


def data_directory() -> Path:
    """The directory that holds what comes with undercloud, each kind in a directory of its own.

    Looked for in this order: the environment variable ``UNDERCLOUD_DATA_DIR``; the source checkout that
    this package runs from; ``share/undercloud`` of the installation (virtual environment, system, user).

    Raises UndercloudError (CLI-001) where none of them is whole.
    """
    candidates = _candidates()
    for candidate in candidates:
        if all((candidate / part).is_dir() for part in _PARTS):
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise UndercloudError.of(
        "CLI-001",
        f"the files that come with undercloud are not installed; looked in {looked}",
        fix=f"install the package anew (pip install .), or name their directory in {VARIABLE}",
    )


def _candidates() -> list[Path]:
    named = os.environ.get(VARIABLE)
    if named:
        return [Path(named)]
    checkout = Path(__file__).resolve().parents[2]
    schemes = (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
    roots = [Path(sysconfig.get_path("data", scheme)) for scheme in schemes]
    return [checkout, *(root / "share" / "undercloud" for root in roots)]
