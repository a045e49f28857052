"""The room's door: everything that is to be said about a plan, or about an undercloud.conf."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from undercloud.diagnostics import Finding, Report, Severity, UndercloudError
from undercloud.plan.documents import Document, parse
from undercloud.plan.entropy import Entropy, SeededEntropy
from undercloud.plan.loader import Plan
from undercloud.plan.state import State
from undercloud.playbooks import compiler
from undercloud.playbooks.compiler import Compilation
from undercloud.topology import machines
from undercloud.validation import checks, engine, parameters, registry, rules, secrets, undercloud_conf
from undercloud.validation.checks import undercloud as undercloud_checks
from undercloud.validation.composition import Composition, is_operators
from undercloud.validation.rules import Rule
from undercloud.validation.subject import Previous, Subject
from undercloud.validation.undercloud_conf import UndercloudConf

RULES = "rules/"
"""Where an operator's own rules lie: in this directory of the template tree, as YAML files."""


@dataclasses.dataclass(frozen=True)
class Extras:
    """What an operator hands over besides the plan.

    ``nodes``: the registered machines (path, text); ``undercloud``: undercloud.conf (path, text); ``previous``:
    the earlier compilation; ``modes``: path of a file as the tree spells it → its permission bits; ``rules``:
    files of rules (path, text).
    """

    nodes: tuple[str, str] | None = None
    undercloud: tuple[str, str] | None = None
    previous: Previous | None = None
    modes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    rules: Sequence[tuple[str, str]] = ()


def validate(
    plan: Plan, extras: Extras | None = None, state: State | None = None, entropy: Entropy | None = None
) -> tuple[Finding, ...]:
    """Compile a plan with placeholders for what is generated, and say everything that is wrong with it.

    The clock of ``entropy`` is what certificates are judged by.
    """
    compilation = compiler.compile(plan, state or State(), entropy or SeededEntropy("validation"))
    return findings(compilation, extras or Extras())


def findings(compilation: Compilation, extras: Extras) -> tuple[Finding, ...]:
    """The findings of a compilation, and of everything that is checked besides."""
    report = Report()
    conf = _undercloud(extras, report)
    nodes = _nodes(extras, report)
    composition = Composition(compilation.plan, compilation.stack, compilation.topology)
    subject = Subject(composition, nodes, conf, extras.previous)
    own_rules = tuple(_deciding(rules.of_tree(_documents(compilation.plan, extras, report), report), report))
    report.extend(parameters.check(composition))
    report.extend(registry.check(composition))
    report.extend(secrets.check(composition, extras.modes))
    judged = [
        *engine.apply((*rules.shipped(), *own_rules), composition),
        *checks.run(subject),
    ]
    if not _is_operators_plan(composition):
        judged = [_softened(finding) for finding in judged]
    report.extend(judged)
    own_networks = is_operators(compilation.plan.bundle.named.get("networks", ""))
    before = (_escalated(finding, own_networks=own_networks) for finding in compilation.findings)
    return tuple(_without_followers([*before, *report.findings]))


def undercloud(text: str, file: str) -> tuple[Finding, ...]:
    """The findings about an undercloud.conf."""
    report = Report()
    report.extend(undercloud_checks.check(undercloud_conf.read(text, file, report)))
    return report.findings


def broken(error: UndercloudError, extras: Extras) -> tuple[Finding, ...]:
    """The findings where the plan itself could not be read: its errors, and what the other files have."""
    report = Report(error.findings)
    _undercloud(extras, report)
    _nodes(extras, report)
    return report.findings


def _undercloud(extras: Extras, report: Report) -> UndercloudConf | None:
    if extras.undercloud is None:
        return None
    file, text = extras.undercloud
    conf = undercloud_conf.read(text, file, report)
    report.extend(undercloud_checks.check(conf))
    return conf


def _nodes(extras: Extras, report: Report) -> Document | None:
    if extras.nodes is None:
        return None
    file, text = extras.nodes
    try:
        document = parse(text, file)
    except UndercloudError as error:
        report.extend(error.findings)
        return None
    report.extend(machines.registered(document))
    return document


def _documents(plan: Plan, extras: Extras, report: Report) -> Iterator[Document]:
    given = [
        (path, plan.tree[path].text)
        for path in plan.tree
        if path.startswith(RULES) and path.endswith(".yaml")
    ]
    for path, text in (*given, *extras.rules):
        try:
            yield parse(text, plan.tree.shown(path))
        except UndercloudError as error:
            report.extend(error.findings)


def _deciding(given: Iterable[Rule], report: Report) -> Iterator[Rule]:
    """The rules that decide their own cases; RULE-007 for the others."""
    for rule in given:
        wrong = engine.undecided(rule)
        if not wrong:
            yield rule
            continue
        places = (rule.document.locate(),) if rule.document else ()
        fix = "Mend the rule or its cases: the passing one has to pass, the failing one to fail."
        report.add(
            Finding("RULE-007", f"the rule {rule.code}: {wrong}", fix, Severity.ERROR, places, (rule.code,))
        )


def _is_operators_plan(composition: Composition) -> bool:
    """Whether any file of the operator's own is part of the plan; without one it is a look at the samples."""
    named = composition.plan.bundle.named.values()
    return composition.has_operator_file or any(is_operators(path) for path in named)


def _escalated(finding: Finding, *, own_networks: bool) -> Finding:
    """What compiles and is a mistake all the same.

    An unknown key of a role or network that looks like a known one; a network that is only a name, in a networks
    file of the operator's.
    """
    misspelled = finding.code in _ADDITIONS and finding.fix.startswith("Did you mean")
    nameless = finding.code == "TOP-028" and own_networks
    if finding.severity is Severity.WARNING and (misspelled or nameless):
        return dataclasses.replace(finding, severity=Severity.ERROR)
    return finding


_ADDITIONS = frozenset({"PLAN-013"})


def _softened(finding: Finding) -> Finding:
    if finding.severity is not Severity.ERROR:
        return finding
    return dataclasses.replace(finding, severity=Severity.WARNING)


def _without_followers(found: Sequence[Finding]) -> Iterator[Finding]:
    """Each mistake once.

    The same told by two checks, at the same places, is one; of a value that its parameter refuses nothing more is
    said.
    """
    refused = {
        (name, finding.locations[0])
        for finding in found
        if finding.code in _REFUSED and finding.locations
        for name in finding.parameters
    }
    seen: set[tuple[str, str, tuple[object, ...]]] = set()
    for finding in found:
        if finding.code.startswith("FRM-") and (finding.parameters[0], *finding.locations[:1]) in refused:
            continue
        key = (finding.code, finding.message, finding.locations)
        if key not in seen:
            seen.add(key)
            yield finding


_REFUSED = frozenset({"HOT-012", "HOT-013"})
"""A value of another type, or against a constraint."""


@functools.cache
def catalogue() -> tuple[tuple[str, str, str], ...]:
    """Every rule and check that comes with us: code, title, source."""
    listed = [(rule.code, rule.title, rule.source) for rule in rules.shipped()]
    for check in checks.registered():
        listed += [(code, title, check.source) for code, title in check.codes.items()]
    listed += [(code, title, undercloud_checks.SOURCE) for code, title in undercloud_checks.CODES.items()]
    return tuple(sorted(listed))
