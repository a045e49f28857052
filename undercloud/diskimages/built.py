"""Built images as they lie in a directory: their files with checksums, and the file that says so."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from undercloud.diagnostics import Location, UndercloudError

DISK = "disk"
SUFFIXES = {DISK: ".raw", "kernel": ".kernel", "initramfs": ".initramfs", "esp": ".esp"}
"""What the files are called, by what they are."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file: its name in its directory, its SHA-256 (hexadecimal), its bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Built:
    """A built image; ``files`` by what they are: ``disk``, or ``kernel``, ``initramfs``, ``esp``."""

    name: str
    tag: str
    description: str
    files: Mapping[str, ImageFile]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    def as_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Built:
        """From the JSON form; KeyError or TypeError where it is another."""
        files = {kind: ImageFile(**file) for kind, file in value["files"].items()}
        return cls(value["name"], value["tag"], value["description"], files)


def measure(path: Path, name: str) -> ImageFile:
    """The file at ``path``, which will be called ``name``."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return ImageFile(name, digest.hexdigest(), path.stat().st_size)


def read_json(path: Path) -> Any:
    """The content of a file that we wrote, None if it is not there; IMG-043 if it cannot be used."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except (OSError, ValueError) as error:
        raise unusable(path, error) from None


def unusable(path: Path, error: Exception) -> UndercloudError:
    """A list of images that cannot be used."""
    return UndercloudError.of(
        "IMG-043",
        f"the list of images cannot be used: {error}",
        fix="Move it away, then build and upload the images again.",
        location=Location(str(path)),
    )
