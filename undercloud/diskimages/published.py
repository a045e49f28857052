"""Images that Ironic is handed: in the directory that the undercloud's file server serves.

Every file lies there under a name that holds its image's tag, so that a new image never changes one that is
being written to a disk; ``NAME.kernel`` and the like are links to the newest. ``images.json`` lists them.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from undercloud import durable
from undercloud.diagnostics import UndercloudError
from undercloud.diskimages.built import SUFFIXES, Built, read_json, unusable

INDEX = "images.json"


@dataclass(frozen=True, slots=True)
class Upload:
    """What became of an image; ``sent`` is False if just that was there already."""

    image: Built
    sent: bool


def load(directory: Path) -> Mapping[str, Built]:
    """The images that are served, by name; none where none was uploaded. Raises UndercloudError IMG-043."""
    path = directory / INDEX
    kept = read_json(path)
    try:
        return {name: Built.from_dict(image) for name, image in kept.items()} if kept is not None else {}
    except (AttributeError, KeyError, TypeError) as error:
        raise unusable(path, error) from None


def publish(image: Built, source: Path, directory: Path) -> Upload:
    """Serve an image whose files lie in ``source``; the one before it stays for who still reads it.

    Older ones go away. Raises UndercloudError: IMG-043 a list that cannot be used, IMG-044 a directory that
    cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _lock(directory):
            served = dict(load(directory))
            before = served.get(image.name)
            if before == image and all((directory / file.name).exists() for file in image.files.values()):
                return Upload(image, sent=False)
            for kind, file in image.files.items():
                _put(source / file.name, directory / file.name)
                _point(directory / f"{image.name}{SUFFIXES[kind]}", file.name)
            _write_index(directory, {**served, image.name: image})
            _forget_old(directory, image, before)
    except OSError as error:
        raise UndercloudError.of(
            "IMG-044",
            f"the image {image.name!r} cannot be put into {directory}: {error.strerror}",
            fix="Make room there, or mend its permissions; what was served before is served still.",
        ) from None
    return Upload(image, sent=True)


@contextmanager
def _lock(directory: Path) -> Iterator[None]:
    with (directory / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _put(source: Path, target: Path) -> None:
    """The same file under a second name where that can be, else a copy; readable for the server."""
    temporary = target.with_name(f".{target.name}.new")
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(source)
    except OSError:  # another file system
        shutil.copyfile(source, temporary)
    temporary.chmod(0o644)
    temporary.replace(target)


def _point(link: Path, to: str) -> None:
    temporary = link.with_name(f".{link.name}.new")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(to)
    temporary.replace(link)


def _write_index(directory: Path, served: Mapping[str, Built]) -> None:
    text = json.dumps({name: image.as_dict() for name, image in sorted(served.items())}, indent=2) + "\n"
    durable.write(directory / INDEX, text, mode=0o644)


def _forget_old(directory: Path, image: Built, before: Built | None) -> None:
    """Remove files of that image that are neither of this one nor of the one before."""
    kept = {file.name for one in (image, before) if one for file in one.files.values()}
    ours = f"{image.name}-"
    for suffix in SUFFIXES.values():
        for path in directory.glob(f"{ours}*{suffix}"):
            tag = path.name.removeprefix(ours).removesuffix(suffix)
            if path.name not in kept and len(tag) == len(image.tag) and "-" not in tag:
                with suppress(FileNotFoundError):
                    path.unlink()
