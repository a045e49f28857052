"""What real Heat and TripleO's client take for the stock overcloud, measured by the reference program."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measuring import cost_of
from tests.conformance import places

_CREATE = "STACK CREATE -> CREATE_COMPLETE"
_CREATE_CPU = "heat cpu seconds (create)"


@dataclasses.dataclass(frozen=True)
class Heat:
    """Seconds for the stock overcloud: of Heat's stack create alone, and of all of it where that is known."""

    source: str
    wall: float
    cpu: float
    wall_of_all: float | None = None
    cpu_of_all: float | None = None


RECORDED = Heat("once, on a machine of two cores", wall=308.9, cpu=72.8)
"""Heat 19.0.2 and tripleo-heat-templates 18.0.0, 3 controllers and 1 compute."""


def recorded() -> Heat:
    """The figures that lie beside the conformance data, else those of :data:`RECORDED`."""
    folder = places.golden("overcloud-3-1")
    if folder is None or not (folder / "timings-run.json").exists():
        return RECORDED
    client, run = (json.loads((folder / f"timings-{name}.json").read_text()) for name in ("prep", "run"))
    seconds = [value for name, value in client.items() if isinstance(value, float)]
    wall = sum(seconds) + run[_CREATE] + run["CONFIG DOWNLOAD total"]
    return Heat("recorded with the conformance data", run[_CREATE], run[_CREATE_CPU], wall)


def measured(program: Path, home: Path, folder: Path, port: int) -> Heat:
    """Run the reference program now; five to ten minutes. Raises FailedError."""
    python, work = str(home / "venv/bin/python"), str(folder / "heat")
    environment = _environment(home)
    wanted = ["overcloud", work, "--controllers", "3", "--computes", "1"]
    client = cost_of([python, str(program), "prep", *wanted], environment)
    server = cost_of([python, str(program), "run", work, "--port", str(port)], environment)
    run = json.loads((folder / "heat/timings-run.json").read_text())
    return Heat(
        "measured in this run",
        run[_CREATE],
        run[_CREATE_CPU],
        client.wall + server.wall,
        client.cpu + server.cpu,
    )


def _environment(home: Path) -> Mapping[str, str]:
    path = f"{home / 'venv/bin'}{os.pathsep}{os.environ['PATH']}"
    fixed = {
        "PYTHONHASHSEED": "0",
        "PYTHONWARNINGS": "ignore",
        "HEAT_REFERENCE_HOME": str(home),
        "PATH": path,
    }
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | fixed
