"""What compiling costs as a whole process, start-up included, beside real Heat.

usage: python -m benchmarks.compile [--templates DIR] [--sizes N …] [--times N] [--heat] [--json FILE]

Measures ``openstack overcloud plan compile``: the stock overcloud of tripleo-heat-templates (3 controllers, 1
compute), the same with more computes, the native templates, and compiling again in a running process. Nothing
is kept between runs: each writes into a new directory. With ``--heat`` and HEAT_REFERENCE_HOME the reference
program runs real Heat on the same plan, in the same run; else its recorded figures are compared with.

The figures are printed, never judged: on a busy machine CPU seconds grow too.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import clouds, heat
from benchmarks.measuring import Cost, cost_of, machine
from tests.conformance import places

SIZES = (1_000, 10_000)
_OPENSTACK = str(Path(sys.executable).with_name("openstack"))


@dataclasses.dataclass(frozen=True)
class Measured:
    """What one thing cost, the best of some runs."""

    name: str
    nodes: int
    cost: Cost


def main(words: list[str]) -> int:
    """Measure, print, and keep the figures where that is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--templates", type=Path, default=places.templates())
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES, help="numbers of computes")
    parser.add_argument("--times", type=int, default=3, help="runs of a small plan, of which the best counts")
    parser.add_argument("--heat", action="store_true", help="run real Heat too, once")
    parser.add_argument("--reference", type=Path, help="heat_reference.py")
    parser.add_argument("--port", type=int, default=8406)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    given = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="undercloud-bench-") as place:
        folder = Path(place)
        theirs = _heat(given, parser, folder) if given.heat else heat.recorded()
        found = []
        for each in _measurements(given, folder):
            found.append(each)
            _say(_line(each))
    if found and found[0].name.startswith("stock"):
        _compare(found[0].cost, theirs)
    if given.json:
        figures = {each.name: {"nodes": each.nodes, **_rounded(each.cost)} for each in found}
        text = json.dumps({"machine": machine(), "figures": figures}, indent=1)
        given.json.write_text(text + "\n")
    return 0


def _heat(given: argparse.Namespace, parser: argparse.ArgumentParser, folder: Path) -> heat.Heat:
    shared, home = places.shared(), os.environ.get("HEAT_REFERENCE_HOME")
    program = given.reference or (shared and shared / "reference/heat_reference.py")
    if not home or not program:
        parser.error("--heat needs HEAT_REFERENCE_HOME and --reference")
    _say("real Heat …")
    return heat.measured(program, Path(home), folder, given.port)


def _measurements(given: argparse.Namespace, folder: Path) -> Iterator[Measured]:
    _say(f"{machine()}\n\n{'':28}  CPU s   wall s    MiB")
    if given.templates:
        stock = clouds.stock(given.templates, folder / "stock")
        yield _compiled(stock, folder, given.times)
        yield from _again(stock, given.times)
        for size in given.sizes:
            yield _compiled(clouds.stock(given.templates, folder / str(size), size), folder, 1)
    else:
        _say(f"({places.TEMPLATES} is not here: only our own templates are measured)")
    yield _compiled(clouds.native(folder / "native"), folder, given.times)
    for size in given.sizes:
        yield _compiled(clouds.native(folder / f"native-{size}", size), folder, 1)
    starts = [cost_of([_OPENSTACK, "--version"]) for _ in range(given.times)]
    yield Measured("openstack --version", 0, Cost.least(starts))


def _compiled(cloud: clouds.Cloud, folder: Path, times: int) -> Measured:
    """A whole process, from the operator's files to the directory."""
    costs = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(dir=folder) as out:
            command = [
                _OPENSTACK,
                "overcloud",
                "plan",
                "compile",
                *cloud.options,
                "--output-dir",
                f"{out}/out",
            ]
            costs.append(cost_of(command))
    return Measured(cloud.name, cloud.nodes, Cost.least(costs))


def _again(cloud: clouds.Cloud, times: int) -> Iterator[Measured]:
    """Compiling once more in a process that has done it before, one value changed."""
    with tempfile.TemporaryDirectory() as place:
        said = Path(place) / "said"
        script = [sys.executable, "-m", "benchmarks.recompile", "--to", str(said), str(times), *cloud.options]
        whole = cost_of(script)
        seconds = json.loads(said.read_text())
    name = f"{cloud.name}, again"
    best = min(seconds["again"], key=lambda each: float(each["cpu"]))
    yield Measured(name, cloud.nodes, Cost(best["cpu"], best["wall"], whole.memory))


def _line(measured: Measured) -> str:
    cost = measured.cost
    return f"{measured.name:28} {cost.cpu:6.2f} {cost.wall:8.2f} {cost.memory:6.0f}"


def _compare(ours: Cost, theirs: heat.Heat) -> None:
    _say(f"\nReal Heat, stack create alone ({theirs.source}): {theirs.cpu:.1f} CPU s, {theirs.wall:.1f} s")
    cheaper, faster = theirs.cpu / ours.cpu, theirs.wall / ours.wall
    _say(f"The stock overcloud takes a {cheaper:.0f}th of the CPU seconds, a {faster:.0f}th of the time.")
    if theirs.wall_of_all:
        cpu = f"{theirs.cpu_of_all:.1f} CPU s, " if theirs.cpu_of_all else ""
        _say(f"With TripleO's client, from files to directory: {cpu}{theirs.wall_of_all:.1f} s.")


def _rounded(cost: Cost) -> dict[str, float]:
    return {name: round(value, 2) for name, value in dataclasses.asdict(cost).items()}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
