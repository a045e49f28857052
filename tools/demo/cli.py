"""The demo's command line."""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tools.demo import machine, stages
from tools.demo.cloud import Demo
from tools.lab.model import NETWORKS

CHECKOUT = Path(__file__).resolve().parents[2]


def say(text: str) -> None:
    """Write a line before the output of what comes next."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def deploy(demo: Demo, begun: float) -> int:
    """Make the cloud; `begun` (seconds since 1970) is when the bootstrap began, 0 if there was none."""
    built = demo.state.exists()
    found = machine.problems(machine.look(demo.directory), [demo.ctlplane], first=not built)
    if found:
        say("This machine is not ready for the demo:")
        for problem in found:
            say(f"  {problem.text}\n    fix: {problem.fix}")
        return 1
    timings = [stages.Timing("bootstrap", time.time() - begun)] if begun else []
    demo.write_files()
    timings += stages.run(demo.stages(), env=demo.environment(os.environ), cwd=demo.checkout, say=say)
    say(f"\n{stages.table(timings)}")
    if timings[-1].status != 0:
        say("\nNothing is lost: mend what is said above and run `make demo` again.")
        return 1
    say(demo.usage())
    return 0


def clean(demo: Demo) -> int:
    """Remove the demo; what cannot be removed is kept with all files, so that it can be tried again."""
    if not demo.directory.exists():
        return 0
    timings = stages.run(demo.cleaning(), env=demo.environment(os.environ), cwd=demo.checkout, say=say)
    if timings[-1].status != 0:
        return 1
    for path in (demo.lab.directory, demo.state, demo.home):
        shutil.rmtree(path, ignore_errors=True)
    for path in (demo.roles_file, demo.cloud_file, demo.directory / "activate", demo.directory / "deploy"):
        path.unlink(missing_ok=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description="A cloud on this machine.")
    parser.add_argument("--nodes", choices=["containers"], default="containers", help="what the nodes are")
    parser.add_argument(
        "--ctlplane",
        default=NETWORKS[0].subnet,
        metavar="CIDR",
        help="the nodes' subnet (default: %(default)s)",
    )
    parser.add_argument("--begun", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--clean", action="store_true", help="remove the demo")
    parsed = parser.parse_args(arguments)
    demo = Demo(CHECKOUT, CHECKOUT / ".demo", parsed.ctlplane)
    if os.geteuid() != 0:
        say("The demo makes nodes and images, which needs root: run it with sudo or as root.")
        return 1
    return clean(demo) if parsed.clean else deploy(demo, parsed.begun)
