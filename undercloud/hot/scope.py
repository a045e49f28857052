"""What an expression may ask for while it is evaluated: the view that functions have of a stack."""

from __future__ import annotations

from typing import Any, Protocol

from undercloud.hot.faults import Site
from undercloud.hot.values import Normaliser


class Referable(Protocol):
    """A resource as expressions see it."""

    def attribute(self, name: Any, path: tuple[Any, ...], site: Site) -> Any:
        """The value of an attribute, or what the path selects in it; None if the path leads nowhere."""
        ...

    def attributes(self, site: Site) -> dict[str, Any]:
        """All attributes."""
        ...

    def identity(self, site: Site) -> Any:
        """What ``get_resource`` gives."""
        ...


class Scope(Protocol):
    """One stack being evaluated. Methods raise Fault, or Reported where the cause is told already."""

    normaliser: Normaliser
    parameters: dict[str, Any]

    def missing_parameter(self, name: str, site: Site) -> Exception:
        """The exception for a parameter that has no value."""
        ...

    def resource(self, name: Any, site: Site) -> Referable:
        """The resource of that name."""
        ...

    def has_resource(self, name: Any) -> bool:
        """Whether the stack has an enabled resource of that name."""
        ...

    def condition(self, name: Any, site: Site) -> bool:
        """Whether the named condition holds (true for None, booleans as they are)."""
        ...

    def file(self, reference: str, base: str, site: Site) -> str:
        """The text of a file, named as in the template ``base``."""
        ...

    def facade(self, part: str, site: Site) -> Any:
        """``metadata``, ``deletion_policy`` or ``update_policy`` of the resource around."""
        ...
