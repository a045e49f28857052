"""Container images: what the undercloud's own registry has."""

from __future__ import annotations

from undercloud.api.calls import Answer, Call, Handler, page
from undercloud.deploy import wire
from undercloud.diagnostics import UndercloudError
from undercloud.images import served


def container_images(call: Call) -> Answer:
    """A page of repositories, each with its images; API-010 where there is no registry."""
    registry = served.load(call.service.settings.paths.state_dir / "registry")
    if registry is None:
        raise UndercloudError.of(
            "API-010",
            "this undercloud has no registry of its own",
            fix="Start one there: openstack undercloud registry start",
        )
    found = []
    for name in page(sorted(registry.repositories()), str, call):
        images = (registry.describe(name, tag) for tag in registry.tags(name))
        found.append({"name": name, "images": [wire.to_plain(image) for image in images if image]})
    return Answer({"repositories": found})


OPERATIONS: dict[str, Handler] = {"listContainerImages": container_images}
