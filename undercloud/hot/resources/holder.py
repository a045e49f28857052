"""What every resource that holds a stack of its own shares: the stack is made once, when it is asked for."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from undercloud.hot.faults import Fault, Site
from undercloud.hot.resources.base import Resource
from undercloud.hot.run import Binding
from undercloud.hot.stacks import StackScope
from undercloud.hot.template import ResourceDefinition


class StackHolder(Resource):
    """A resource with a stack inside."""

    __slots__ = ("_child", "_running")

    def __init__(self, scope: StackScope, definition: ResourceDefinition, kind: str) -> None:
        super().__init__(scope, definition, kind)
        self._child: StackScope | None = None
        self._running = False

    def child(self) -> StackScope:
        """The stack inside; raises Reported if it cannot be made."""
        if self._child is None:
            if self._running:
                raise self.scope.circle(self.name, self.definition.site)
            self._running = True
            try:
                self._child = self._make_child()
            finally:
                self._running = False
        return self._child

    def identity(self, site: Site) -> Any:
        """The reference: a stack that is there already cannot be taken over."""
        return self.reference(site)

    def realise_parts(self) -> None:
        """The same, and that there is no external_id."""
        super().realise_parts()
        if self.definition.external_id is not None:
            place = self.definition.site.below("external_id")
            message = f"{self.name} ({self.kind}) is a stack and cannot have an external_id"
            self.scope.tell(Fault("HOT-007", message, place, fix="Remove it."), self.name)

    def tell_unbound(self, binding: Binding, given: Container[str]) -> None:
        """Report the parameters of the stack inside that lack a value, or whose default is none."""
        for name in sorted(binding.required):
            if name not in given:
                self.scope.tell(self._unassigned(name), self.name)
        for name, fault in binding.unusable.items():
            if name not in given:
                self.scope.tell(fault, self.name)

    def _make_child(self) -> StackScope:
        """Make it; raises Reported."""
        raise NotImplementedError
