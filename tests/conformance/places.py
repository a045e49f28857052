"""Where the data lie that are not part of the project; None where they are not there."""

from __future__ import annotations

import functools
import os
import tarfile
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATES = "tripleo-heat-templates-18.0.0"


def shared() -> Path | None:
    """The shared data: UNDERCLOUD_SHARED, else the folder ``shared`` beside the checkout."""
    named = os.environ.get("UNDERCLOUD_SHARED")
    path = Path(named) if named else CHECKOUT.parent / "shared"
    return path if path.is_dir() else None


def templates() -> Path | None:
    """The upstream templates: named by UNDERCLOUD_TRIPLEO_TEMPLATES, fetched by make, or the reference's."""
    named = os.environ.get("UNDERCLOUD_TRIPLEO_TEMPLATES")
    home = os.environ.get("HEAT_REFERENCE_HOME")
    fetched = str(CHECKOUT / ".demo/upstream" / TEMPLATES)
    candidates = [named, fetched, home and f"{home}/{TEMPLATES}", str(CHECKOUT.parent / TEMPLATES)]
    paths = (Path(candidate) for candidate in candidates if candidate)
    return next((path for path in paths if (path / "overcloud.j2.yaml").exists()), None)


def without_templates() -> str:
    """What a test says that cannot run without them."""
    return f"{TEMPLATES} is not here: `make templates` fetches it, or name it in UNDERCLOUD_TRIPLEO_TEMPLATES"


@functools.cache
def golden(name: str) -> Path | None:
    """The unpacked golden plan."""
    home = shared()
    archive = home / f"golden/{name}.tar.xz" if home else None
    if archive is None or not archive.exists():
        return None
    # Kept until the process ends: unpacking costs more than comparing.
    folder = tempfile.TemporaryDirectory(prefix="undercloud-golden-")
    _kept.append(folder)
    with tarfile.open(archive) as tar:
        tar.extractall(folder.name, filter="data")
    return Path(folder.name) / name


_kept: list[tempfile.TemporaryDirectory[str]] = []
