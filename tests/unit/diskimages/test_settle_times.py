"""No time of its making shows in an image, and Python takes no bytecode in it for stale."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from undercloud.diskimages.tools import EPOCH, settle_times


@pytest.mark.parametrize("written", [EPOCH + 10_000_000, EPOCH - 10_000_000])
def test_bytecode_fits_its_source_afterwards(tmp_path: Path, written: int) -> None:
    source = tmp_path / "answer.py"
    source.write_text("ANSWER = 42\n")
    os.utime(source, (written, written))
    made = py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    assert made
    settle_times(tmp_path)
    assert source.stat().st_mtime == min(written, EPOCH)
    assert Path(made).stat().st_mtime == EPOCH
    said = subprocess.run(
        [sys.executable, "-v", "-c", "import answer"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    ).stderr
    assert f"# {made} matches {source}" in said.replace("/./", "/")


def test_what_is_no_whole_bytecode_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "short.pyc").write_bytes(b"not")
    checked = tmp_path / "checked.pyc"
    checked.write_bytes(b"abcd" + (3).to_bytes(4, "little") + b"12345678" + b"code")
    (tmp_path / "link.pyc").symlink_to("nowhere")
    settle_times(tmp_path)
    assert (tmp_path / "short.pyc").read_bytes() == b"not"
    assert checked.read_bytes().endswith(b"12345678code")
