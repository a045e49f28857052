"""Names and indexes of a role's nodes: stable while the node lives, never used again once it was removed."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Collection, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Naming:
    """How a role names its nodes.

    ``form`` has ``%stackname%`` and ``%index%``; ``renamed`` is TripleO's HostnameMap: generated name → name.
    """

    stack: str
    form: str
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def name(self, index: int) -> str:
        """The name of the node with an index."""
        generated = self.form.replace("%stackname%", self.stack).replace("%index%", str(index))
        return self.renamed.get(generated, generated)

    def index(self, name: str) -> int | None:
        """The index that a name says, if the form would give that name."""
        generated = self._generated.get(name, name)
        before, found, after = self.form.replace("%stackname%", self.stack).partition("%index%")
        digits = generated[len(before) : len(generated) - len(after)]
        if not found or not (digits.isascii() and digits.isdecimal()) or len(digits) > 9:
            return None
        return int(digits) if self.name(int(digits)) == name else None

    @functools.cached_property
    def _generated(self) -> Mapping[str, str]:
        return {name: generated for generated, name in self.renamed.items()}


@dataclasses.dataclass(frozen=True, slots=True)
class Listed:
    """A node that the operator lists; ``name`` is empty where it is to be made, unwanted ones shall go."""

    name: str = ""
    wanted: bool = True


def number(
    naming: Naming,
    listed: Sequence[Listed],
    count: int,
    *,
    known: Mapping[str, int],
    removed: Collection[int],
) -> tuple[list[tuple[str, int]], tuple[int, ...]]:
    """Give every node a name and an index.

    ``count`` is how many wanted nodes there shall be; ``known`` are the indexes of nodes that live,
    ``removed`` those that shall not be used. A node that lives keeps its index. Another listed name has the
    index that it says if that is free, or the lowest free one. What is missing up to ``count`` are nodes that
    live, by index, and then new ones. Returns (name, index) of each listed node (unwanted ones too) and then
    of the others, and the removed indexes, with those of unwanted nodes and without those that are wanted
    again.
    """
    fixed = _fixed(naming, listed, known)
    own = {node.name for node in listed}
    names = own | known.keys()
    living = sorted((index, name) for name, index in known.items() if name not in own)
    gone = set(removed) - {index for position, index in fixed.items() if listed[position].wanted}
    taken = {*fixed.values(), *gone, *(index for index, _ in living)}
    free = (index for index in itertools.count() if index not in taken and naming.name(index) not in names)
    result = []
    for position, node in enumerate(listed):
        index = fixed[position] if position in fixed else next(free)
        result.append((node.name or naming.name(index), index))
        if not node.wanted:
            gone.add(index)
    missing = count - sum(node.wanted for node in listed)
    result += [(name, index) for index, name in living if index not in gone][: max(missing, 0)]
    while len(result) < len(listed) + missing:
        index = next(free)
        result.append((naming.name(index), index))
    return result, tuple(sorted(gone))


def _fixed(naming: Naming, listed: Sequence[Listed], known: Mapping[str, int]) -> dict[int, int]:
    """Position in the list → index, of the nodes whose name or past decides it."""
    fixed = {position: known[node.name] for position, node in enumerate(listed) if node.name in known}
    taken = set(known.values())
    for position, node in enumerate(listed):
        said = naming.index(node.name) if node.name and position not in fixed else None
        if said is not None and said not in taken:
            fixed[position] = said
            taken.add(said)
    return fixed
