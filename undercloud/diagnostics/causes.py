"""Known causes, told by what a program or a server said when something failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A known cause: told by ``pattern`` in what was said; names in braces are to be filled in."""

    code: str
    pattern: re.Pattern[str]
    message: str
    fix: str


def cause(code: str, pattern: str, message: str, fix: str) -> Cause:
    """A cause whose pattern does not look at case."""
    return Cause(code, re.compile(pattern, re.IGNORECASE), message, fix)


def known(causes: Sequence[Cause], said: str) -> Cause | None:
    """The first cause that fits, so the more telling ones come first."""
    return next((one for one in causes if one.pattern.search(said)), None)
