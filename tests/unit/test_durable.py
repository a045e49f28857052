"""Files are whole or as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from undercloud import durable


def test_a_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "file"
    durable.write(file, "one")
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("one", 0o600)
    durable.write(file, b"two", 0o644)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("two", 0o644)
    assert list(tmp_path.iterdir()) == [file]


def test_what_was_there_stays_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    durable.write(file, "one")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        durable.write(file, "two")
    assert file.read_text() == "one"
    assert list(tmp_path.iterdir()) == [file]
