"""Ironic's virtual environment for all tests of this checkout, kept between runs.

UNDERCLOUD_IRONIC_VENV names one that is there already; it is used as it is.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.functional.tool import CHECKOUT
from tools.rack.bmc import EMULATOR
from undercloud.baremetal.service import environment

_GIVEN = os.environ.get("UNDERCLOUD_IRONIC_VENV")
VENV = Path(_GIVEN or CHECKOUT / ".demo/ironic/venv")
_PROGRAMS = ("ipmitool", "xorrisofs", str(EMULATOR))


def ensure() -> Path:
    """Make it, as `undercloud install` does, unless it is there; where it is.

    Skips the test without the programs that Ironic calls.
    """
    missing = [program for program in _PROGRAMS if not shutil.which(program)]
    if missing:
        pytest.skip(f"{', '.join(missing)}: not installed (tools/bootstrap.sh --rack)")
    if not _GIVEN:
        environment.ensure(VENV, environment.requirements(), print)
    assert (VENV / "bin/ironic").exists(), f"there is no Ironic in {VENV}"
    return VENV
