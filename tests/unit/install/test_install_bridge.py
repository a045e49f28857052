"""What is done to a bridge follows from what `ip` tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from undercloud.install import bridge
from undercloud.install.bridge import Bridge

WANTED = Bridge("br-ctlplane", "eth1", "192.168.24.1/24", 1500)
CASES = sorted((Path(__file__).parent / "bridge").glob("*.json"))


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_only_what_is_missing_is_done(file: Path) -> None:
    case: dict[str, Any] = json.loads(file.read_text())
    assert [" ".join(words) for words in bridge.missing(WANTED, case["links"])] == case["ip"]


def test_a_bridge_is_ours_by_its_mark() -> None:
    assert bridge.is_ours({"ifname": "br-ctlplane", "ifalias": "undercloud"})
    assert not bridge.is_ours({"ifname": "br-ctlplane", "ifalias": "somebody's"})
    assert not bridge.is_ours({"ifname": "br-ctlplane"})
    assert not bridge.is_ours(None)
