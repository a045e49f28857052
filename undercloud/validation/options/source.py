"""One option that a plan writes, as the sources hand it to the judge."""

from __future__ import annotations

import dataclasses
from typing import Any

from undercloud.diagnostics import Location


@dataclasses.dataclass(frozen=True)
class Given:
    """One option with where it comes from.

    ``path``: the file that it is written to; ``like``: the file whose definitions are for it, the same if empty;
    ``own``: whether it stands in a file of the operator's; ``names``: parameters that it comes from; ``fixed``:
    whether section and name are beyond doubt, so that only the value is judged, and then ``wording``: what the
    operator calls it; ``secret``: whether the value may not be shown.
    """

    path: str
    section: str
    option: str
    value: Any
    locations: tuple[Location, ...]
    names: tuple[str, ...]
    own: bool
    wording: str = ""
    like: str = ""
    fixed: bool = False
    secret: bool = False
