"""Which machine is meant for which role: TripleO's profiles, as the capabilities of machines say them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from undercloud.deploy.machines import MachineInfo

_DEPLOYABLE = frozenset({"available", "active"})
_POSSIBLE = "_profile"
_YES = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True)
class Profile:
    """A machine's profile, those that it could have, and why it cannot be deployed now (empty: it can)."""

    uuid: str
    name: str
    state: str
    profile: str
    possible: tuple[str, ...]
    why_not: str

    @property
    def title(self) -> str:
        """Its name, else its UUID."""
        return self.name or self.uuid


@dataclass(frozen=True)
class MatchedProfiles:
    """Machine → the profile that it gets, and profile → how many machines it lacks still."""

    given: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)


def profile_of(machine: MachineInfo) -> Profile:
    """What a machine is meant for."""
    return Profile(
        machine.uuid,
        machine.name,
        machine.provision_state,
        machine.profile,
        _possible(machine),
        _why_not(machine),
    )


def _possible(machine: MachineInfo) -> tuple[str, ...]:
    """TripleO's capabilities ``NAME_profile: 1``, which an introspection's rules or an operator set."""
    return tuple(
        key.removesuffix(_POSSIBLE)
        for key, value in machine.capabilities.items()
        if key.endswith(_POSSIBLE) and value.lower() in _YES
    )


def _why_not(machine: MachineInfo) -> str:
    if machine.maintenance:
        return "in maintenance"
    if machine.host:
        return f"{machine.host} of {machine.stack}"
    return "" if machine.provision_state in _DEPLOYABLE else f"it is {machine.provision_state}"


def match(profiles: Sequence[Profile], wanted: Mapping[str, int]) -> MatchedProfiles:
    """Give machines without a profile one that they may have: as many as possible get one.

    ``wanted`` says how many machines a profile needs; those that have it already count.
    """
    from undercloud.topology.matching import matched  # noqa: PLC0415 - few commands match anything

    free = [one for one in profiles if not one.why_not]
    unset = [one for one in free if not one.profile]
    may = {name: [n for n, one in enumerate(unset) if name in one.possible] for name in wanted}
    lacks = {name: count - sum(one.profile == name for one in free) for name, count in wanted.items()}
    # More places than there are candidates stay empty anyway.
    places = [name for name, count in lacks.items() for _ in range(min(count, len(may[name])))]
    found = matched([may[name] for name in places])
    given = {unset[one].title: places[place] for place, one in found.items()}
    got = Counter(given.values())
    return MatchedProfiles(given, {name: n - got[name] for name, n in lacks.items() if n > got[name]})
