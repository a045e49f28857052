"""Which demands can be met at the same time: a largest matching in a bipartite graph."""

from __future__ import annotations

from collections.abc import Sequence


def matched(choices: Sequence[Sequence[int]]) -> dict[int, int]:
    """Demand → partner, for as many demands as possible; an earlier partner in a list is preferred.

    ``choices``: for each demand the partners that would do. By augmenting paths (Kuhn's algorithm), without
    recursion.
    """
    holder: dict[int, int] = {}
    for demand in range(len(choices)):
        _augment(choices, holder, demand)
    return {demand: partner for partner, demand in holder.items()}


def unmatched(choices: Sequence[Sequence[int]]) -> list[int]:
    """The demands that stay without a partner, when as many as possible have one."""
    return sorted(set(range(len(choices))) - matched(choices).keys())


def _augment(choices: Sequence[Sequence[int]], holder: dict[int, int], demand: int) -> None:
    """Find the demand a partner, moving others to theirs if need be; a search in breadth."""
    came_from: dict[int, int] = {}
    waiting = [demand]
    for current in waiting:
        for partner in choices[current]:
            if partner in came_from:
                continue
            came_from[partner] = current
            if partner not in holder:
                _move(holder, came_from, partner, demand)
                return
            waiting.append(holder[partner])


def _move(holder: dict[int, int], came_from: dict[int, int], free: int, demand: int) -> None:
    """Take the path back from a free partner: each demand on it gets the partner it was reached by."""
    held = {owner: partner for partner, owner in holder.items()}
    partner = free
    while True:
        owner = came_from[partner]
        before = held.get(owner)
        holder[partner] = owner
        if owner == demand or before is None:
            return
        partner = before
