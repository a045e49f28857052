"""How long a running process takes to compile a plan again after one value of it changed.

usage: python -m benchmarks.recompile --to FILE TIMES OPTION …

The options are those of ``plan compile``. Writes JSON: seconds of CPU and clock of the first compilation and
of each one after it, from reading the operator's files to the texts of all files of the output.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

from undercloud.cli import plan_compile, plan_options
from undercloud.plan import loader
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SystemEntropy
from undercloud.plan.state import State
from undercloud.playbooks import compiler, output

CHANGED = "NtpServer"
"""A parameter of a service on every node, so that the output of each role changes."""


def main(words: list[str]) -> int:
    """Compile again and again, each time with another value."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("times", type=int)
    plan_options.add_plan_options(parser)
    given = parser.parse_args(words)
    state, costs, seen = State(), [], set[bytes]()
    for number in range(given.times + 1):
        cpu, wall = time.process_time(), time.monotonic()
        source = plan_options.plan_source(given, plan_compile.image_parameters(None))
        state, text = _compile(source, state, f"{number}.pool.ntp.org")
        costs.append({"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall})
        seen.add(text)
    assert len(seen) == len(costs), "each change is to be seen in the output"
    given.to.write_text(json.dumps({"first": costs[0], "again": costs[1:]}))
    return 0


def _compile(source: PlanSource, state: State, server: str) -> tuple[State, bytes]:
    """The new state, and the stack as it is written."""
    changed = {**source.parameters, CHANGED: [server]}
    source = dataclasses.replace(source, parameters=changed)
    made = compiler.compile(loader.load(source), state, SystemEntropy()).raise_for_errors()
    written = output.files(made)
    return made.state, written["stack.json"][0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
