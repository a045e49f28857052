"""Every code that the room uses says how it is mended, and is listed at the room's door."""

from __future__ import annotations

import re
from pathlib import Path

import undercloud.hot
from undercloud.hot.fixes import FIXES

ROOM = Path(undercloud.hot.__file__).parent


def test_every_code_is_listed_and_has_a_fix() -> None:
    listed = set(re.findall(r"HOT-\d{3}", undercloud.hot.__doc__ or ""))
    used = {code for path in ROOM.rglob("*.py") for code in re.findall(r'"(HOT-\d{3})"', path.read_text())}
    assert used - listed == set()
    # What is told without a Fault (TOSCA) brings its own.
    assert {code for code in used if code < "HOT-060"} == FIXES.keys()
