"""A tool of the project's own (`python -m tools.NAME --dir DIRECTORY`) as tests use it."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Tool:
    """A tool at work in one directory; ``LONGEST`` is what no command may take, in seconds."""

    NAME: ClassVar[str]
    LONGEST: ClassVar[int]
    directory: Path

    def __call__(self, *arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command; unless `check` is off, a failure fails the test with what was said."""
        done = subprocess.run(
            [sys.executable, "-m", f"tools.{self.NAME}", "--dir", str(self.directory), *arguments],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=self.LONGEST,
        )
        if check and done.returncode != 0:
            words = " ".join((self.NAME, *arguments))
            pytest.fail(f"{words}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
        return done
