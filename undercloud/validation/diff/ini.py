"""Configuration files compared option by option."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from undercloud.validation.diff.model import OptionChange
from undercloud.validation.diff.values import ABSENT, ValueChange

_SECTION = re.compile(r"^\[(?P<name>[^\]]*)\]\s*$")
_OPTION = re.compile(r"^(?P<name>[^\s=:#;\[][^=:]*?)\s*[=:]\s?(?P<value>.*)$")
_ENDINGS = (".conf", ".ini", ".cnf", ".cfg")


def options(text: str) -> dict[tuple[str, str], list[str]] | None:
    """Section and option → its values in order; None where a text is no such file.

    A line that is further in continues the value before it, as oslo.config and ConfigParser read it.
    """
    found: dict[tuple[str, str], list[str]] = {}
    section, last = "", None
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith(("#", ";")):
            continue
        if match := _SECTION.match(line):
            section, last = match["name"], None
        elif line[0] in " \t" and last is not None:
            found[last][-1] += f"\n{bare}"
        elif match := _OPTION.match(line):
            last = (section, match["name"])
            found.setdefault(last, []).append(match["value"])
        elif section:
            last = (section, bare)
            found.setdefault(last, []).append("")
        else:
            return None
    return found if any(section for section, _ in found) else None


def changed(path: str, before: str, after: str) -> tuple[OptionChange, ...]:
    """The options that differ between two texts of a file; none where it is not of that kind."""
    if not path.endswith(_ENDINGS):
        return ()
    old, new = (options(text) if text else {} for text in (before, after))
    if old is None or new is None:
        return ()
    return tuple(_compared(old, new))


def _compared(
    old: Mapping[tuple[str, str], list[str]], new: Mapping[tuple[str, str], list[str]]
) -> Iterator[OptionChange]:
    for key in dict.fromkeys([*old, *new]):
        sides = [_single(each[key]) if key in each else ABSENT for each in (old, new)]
        if sides[0] != sides[1]:
            yield OptionChange(*key, ValueChange((), sides[0], sides[1]))


def _single(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values
