"""Addresses on one network: fixed ones as they are, known ones kept, new ones from the pools in order.

The cost is linear in the number of ports. Nothing here depends on the order of maps or on chance, so that the
same wishes and the same known addresses give the same result.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from undercloud.diagnostics import Finding, Location, Report
from undercloud.topology.model import Network, Subnet

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Range = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclasses.dataclass(frozen=True)
class Wish:
    """An address that somebody needs.

    ``owner`` is the port's name (a host's, or a virtual address's), ``what`` how messages call it; ``subnet``
    is empty where any will do, ``fixed`` where the address is ours to choose. ``shared``: it may be another's
    too, if both are fixed.
    """

    owner: str
    what: str
    subnet: str = ""
    fixed: str = ""
    locate: Callable[[], Location | None] = lambda: None
    shared: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """An address with its subnet's name and prefix length."""

    address: str
    subnet: str
    prefix: int


class _Pools:
    """One subnet's addresses, handed out in order."""

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self.range: Range = ipaddress.ip_network(subnet.cidr)
        self.reserved = {self.range.network_address}
        if self.range.version == 4 and self.range.prefixlen < 31:
            self.reserved.add(self.range.broadcast_address)
        if subnet.gateway:
            self.reserved.add(ipaddress.ip_address(subnet.gateway))
        self._next = self._addresses()

    def _addresses(self) -> Iterator[Address]:
        ends = [
            (ipaddress.ip_address(first), ipaddress.ip_address(last)) for first, last in self.subnet.pools
        ]
        for first, last in ends or [(self.range[0], self.range[-1])]:
            for number in range(int(first), int(last) + 1):
                address = type(first)(number)
                if address not in self.reserved:
                    yield address

    def next(self, taken: Mapping[Address, Wish], avoided: Collection[Address]) -> Address | None:
        """The next free address; one to be avoided only where there is no other."""
        for address in self._next:
            if address not in taken and address not in avoided:
                return address
        if not avoided:
            return None
        return next((address for address in self._addresses() if address not in taken), None)


def allocate(
    network: Network,
    wishes: Sequence[Wish],
    known: Mapping[str, str],
    report: Report,
    reserved: Mapping[str, str] | None = None,
    *,
    avoided: Collection[str] = (),
) -> dict[str, Given]:
    """Give every wish an address; ``known`` is owner → address of before, ``reserved`` address → other owner.

    ``avoided`` are chosen last: others have them on networks of other names, which may be this one.

    Findings: TOP-023 an unknown subnet, TOP-024 an address that is none, or outside of its subnet, or the
    gateway's, TOP-025 an address wanted twice, TOP-026 no address left. A wish with a finding gets nothing.
    """
    run = _Allocation(network, known, report, reserved or {}, avoided)
    open_wishes = [wish for wish in wishes if not run.fix(wish)]
    fresh = [wish for wish in open_wishes if not run.keep(wish)]
    for wish in fresh:
        run.choose(wish)
    return {wish.owner: run.given[wish.owner] for wish in wishes if wish.owner in run.given}


class _Allocation:
    def __init__(
        self,
        network: Network,
        known: Mapping[str, str],
        report: Report,
        reserved: Mapping[str, str],
        avoided: Collection[str],
    ) -> None:
        self.given: dict[str, Given] = {}
        self._network = network
        self._known = known
        self._report = report
        self._pools = {name: _Pools(subnet) for name, subnet in network.subnets.items()}
        self._taken: dict[Address, Wish] = {
            ipaddress.ip_address(address): Wish(owner, owner) for address, owner in reserved.items()
        }
        self._avoided = frozenset(map(ipaddress.ip_address, avoided))

    def fix(self, wish: Wish) -> bool:
        """Handle a wish whose subnet is wrong, or whose address is fixed; False leaves it open."""
        if wish.subnet and wish.subnet not in self._pools:
            self._error(
                "TOP-023",
                wish,
                f"{wish.what} is to be in the subnet {wish.subnet!r}, which {self._network.name} has not",
                f"The subnets are: {', '.join(self._pools)}.",
                "subnet",
            )
            return True
        if not wish.fixed:
            return False
        try:
            address = ipaddress.ip_address(wish.fixed)
        except ValueError:
            text = f"{wish.fixed!r:.60} of {wish.what} is no address"
            self._error("TOP-024", wish, text, "Write an IP address.", "fixed_ip")
            return True
        pools = self._containing(address, wish.subnet)
        if pools is None:
            where = ", ".join(each.subnet.cidr for each in self._candidates(wish.subnet))
            self._error(
                "TOP-024",
                wish,
                f"{address} of {wish.what} is not in {wish.subnet or self._network.name} ({where})",
                "Take an address of the subnet, or name the right subnet.",
                "fixed_ip",
            )
        elif address in pools.reserved:
            self._error(
                "TOP-024",
                wish,
                f"{address} of {wish.what} is the gateway's, the network's or the broadcast address",
                "Take another address.",
                "fixed_ip",
            )
        else:
            self._take(address, wish, pools)
        return True

    def keep(self, wish: Wish) -> bool:
        """Give a wish the address that it had, if it still fits."""
        if wish.owner not in self._known:
            return False
        address = ipaddress.ip_address(self._known[wish.owner])
        pools = self._containing(address, wish.subnet)
        if pools is None or address in pools.reserved:
            return False
        self._take(address, wish, pools)
        return True

    def choose(self, wish: Wish) -> None:
        """Give a wish the next free address of its subnet, or of the first that has one."""
        for pools in self._candidates(wish.subnet):
            address = pools.next(self._taken, self._avoided)
            if address is not None:
                self._take(address, wish, pools)
                return
        self._error(
            "TOP-026",
            wish,
            f"no address is left for {wish.what} in {wish.subnet or self._network.name}",
            "Make the allocation pools larger, or fix an address outside of them.",
            "allocation_pools",
        )

    def _candidates(self, subnet: str) -> list[_Pools]:
        return [self._pools[subnet]] if subnet else list(self._pools.values())

    def _containing(self, address: Address, subnet: str) -> _Pools | None:
        return next((pools for pools in self._candidates(subnet) if address in pools.range), None)

    def _take(self, address: Address, wish: Wish, pools: _Pools) -> None:
        holder = self._taken.setdefault(address, wish)
        if holder is wish or (wish.fixed and holder.fixed and (wish.shared or holder.shared)):
            self.given[wish.owner] = Given(str(address), pools.subnet.name, pools.subnet.prefix)
            return
        fix = "Give one of them another address."
        if self._known.get(wish.owner) == str(address) and not wish.fixed:
            fix = f"{wish.what} has the address already; take another for {holder.what}."
        others = tuple(filter(None, [holder.locate()]))
        text = f"{address} is wanted for {holder.what} and for {wish.what}"
        self._error("TOP-025", wish, text, fix, "fixed_ip", *others)

    def _error(self, code: str, wish: Wish, message: str, fix: str, key: str, *others: Location) -> None:
        """``key`` is what the networks or the deployment file calls the thing concerned."""
        here = wish.locate()
        locations = (here, *others) if here else others
        names = (self._network.title, self._network.name, key)
        self._report.add(Finding(code, message, fix, locations=locations, parameters=names))
