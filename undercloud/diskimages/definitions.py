"""Definitions of disk images: which tree of files, made into which format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from undercloud.diagnostics import Finding, Location, Report, raise_for
from undercloud.images import definitions as trees
from undercloud.images import reading, recipe
from undercloud.plan import documents

FORMAT = reading.Format(__package__, "disk-image.schema.json", "docs/baremetal.md")

KERNEL = "linux-image-amd64"
"""The kernel's package in the trees: with the drivers of real machines."""

LAYOUT = 3
"""Goes up when the same definition gives other files, so that they are made anew."""

Format = Literal["disk", "ramdisk"]


@dataclass(frozen=True, slots=True)
class PythonPackages:
    """Requirements (PEP 508 without markers), installed into an absolute directory of the tree."""

    directory: str
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiskImage:
    """One image; ``spare_mib`` is what a disk's file system has free before it grows over the real disk."""

    name: str
    description: str
    location: Location
    tree: str
    format: Format
    python: PythonPackages | None = None
    kernel_arguments: str = "console=tty0 console=ttyS0,115200"
    spare_mib: int = 64


class DiskImages(Mapping[str, DiskImage]):
    """Checked definitions by name, and the definitions of the trees they are made of."""

    def __init__(self, images: Iterable[DiskImage], of: trees.Definitions) -> None:
        """Raises UndercloudError: IMG-002 a name twice, IMG-040 a tree that is not defined."""
        report = Report()
        self._images: dict[str, DiskImage] = {}
        self.trees = of
        for image in images:
            first = self._images.setdefault(image.name, image)
            if first is not image:
                message = f"the image {image.name!r} is defined twice"
                places = (image.location, first.location)
                report.add(Finding("IMG-002", message, "Give one of them another name.", locations=places))
            if image.tree not in of:
                message = f"the tree {image.tree!r} of the image {image.name!r} is not defined"
                fix = f"Choose from: {', '.join(sorted(of))}."
                report.add(Finding("IMG-040", message, fix, locations=(image.location,)))
        raise_for(report)

    def __getitem__(self, name: str) -> DiskImage:
        return self._images[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)

    def select(self, names: Sequence[str] = ()) -> tuple[str, ...]:
        """The asked images, all if none is; raises UndercloudError IMG-008 for each that nothing defines."""
        trees.check_known(names, self)
        return tuple(name for name in self if not names or name in names)

    def with_kernel(self, package: str) -> DiskImages:
        """The same images with another package of the kernel in place of :data:`KERNEL`."""
        changed = (
            replace(tree, packages=tuple(package if name == KERNEL else name for name in tree.packages))
            for tree in self.trees.values()
        )
        return DiskImages(self.values(), trees.Definitions(changed))

    def tags(self, edition: str = "") -> dict[str, str]:
        """The tag of every image: 12 hexadecimal digits over its definition and its tree's tag.

        ``edition`` is as for container images (:func:`undercloud.images.recipe.tags`).
        """
        tree_tags = recipe.tags(self.trees, edition)
        found: dict[str, str] = {}
        for name, image in self.items():
            content: dict[str, Any] = asdict(replace(image, location=Location("")))
            content |= {"tree": tree_tags[image.tree], "layout": LAYOUT, "edition": edition}
            found[name] = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
        return found


def load(directory: Path) -> DiskImages:
    """The definitions of a directory, whose ``trees`` holds those of the trees.

    Trees are defined as container images are (container-images/README.md). Raises UndercloudError as
    :func:`undercloud.images.definitions.load` and :class:`DiskImages` do.
    """
    return DiskImages(reading.read([directory], FORMAT, _image), trees.load([directory / "trees"]))


def _image(document: documents.Document) -> DiskImage:
    value: dict[str, Any] = dict(document.value)
    python = value.pop("python", None)
    if python:
        value["python"] = PythonPackages(python["directory"], tuple(python["requirements"]))
    return DiskImage(location=document.locate("name"), **value)
