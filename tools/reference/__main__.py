"""``python -m tools.reference``: write the reference pages anew; ``--check`` only says which are stale."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tools.reference import pages
from tools.reference.codes import families
from tools.reference.commands import became, registered
from tools.reference.parameters import described

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "docs/reference"
_DATA = ROOT / "undercloud/validation/options/data"


def made() -> dict[str, str]:
    """Every page by its path below docs/reference."""
    found = families(ROOT)
    return {
        "codes.md": pages.index(found),
        **{f"codes/{family.name.lower()}.md": pages.family_page(family) for family in found},
        "parameters.md": pages.parameters_page(described(ROOT / "heat-templates", ROOT / "roles_data")),
        "commands.md": pages.commands_page(registered(ROOT), became(ROOT)),
        "options.md": pages.options_page(_services()),
    }


def stale() -> list[str]:
    """The pages that are not there, are no longer made, or say something else than they would now."""
    wanted = made()
    there = {str(path.relative_to(PLACE)): path.read_text("utf-8") for path in PLACE.rglob("*.md")}
    return sorted(name for name in {*wanted, *there} if wanted.get(name) != there.get(name))


def _services() -> list[tuple[str, dict[str, str], int, list[str]]]:
    found = []
    for path in sorted(_DATA.glob("*.json")):
        data = json.loads(path.read_text("utf-8"))
        if "files" in data:
            count = sum(len(group) for each in data["namespaces"].values() for group in each.values())
            found.append((path.stem, data["packages"], count, list(data["files"])))
    return found


def main() -> int:
    """Write what is stale, or with ``--check`` say it and end with 1."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=(__doc__ or "").strip())
    parser.add_argument("--check", action="store_true", help="write nothing")
    given = parser.parse_args()
    names = stale()
    wanted = made() if names and not given.check else {}
    for name in names:
        path = PLACE / name
        if given.check:
            sys.stderr.write(f"stale: {path.relative_to(ROOT)}\n")
        elif name in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new")
            fresh.write_text(wanted[name], encoding="utf-8")
            fresh.replace(path)
        else:
            path.unlink()
    return 1 if names and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
