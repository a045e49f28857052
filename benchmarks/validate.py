"""What validation costs beyond compiling: the same plan compiled and validated, each as a whole process.

usage: python -m benchmarks.validate [--templates DIR] [--times N]

``openstack overcloud plan validate`` compiles the plan, too, and writes nothing. The stock overcloud of
tripleo-heat-templates where it is here, and the native templates. The figures are printed, never judged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import clouds
from benchmarks.measuring import Cost, FailedError, cost_of, machine
from tests.conformance import places
from undercloud.plan import loader
from undercloud.plan.bundle import PlanSource
from undercloud.plan.entropy import SeededEntropy
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.validation import validate

_OPENSTACK = str(Path(sys.executable).with_name("openstack"))


def main(words: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--templates", type=Path, default=places.templates())
    parser.add_argument("--times", type=int, default=3, help="runs, of which the best counts")
    parser.add_argument("--in-process", action="store_true", help="only the check itself, no whole processes")
    given = parser.parse_args(words)
    _say(f"{machine()}\n")
    with tempfile.TemporaryDirectory(prefix="undercloud-bench-") as place:
        folder = Path(place)
        for cloud in _clouds(given.templates, folder):
            first, again = itself(cloud)
            _say(f"{cloud.name}: the checks take {first:.2f} CPU s in a new process, {again:.2f} after that")
            if not given.in_process:
                _whole(cloud, folder, given.times)
    return 0


def _clouds(templates: Path | None, folder: Path) -> Iterator[clouds.Cloud]:
    if templates:
        yield clouds.stock(templates, folder / "stock")
    else:
        _say(f"({places.TEMPLATES} is not here: only our own templates are measured)")
    yield clouds.native(folder / "native")


def itself(cloud: clouds.Cloud) -> tuple[float, float]:
    """CPU seconds of the findings of a compiled plan, the first time and the second."""
    options = dict(zip(cloud.options[::2], cloud.options[1::2], strict=False))
    source = PlanSource(
        templates=options.get("--templates", ""),
        roles_file=options.get("-r", ""),
        networks_file=options.get("-n", ""),
        environments=tuple(path for path in [options.get("-e", "")] if path),
    )
    if cloud.name.startswith("native"):
        source = PlanSource(templates=str(places.CHECKOUT / "heat-templates"))
    compiled = compiler.compile(loader.load(source), State(), SeededEntropy("bench"))
    costs = []
    for _ in range(2):
        begun = time.process_time()
        validate.findings(compiled, validate.Extras())
        costs.append(time.process_time() - begun)
    return costs[0], costs[1]


def _whole(cloud: clouds.Cloud, folder: Path, times: int) -> None:
    """Both commands as whole processes, and what lies between them."""
    compiled = [_cost(cloud, folder, "compile") for _ in range(times)]
    validated = [_cost(cloud, folder, "validate") for _ in range(times)]
    first, second = Cost.least(compiled), Cost.least(validated)
    _say(
        f"  plan compile {first.cpu:.2f} CPU s, plan validate {second.cpu:.2f}: {second.cpu - first.cpu:+.2f}"
    )


def _cost(cloud: clouds.Cloud, folder: Path, command: str) -> Cost:
    with tempfile.TemporaryDirectory(dir=folder) as out:
        words: Sequence[str] = ["--output-dir", f"{out}/out"] if command == "compile" else []
        try:
            return cost_of([_OPENSTACK, "overcloud", "plan", command, *cloud.options, *words])
        except FailedError as error:
            raise SystemExit(f"{cloud.name}: {error}") from None


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
