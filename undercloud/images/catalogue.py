"""Which TripleO parameter names which image: what templates get for ``Container…Image``."""

from __future__ import annotations

from undercloud.images.definitions import Definitions
from undercloud.images.recipe import NAMESPACE, tags

REGISTRY = "192.168.24.1:8787"
"""Where TripleO's undercloud serves images: its control plane address and port."""


def image_references(
    definitions: Definitions, registry: str = REGISTRY, namespace: str = NAMESPACE, edition: str = ""
) -> dict[str, str]:
    """Every image's full name, ``REGISTRY/NAMESPACE/NAME:TAG``, by the name of its definition."""
    return {
        name: f"{registry}/{namespace}/{name}:{tag}"
        for name, tag in tags(definitions, edition=edition).items()
    }


def image_parameters(
    definitions: Definitions, registry: str = REGISTRY, namespace: str = NAMESPACE, edition: str = ""
) -> dict[str, str]:
    """The value of every parameter that the definitions name, sorted by parameter."""
    references = image_references(definitions, registry, namespace, edition)
    return dict(
        sorted(
            (parameter, references[name])
            for name, definition in definitions.items()
            for parameter in definition.parameters
        )
    )
