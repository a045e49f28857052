"""The batch oracle: every plan of plans.yaml once through real Heat, kept as digests.

usage: python -m tests.conformance.heat_batch [--reference FILE] [--home DIR] [--work DIR] [--port N]
                                              [--again] [PLAN …]

``--reference`` is the reference program heat_reference.py (default: reference/ of the shared data),
``--home`` its folder with venv/ and the unpacked templates (default: HEAT_REFERENCE_HOME). One plan at a
time, each four to ten minutes. A plan that has its digests is not run again, so the command can be stopped
and started.
With ``--again`` nothing is run: digests are made anew of what earlier runs left in ``--work``.
Exit status 0: every plan has digests; 1: some could not be compiled by Heat (the log says why).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.conformance import digests, material, places


@dataclasses.dataclass(frozen=True)
class Oracle:
    """Where real Heat is: the program, its home, where it may work."""

    program: Path
    home: Path
    work: Path
    port: int

    @property
    def python(self) -> Path:
        """The Python that has Heat and TripleO's client."""
        return self.home / "venv/bin/python"

    @property
    def templates(self) -> Path:
        """The unpacked templates."""
        return self.home / "tripleo-heat-templates-18.0.0"

    def run(self, name: str) -> Path | None:
        """Run one plan; the folder with its results, None where Heat did not get through."""
        folder = self.work / name
        made = material.write(material.plans()[name], self.templates, folder / "operator")
        paths = {field: str(getattr(made, field)) for field in ("roles", "networks", "passwords")}
        request = {**paths, "environments": [str(path) for path in made.environments]}
        (folder / "plan.json").write_text(json.dumps(request))
        client = Path(__file__).with_name("heat_client.py")
        steps = [
            [str(client), str(self.templates), str(folder / "plan.json"), str(folder)],
            [str(self.program), "run", str(folder), "--port", str(self.port)],
        ]
        with (folder / "log").open("w") as log:
            for step in steps:
                command = ["nice", "-n", "10", str(self.python), *step]
                status = subprocess.run(
                    command, stdout=log, stderr=log, check=False, env=self._environment(), cwd=folder
                ).returncode
                if status:
                    return None
        return folder if self.finished(name) else None

    def finished(self, name: str) -> bool:
        """Whether Heat got through a plan, to the end of its directory."""
        timings = self.work / name / "timings-run.json"
        return timings.exists() and bool(json.loads(timings.read_text()).get("ok"))

    def _environment(self) -> dict[str, str]:
        path = f"{self.python.parent}{os.pathsep}{os.environ['PATH']}"
        fixed = {"PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore", "HEAT_REFERENCE_HOME": str(self.home)}
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {**clean, **fixed, "PATH": path}


def main(arguments: list[str]) -> int:
    """Run what has no digests yet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    shared = places.shared()
    parser.add_argument("--reference", type=Path, default=shared and shared / "reference/heat_reference.py")
    parser.add_argument("--home", type=Path, default=os.environ.get("HEAT_REFERENCE_HOME"))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--port", type=int, default=8306)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("plans", nargs="*")
    given = parser.parse_args(arguments)
    if not given.reference or not given.home:
        parser.error("say where the reference program and its home are")
    home = Path(given.home).resolve()
    oracle = Oracle(given.reference, home, (given.work or home / "work/batch").resolve(), given.port)
    if given.again:
        for name in given.plans or material.plans():
            if oracle.finished(name):
                digests.save(name, digests.of_reference(oracle.work / name))
        return 0
    failed = []
    while names := [name for name in material.plans() if _wanted(name, given.plans) and name not in failed]:
        name = names[0]
        begun = time.monotonic()
        folder = oracle.run(name)
        if folder:
            found = digests.of_reference(folder)
            digests.save(name, found)
        else:
            failed.append(name)
        seconds = time.monotonic() - begun
        print(f"{name}: {'kept' if folder else 'FAILED'} after {seconds:.0f} s", flush=True)
    return int(bool(failed))


def _wanted(name: str, asked: list[str]) -> bool:
    return (not asked or name in asked) and not digests.path(name).exists()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
