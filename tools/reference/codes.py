"""Every code with what is to be told about it: from rules, checks, the sources, and families.yaml."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from tools.reference.harvest import Seen, harvest
from undercloud.validation import checks, rules
from undercloud.validation.checks import undercloud as undercloud_checks
from undercloud.validation.rules import Rule

_SOURCES = ("undercloud", "ansible/ansible_collections")


@dataclasses.dataclass(frozen=True)
class Code:
    """One code.

    ``what``, ``why`` and ``mend`` are sentences; ``says`` and ``mends`` the messages and fixes as the sources
    have them; ``rule`` is set for a code of a rule.
    """

    name: str
    what: str
    why: str
    mend: str
    says: tuple[str, ...] = ()
    mends: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    source: str = ""
    rule: Rule | None = None


@dataclasses.dataclass(frozen=True)
class Family:
    """The codes that begin with one word."""

    name: str
    title: str
    why: str
    mend: str
    codes: tuple[Code, ...]


def families(root: Path) -> tuple[Family, ...]:
    """All families by name, each with its codes; raises KeyError for a family that is not described."""
    told = yaml.safe_load((Path(__file__).parent / "families.yaml").read_text("utf-8"))
    seen = harvest(root, _SOURCES)
    shipped = {rule.code: rule for rule in rules.shipped()}
    checked = _checked()
    found: dict[str, list[Code]] = {}
    for name in sorted({*seen, *shipped, *checked}):
        prefix = name.partition("-")[0]
        if prefix not in told["families"]:
            raise KeyError(f"describe the codes {prefix}- in tools/reference/families.yaml")
        family = told["families"][prefix]
        own = told["codes"].get(name, {})
        if name in shipped:
            code = _of_rule(shipped[name])
        else:
            code = _of_source(name, seen.get(name) or Seen(name), checked.get(name), family, own)
        found.setdefault(prefix, []).append(code)
    return tuple(
        Family(name, each["title"], each["why"], each["mend"], tuple(found[name]))
        for name, each in sorted(told["families"].items())
        if name in found
    )


def _checked() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Code of a check → title, what it reads, source."""
    found = {
        code: (title, each.reads, each.source)
        for each in checks.registered()
        for code, title in each.codes.items()
    }
    conf = {
        code: (title, ("undercloud.conf",), undercloud_checks.SOURCE)
        for code, title in undercloud_checks.CODES.items()
    }
    return {**found, **conf}


def _of_rule(rule: Rule) -> Code:
    return Code(
        rule.code,
        rule.title,
        rule.message,
        rule.fix,
        severities=(str(rule.severity),),
        reads=rule.names,
        source=rule.source,
        rule=rule,
    )


def _of_source(
    name: str,
    seen: Seen,
    checked: tuple[str, tuple[str, ...], str] | None,
    general: dict[str, Any],
    own: dict[str, Any],
) -> Code:
    title, reads, source = checked or ("", (), "")
    says = [text for text in seen.messages if text not in seen.titles]
    described = seen.titles[0] if seen.titles else says[0] if says else ""
    return Code(
        name,
        own.get("what") or title or described,
        own.get("why") or general["why"],
        own.get("mend") or (seen.fixes[0] if len(seen.fixes) == 1 else "") or general["mend"],
        tuple(says),
        tuple(seen.fixes) if len(seen.fixes) > 1 else (),
        tuple(sorted(seen.severities)),
        tuple(reads),
        source,
    )
