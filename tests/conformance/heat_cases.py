"""Ask real Heat about the cases of the language (tests/unit/hot/cases): those marked as checked must agree.

usage: python -m tests.conformance.heat_cases [--home DIR] [CASE …]

``--home`` is the folder of the reference program, with Heat in venv/ (default: HEAT_REFERENCE_HOME). All
cases take about a minute. Exit status 0: Heat gives the outputs that the cases say, and refuses what they say
to be an error; 1: it differs somewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.unit.hot.hot_cases import Case, cases

APART = {
    "heat-stack": "Heat would ask its own API",
    "registry-resource": "Heat's client leaves that path as it is",
}
"""Cases that were checked with a whole Heat, and need one."""


def asked(chosen: Iterable[Case], python: Path) -> list[dict[str, Any]]:
    """What Heat says of each case."""
    fields = ("template", "files", "environment", "parameters")
    lines = [json.dumps({name: getattr(case, name) for name in fields}) for case in chosen]
    program = str(Path(__file__).with_name("heat_process.py"))
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    said = subprocess.run(
        [str(python), "-W", "ignore", program],
        input="\n".join(lines) + "\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env=clean,
    )
    return [json.loads(line) for line in said.stdout.splitlines()]


def agrees(case: Case, said: Mapping[str, Any]) -> bool:
    """Whether Heat gave what the case says."""
    return "error" in said if case.outputs is None else said.get("outputs") == case.outputs


def main(words: list[str]) -> int:
    """Ask about all cases, or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, default=os.environ.get("HEAT_REFERENCE_HOME"))
    parser.add_argument("cases", nargs="*")
    given = parser.parse_args(words)
    if not given.home:
        parser.error("say where the reference program's home is")
    chosen = [
        case
        for case in cases()
        if case.checked.startswith("heat")
        and case.name not in APART
        and case.name in (given.cases or [case.name])
    ]
    answers = asked(chosen, Path(given.home) / "venv/bin/python")
    wrong = [(case, said) for case, said in zip(chosen, answers, strict=True) if not agrees(case, said)]
    for case, said in wrong:
        print(f"{case.name}: {json.dumps(said):.500}")
    print(f"{len(chosen) - len(wrong)} of {len(chosen)} cases agree")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
