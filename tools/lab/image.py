"""The node image: built by undercloud's own image builder, when its definition changed."""

from pathlib import Path

from tools.lab.model import Lab
from undercloud.images import build, definitions, store

DEFINITIONS = Path(__file__).parent / "images"
NAME = "lab-node"


def ensure(lab: Lab, progress: build.Progress | None = None) -> build.BuiltImage:
    """Build the image unless podman's store has it.

    Raises UndercloudError (IMG-…) where it cannot be built.
    """
    settings = build.BuildSettings(store.StoreSettings(lab.images, lab.runtime / "storage"))
    return build.build(definitions.load([DEFINITIONS]), [NAME], settings, progress)[-1]
