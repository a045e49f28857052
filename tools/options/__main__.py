"""``python -m tools.options``: make the definitions of the services' options anew (as root, ten minutes).

    python -m tools.options --root DIR [--service NAME ...]

DIR is where the Debian packages are unpacked (some 2 GiB); one that is there already is used as it is, so
that services can be read one after the other. What is written lies in undercloud/validation/options/data.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from tools.options import puppet, root, writing

HERE = Path(__file__).parent
DATA = HERE.parents[1] / "undercloud/validation/options/data"

_AT_ONCE = 4


def main() -> int:
    """The tool; ends with 1 where a namespace could not be read."""
    parser = argparse.ArgumentParser(prog="python -m tools.options", description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="where packages are unpacked")
    parser.add_argument("--service", action="append", help="read this one only (repeatable)")
    given = parser.parse_args()
    wanted = yaml.safe_load((HERE / "services.yaml").read_text("utf-8"))
    services = wanted["services"]
    if not given.root.exists():
        root.extract(given.root, wanted["suite"], _packages(wanted))
    chosen = {name: each for name, each in services.items() if not given.service or name in given.service}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        reads = pool.map(lambda each: _read(given.root, each, wanted["sets"]), chosen.values())
        told = dict(zip(chosen, reads, strict=True))
    problems = [f"{name}: {problem}" for name, read in told.items() for problem in read["problems"]]
    shared = _shared(services, wanted["sets"])
    for name, read in told.items():
        versions = root.versions(given.root, services[name]["packages"])
        writing.service(DATA / f"{name}.json", services[name], read, versions, shared)
        for module, parsed in puppet.read_modules(given.root, services[name]["puppet"]).items():
            version = root.versions(given.root, [f"puppet-module-{module}"])
            writing.module(DATA / "puppet" / f"{module}.json", name, parsed, version)
    if not given.service:
        writing.common(DATA / "common.json", told.values(), shared)
        writing.index(DATA / "index.json", DATA)
    for problem in problems:
        say(problem)
    return 1 if problems else 0


def _read(place: Path, service: Mapping[str, Any], sets: Mapping[str, list[Any]]) -> dict[str, Any]:
    """What the packages say about one service, with its files and the namespaces of each."""
    files = {path: flat(names, sets) for path, names in service["files"].items()}
    namespaces = {each for names in files.values() for each in names}
    read = root.read(place, namespaces, service.get("modules", ()))
    return {**read, "files": {path: [*names, "registered"] for path, names in files.items()}}


def flat(names: Iterable[Any], sets: Mapping[str, list[Any]]) -> list[str]:
    """Namespaces with the sets and lists among them resolved, each once; a set's own name may be in it."""
    found: dict[str, None] = {}
    for name in names:
        if isinstance(name, list):
            found |= dict.fromkeys(flat(name, sets))
        elif name in sets:
            found |= dict.fromkeys(flat(sets[name], {key: each for key, each in sets.items() if key != name}))
        else:
            found[name] = None
    return list(found)


def _packages(wanted: Mapping[str, Any]) -> list[str]:
    packages = [*wanted["packages"], "puppet-module-oslo"]
    for service in wanted["services"].values():
        packages += service["packages"]
        packages += [f"puppet-module-{module}" for module in service["puppet"]]
    return packages


def _shared(services: Mapping[str, Any], sets: Mapping[str, list[Any]]) -> set[str]:
    """The namespaces that more than one service has."""
    counted = Counter(
        name
        for service in services.values()
        for name in {each for names in service["files"].values() for each in flat(names, sets)}
    )
    return {name for name, count in counted.items() if count > 1}


def say(text: str) -> None:
    """A line to who runs the tool."""
    sys.stderr.write(f"options: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
