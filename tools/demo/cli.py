"""The demo's command line."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.demo import readiness, stages
from tools.demo.cloud import Demo
from tools.demo.containers import ContainerDemo
from tools.demo.machines import MachineDemo
from tools.lab.model import NETWORKS

CHECKOUT = Path(__file__).resolve().parents[2]
KINDS: dict[str, Callable[[Path, Path, str], Demo]] = {
    MachineDemo.kind: MachineDemo,
    ContainerDemo.kind: ContainerDemo,
}


def say(text: str) -> None:
    """Write a line before the output of what comes next."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def deploy(demo: Demo, others: Sequence[Demo], begun: float) -> int:
    """Make the cloud; `begun` (seconds since 1970) is when the bootstrap began, 0 if there was none."""
    started = begun or time.time()
    found = readiness.others_there([other.kind for other in others if other.place.exists()])
    facts = readiness.look(demo.directory)
    found += readiness.problems(facts, [demo.ctlplane], demo.needs, first=not demo.place.exists())
    if found:
        say("This machine is not ready for the demo:")
        for problem in found:
            say(f"  {problem.text}\n    fix: {problem.fix}")
        return 1
    timings = [stages.Timing("bootstrap", time.time() - begun)] if begun else []
    demo.write_files()
    timings += stages.run(demo.stages(), env=demo.environment(os.environ), cwd=demo.checkout, say=say)
    say(f"\n{stages.table(timings, time.time() - started)}")
    if stages.failed(timings):
        say("\nNothing is lost: mend what is said above and run `make demo` again.")
        return 1
    say(demo.usage())
    return 0


def clean(demos: Sequence[Demo]) -> int:
    """Remove the demo; what cannot be removed is kept with all files, so that it can be tried again."""
    for demo in demos:
        if demo.place.exists():
            environment = demo.environment(os.environ)
            timings = stages.run(demo.cleaning(), env=environment, cwd=demo.checkout, say=say)
            if stages.failed(timings):
                return 1
            shutil.rmtree(demo.place, ignore_errors=True)
    for demo in demos:
        for path in (demo.state, demo.home):
            shutil.rmtree(path, ignore_errors=True)
        for path in (*demo.files, demo.roles_file):
            path.unlink(missing_ok=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description="A cloud on this machine.")
    parser.add_argument("--nodes", choices=sorted(KINDS), default=MachineDemo.kind, help="what the nodes are")
    parser.add_argument(
        "--ctlplane",
        default=NETWORKS[0].subnet,
        metavar="CIDR",
        help="the nodes' subnet (default: %(default)s)",
    )
    parser.add_argument("--begun", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--clean", action="store_true", help="remove the demo")
    parsed = parser.parse_args(arguments)
    demos = {kind: make(CHECKOUT, CHECKOUT / ".demo", parsed.ctlplane) for kind, make in KINDS.items()}
    if os.geteuid() != 0:
        say("The demo makes nodes and images, which needs root: run it with sudo or as root.")
        return 1
    if parsed.clean:
        return clean(list(demos.values()))
    demo = demos.pop(parsed.nodes)
    return deploy(demo, list(demos.values()), parsed.begun)
