"""The entry points of setup.cfg as an installed distribution has them, so that `openstack` finds them."""

from __future__ import annotations

import configparser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def entry_points() -> dict[str, str]:
    """Group → its lines of ``name = object``, out of setup.cfg."""
    config = configparser.ConfigParser(delimiters=("=",))
    config.optionxform = str  # type: ignore[assignment, method-assign]
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return dict(config["entry_points"])


def install(directory: Path) -> Path:
    """Write the metadata of a distribution into ``directory``, to be put on the path of modules."""
    info = directory / "undercloud-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: undercloud\nVersion: 0\n")
    (info / "top_level.txt").write_text("undercloud\n")
    groups = (f"[{group}]{lines}\n" for group, lines in entry_points().items())
    (info / "entry_points.txt").write_text("".join(groups))
    return directory
