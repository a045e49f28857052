from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

PACKING = (
    "bash",
    "chroot",
    "cpio",
    "debugfs",
    "dumpe2fs",
    "grub-mkimage",
    "mcopy",
    "mke2fs",
    "mkfs.vfat",
    "mmd",
    "parted",
    "sgdisk",
    "zstd",
)
TOOLS = ("apt-config", "apt-get", "buildah", "mmdebstrap", *PACKING)


class Tools:
    """The container tools and apt, replaced: the border that unit tests do not cross."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def calls(self, tool: str, verb: str = "") -> list[dict[str, Any]]:
        """What a tool was called with, in the order in which the calls ended."""
        path = self.state / "calls"
        lines = path.read_text().splitlines() if path.is_file() else []
        return [
            call
            for call in map(json.loads, lines)
            if call["tool"] == tool and verb in ("", *call["words"][:1])
        ]

    def fail(self, what: str, saying: str = "it went wrong") -> None:
        (self.state / f"fail-{what}").write_text(saying)

    def slow(self, what: str, seconds: float) -> None:
        (self.state / f"slow-{what}").write_text(str(seconds))

    def mend(self) -> None:
        for rule in self.state.glob("*-*"):
            rule.unlink()


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tools:
    directory = tmp_path / "bin"
    directory.mkdir()
    fake = Path(__file__).with_name("fake_tools.py")
    for name in TOOLS:
        script = directory / name
        # -IS: each call is a process, and starts as quickly as it can
        script.write_text(f'#!/bin/sh\nFAKE_TOOL={name} exec {sys.executable} -IS {fake} "$@"\n')
        script.chmod(0o755)
    state = tmp_path / "fake"
    state.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(state))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return Tools(state)
