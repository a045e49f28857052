"""Building disk images: first the trees, as container images are built, then each made into its format."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from undercloud.diagnostics import Finding, UndercloudError
from undercloud.diskimages import disk, python, ramdisk, tools
from undercloud.diskimages.built import SUFFIXES, Built, measure, read_json, unusable
from undercloud.diskimages.definitions import DiskImage, DiskImages
from undercloud.images import build as containers
from undercloud.images.assembly import ToolFailedError, tail
from undercloud.images.build import BuildEvent, BuildSettings, Progress
from undercloud.images.store import Store

_PACKERS = {"disk": disk.pack, "ramdisk": ramdisk.pack}


@dataclass(frozen=True, slots=True)
class Result:
    """An image that is in the store; ``made`` is False if it was there already."""

    image: Built
    made: bool


def build(
    images: DiskImages, names: Sequence[str], settings: BuildSettings, progress: Progress | None = None
) -> tuple[Result, ...]:
    """Build the named images (all, if none is named), unless they are in the store.

    ``progress`` is called from one thread, for trees and images. Raises UndercloudError: IMG-008 an unknown
    name, IMG-011 missing programs, IMG-041 an image that cannot be made of its tree, IMG-042 another Python,
    IMG-043 a list that cannot be used, and what :func:`undercloud.images.build.build` raises.
    """
    store, tags = Store(settings.store), images.tags(settings.edition)
    tell = progress or (lambda _: None)
    results: dict[str, Result] = {}
    missing: list[str] = []
    for name in images.select(names):
        found = find(store, name, tags[name])
        if found is None:
            missing.append(name)
        else:
            tell(BuildEvent(name, "present", f"{name}:{tags[name]}"))
            results[name] = Result(found, made=False)
    if missing:
        tools.check()
        trees = [images[name].tree for name in missing]
        containers.build(images.trees, trees, settings, tell)
        with store.lock():
            for name in missing:
                packing = _Packing(images, images[name], tags[name], store, settings)
                results[name] = Result(packing.run(tell), made=True)
    return tuple(results[name] for name in images.select(names))


def directory(store: Store, name: str, tag: str) -> Path:
    """Where the store keeps an image's files."""
    return store.root / "disk" / f"{name}-{tag}"


def find(store: Store, name: str, tag: str) -> Built | None:
    """An image of the store, None if it is not there; raises UndercloudError IMG-043."""
    path = directory(store, name, tag) / "image.json"
    kept = read_json(path)
    try:
        return Built.from_dict(kept) if kept is not None else None
    except (KeyError, TypeError) as error:
        raise unusable(path, error) from None


@dataclass(frozen=True)
class _Packing:
    """Making one image of its tree, in a directory that gets its name when all is well."""

    images: DiskImages
    image: DiskImage
    tag: str
    store: Store
    settings: BuildSettings

    @property
    def log(self) -> Path:
        return self.store.root / "logs" / f"disk-{self.image.name}-{self.tag}.log"

    def run(self, tell: Progress) -> Built:
        """Do it, telling now and then how far it is."""
        name, reference, begun = self.image.name, f"{self.image.name}:{self.tag}", time.monotonic()
        tell(BuildEvent(name, "started", reference, log=self.log))
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(self._pack)
            try:
                while not wait([future], self.settings.heartbeat, return_when=FIRST_COMPLETED).done:
                    seconds = time.monotonic() - begun
                    said = tail(self.log, 1).strip() if self.log.exists() else ""
                    tell(BuildEvent(name, "running", reference, seconds, self.log, said))
                built = future.result()
            except BaseException as error:
                self.store.stop()
                tell(BuildEvent(name, "failed", reference, time.monotonic() - begun, self.log))
                if isinstance(error, ToolFailedError):
                    raise self._failed(error) from None
                raise
        tell(BuildEvent(name, "built", reference, time.monotonic() - begun, self.log))
        return built

    def _pack(self) -> Built:
        target = directory(self.store, self.image.name, self.tag)
        place = self.store.root / "tmp" / f"disk-{target.name}"
        shutil.rmtree(place, ignore_errors=True)
        (place / "made").mkdir(parents=True)
        try:
            with self.log.open("w", encoding="utf-8") as log:
                built = self._make(place, tools.Tools(self.store, log))
            (place / "made/image.json").write_text(json.dumps(built.as_dict(), indent=2) + "\n")
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(exist_ok=True)
            (place / "made").rename(target)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return built

    def _make(self, place: Path, at_work: tools.Tools) -> Built:
        reference = containers.stored_references(self.images.trees, self.settings)[self.image.tree]
        with at_work.tree(reference) as root:
            if self.image.python is not None:
                python.install(self.image, self.image.python, root, at_work, self.settings.edition)
            made = _PACKERS[self.image.format](self.image, self.tag, root, place, at_work)
        files = {}
        for kind, path in made.items():
            name = f"{self.image.name}-{self.tag}{SUFFIXES[kind]}"
            files[kind] = measure(path, name)
            path.rename(place / "made" / name)
        return Built(self.image.name, self.tag, self.image.description, files)

    def _failed(self, error: ToolFailedError) -> UndercloudError:
        said = tail(self.log)
        fix = f"The whole log is {self.log}. Mend the definition and build again."
        if "No space left on device" in said:
            fix = f"The disk of {self.store.root} is full: make room and build again."
        message = f"the image {self.image.name!r} cannot be made: {error} failed; the log ends with:\n{said}"
        return UndercloudError(Finding("IMG-041", message, fix, locations=(self.image.location,)))
