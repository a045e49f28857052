"""What each operation of the document does."""

from __future__ import annotations

from undercloud.api.calls import Handler
from undercloud.api.handlers import (
    contents,
    deployments,
    images,
    nodes,
    plans,
    provisioning,
    service,
    validations,
)

HANDLERS: dict[str, Handler] = {
    **service.OPERATIONS,
    **plans.OPERATIONS,
    **contents.OPERATIONS,
    **validations.OPERATIONS,
    **deployments.OPERATIONS,
    **images.OPERATIONS,
    **nodes.OPERATIONS,
    **provisioning.OPERATIONS,
}
