"""Which image each node gets: the deployment file's, or one that the undercloud built, by its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from undercloud.baremetal.deploying import Image
from undercloud.baremetal.service.settings import files_url
from undercloud.deploy.compiling import Wanted
from undercloud.diagnostics import Finding, Location, Report, raise_for
from undercloud.diskimages import published
from undercloud.diskimages.built import DISK, Built

_TRIPLEO = PurePosixPath("/var/lib/ironic/images")
"""Where TripleO's underclouds have their images, and its files of nodes look for them."""

_BUILD = "Build it: openstack overcloud image build; or name one with image: {href: URL, checksum: SHA256}."


def choose(directory: Path, endpoint: str, default: str, wanted: Iterable[Wanted]) -> dict[str, Image]:
    """Host → its image, or the ``default``.

    ``directory`` holds the files that the undercloud serves; ``endpoint`` is Ironic's, on whose host it does.

    Raises UndercloudError, all nodes at once, before Ironic is asked for anything: BM-143 no such image,
    BM-137 an image of the web without a checksum, BM-138 an image that Ironic cannot fetch.
    """
    report, images = Report(), dict[str, Image]()
    served, url = published.load(directory), files_url(urlsplit(endpoint).hostname or "")
    for one in wanted:
        href = _ours(one.image.get("href") or default)
        image = _named(one, href) if "://" in href else _built(served, url, href)
        finding = _missing(href, one) if image is None else _unfit(image, one, directory)
        if finding is not None:
            report.add(finding)
        elif image is not None:
            images[one.host] = image
    raise_for(report)
    return images


def _ours(href: str) -> str:
    """The name of our image where a file of TripleO's means it by its path."""
    parts = urlsplit(href)
    path = PurePosixPath(unquote(parts.path))
    return path.stem if parts.scheme == "file" and path.parent == _TRIPLEO else href


def _named(one: Wanted, href: str) -> Image:
    return Image(
        href, one.image.get("checksum", ""), one.image.get("kernel", ""), one.image.get("ramdisk", "")
    )


def _built(served: Mapping[str, Built], url: str, name: str) -> Image | None:
    built = served.get(name)
    if built is None or DISK not in built.files:
        return None
    file = built.files[DISK]
    return Image(f"{url}/{file.name}", file.sha256)


def _missing(href: str, one: Wanted) -> Finding:
    return Finding("BM-143", f"the image {href} of {one.host} is not there", _BUILD, locations=_place(one))


def _unfit(image: Image, one: Wanted, directory: Path) -> Finding | None:
    """Why Ironic would refuse it, each machine by itself and only after it was asked to install."""
    what = f"the image {image.href} of {one.host}"
    parts = urlsplit(image.href)
    if parts.scheme in {"http", "https"}:
        if image.checksum:
            return None
        text = f"{what} has no checksum, without which Ironic writes nothing that it fetched"
        fix = "Add it beside href: checksum, the file's SHA-256 or the URL of a list of sums."
        return Finding("BM-137", text, fix, locations=_place(one))
    if parts.scheme == "file" and Path(unquote(parts.path)).resolve().is_relative_to(directory.resolve()):
        return None
    text = f"{what} cannot be fetched by Ironic: it takes http and https URLs, and files below {directory}"
    fix = "Put it there or on a web server; an image of ours is named by its name alone: overcloud-full."
    return Finding("BM-138", text, fix, locations=_place(one))


def _place(one: Wanted) -> tuple[Location, ...]:
    return (one.location,) if one.location is not None else ()
