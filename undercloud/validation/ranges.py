"""Address arithmetic that several checks need; texts that are no addresses give None."""

from __future__ import annotations

import dataclasses
import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def address(text: object) -> Address | None:
    """The address that a text is."""
    try:
        return ipaddress.ip_address(str(text).strip())
    except ValueError:
        return None


def network(text: object) -> Network | None:
    """The network that a text is; host bits may be set, a prefix length must be given."""
    try:
        return ipaddress.ip_network(str(text).strip(), strict=False) if "/" in str(text) else None
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True)
class Range:
    """Addresses from ``first`` to ``last``, both included."""

    first: int
    last: int
    version: int

    @classmethod
    def of(cls, first: str, last: str) -> Range | None:
        """The range between two texts; None if one is no address or they are of two families."""
        start, end = address(first), address(last)
        if start is None or end is None or start.version != end.version:
            return None
        return cls(int(start), int(end), start.version)

    def __contains__(self, place: object) -> bool:
        if not isinstance(place, ipaddress.IPv4Address | ipaddress.IPv6Address):
            return False
        return place.version == self.version and self.first <= int(place) <= self.last

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return max(0, self.last - self.first + 1)

    def overlaps(self, other: Range) -> bool:
        """Whether an address is in both."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last

    def common(self, other: Range) -> int:
        """How many addresses are in both."""
        both = min(self.last, other.last) - max(self.first, other.first) + 1
        return max(0, both) if self.version == other.version else 0

    def __str__(self) -> str:
        kind = ipaddress.IPv4Address if self.version == 4 else ipaddress.IPv6Address
        return f"{kind(self.first)}-{kind(self.last)}"
