"""Rules applied to a plan."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Finding, Location, Severity
from undercloud.hot.expressions import Expr, evaluate
from undercloud.hot.faults import NOWHERE, Fault, Reported, Site
from undercloud.hot.functions.conditions import holds
from undercloud.hot.parameters import NotConvertible, Parameter
from undercloud.hot.scope import Referable
from undercloud.hot.values import Normaliser
from undercloud.plan.entries import brief
from undercloud.plan.secrets import masked
from undercloud.validation.composition import Composition
from undercloud.validation.rules import Rule

_PLACE = re.compile(r"\{([A-Za-z][\w:]*)\}")


class RuleScope:
    """What a rule's conditions see: values by name (``hot.scope.Scope``); a name that is missing is null."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.normaliser = Normaliser()
        self.parameters: dict[str, Any] = collections.defaultdict(lambda: None, values)

    def missing_parameter(self, name: str, site: Site) -> Exception:
        """Never needed: what is missing is null."""
        return Fault("RULE-006", f"the rule reads {name}, which it does not name", site)

    def resource(self, name: Any, site: Site) -> Referable:
        """A rule sees no resources."""
        raise Fault("RULE-006", f"a rule sees no resource {name}", site)

    def has_resource(self, name: Any) -> bool:  # noqa: ARG002 - the scope's form
        """A rule sees no resources."""
        return False

    def condition(self, name: Any, site: Site) -> bool:
        """Booleans as they are, words as Heat reads them; null does not hold."""
        if name is None or isinstance(name, bool):
            return bool(name)
        if isinstance(name, str) and name.lower() in ("true", "yes", "on", "1"):
            return True
        if isinstance(name, str) and name.lower() in ("false", "no", "off", "0", ""):
            return False
        raise Fault("RULE-006", f"{name!r:.60} is neither true nor false", site)

    def file(self, reference: str, base: str, site: Site) -> str:  # noqa: ARG002 - the scope's form
        """A rule reads no files."""
        raise Fault("RULE-006", "a rule reads no files", site)

    def facade(self, part: str, site: Site) -> Any:
        """A rule stands for no resource."""
        raise Fault("RULE-006", f"a rule has no {part}", site)


def facts(composition: Composition, role: str = "") -> dict[str, Any]:
    """What rules may ask besides parameters.

    ``Services``: short names of all services on nodes; ``ServiceNodes``: name → number of nodes;
    ``Implementations``: name → template; ``Roles``: those with nodes; ``Counts``: role → nodes; ``Networks``,
    ``VipNetworks``: lower-case names; ``NetworkMtus``: name → MTU; ``OperatorSet``: parameters that an operator's file sets; ``FileSet``: those that any file sets; for a role
    ``Role``, ``RoleServices``, ``RoleCount``, ``RoleTags``.
    """
    running = composition.running
    found: dict[str, Any] = {
        "Services": sorted(running),
        "ServiceNodes": {name: composition.nodes_of(name) for name in running},
        "Implementations": {name: composition.implementation_of(name) for name in running},
        "Roles": [name for name, count in composition.counts.items() if count > 0],
        "Counts": dict(composition.counts),
        "Networks": [network.name_lower for network in composition.plan.networks if network.enabled],
        "NetworkMtus": {
            network.name_lower: network.mtu for network in composition.plan.networks if network.enabled
        },
        "VipNetworks": [
            network.name_lower for network in composition.plan.networks if network.enabled and network.vip
        ],
        "OperatorSet": composition.set_by_operator,
        "FileSet": composition.set_by_file,
    }
    if role:
        described = composition.role(role)
        found |= {
            "Role": role,
            "RoleServices": sorted(name for name, roles in running.items() if role in roles),
            "RoleCount": composition.counts.get(role, 0),
            "RoleTags": list(described.tags) if described else [],
        }
    return found


def apply(rules: Iterable[Rule], composition: Composition) -> Iterator[Finding]:
    """The findings of all rules; the same finding for several roles with the same values once."""
    common = facts(composition)
    of_role: dict[str, dict[str, Any]] = {}
    for rule in rules:
        told: set[str] = set()
        for role in _roles(rule, composition):
            if role and role not in of_role:
                of_role[role] = facts(composition, role)
            values = _values(rule, composition, role)
            if values is None:
                continue
            seen = {**(of_role[role] if role else common), **values}
            finding = _finding(rule, composition, role, seen)
            if finding and finding.message not in told:
                told.add(finding.message)
                yield finding


def applies(rule: Rule, values: Mapping[str, Any]) -> bool:
    """Whether the rule has something to say about these values; raises Fault or Reported."""
    return rule.when is None or _holds(rule.when, RuleScope(values))


def violated(rule: Rule, values: Mapping[str, Any]) -> bool:
    """Whether the rule applies to these values and does not hold; raises Fault or Reported."""
    return applies(rule, values) and not _holds(rule.must, RuleScope(values))


def case_values(rule: Rule, case: Mapping[str, Any]) -> dict[str, Any]:
    """What the rule sees in a case of its own: its services run, optional values are their defaults."""
    values = {"Services": list(rule.services), **rule.optional, **case}
    return values | {
        name: converted(name, kind, values[name]) for name, kind in rule.types.items() if name in values
    }


def undecided(rule: Rule) -> str:
    """What the rule gets wrong of its own cases; empty if it decides both."""
    try:
        passing, failing = case_values(rule, rule.passing), case_values(rule, rule.failing)
        if not applies(rule, passing):
            return "it does not apply to its passing case"
        if violated(rule, passing):
            return "its passing case does not pass"
        return "" if violated(rule, failing) else "its failing case does not fail"
    except (Fault, Reported, NotConvertible) as error:
        return f"it cannot be evaluated on its own cases: {getattr(error, 'message', error)}"


def _holds(expr: Expr, scope: RuleScope) -> bool:
    return holds(evaluate(expr, scope), scope, NOWHERE)


def _roles(rule: Rule, composition: Composition) -> list[str]:
    """The roles that a rule is looked at for; an empty name stands for the plan as a whole."""
    with_nodes = [role.name for role in composition.plan.roles if composition.counts.get(role.name, 0) > 0]
    if rule.services:
        if not all(service in composition.running for service in rule.services):
            return []
        if not rule.each_role:
            return [name for name in with_nodes if name in composition.running[rule.services[0]]]
    if rule.each_role:
        first = composition.running.get(rule.services[0], frozenset()) if rule.services else None
        return [name for name in with_nodes if first is None or name in first]
    own = [name for name in with_nodes if composition.role_parameters(name).keys() & set(rule.names)]
    return ["", *own]


def _values(rule: Rule, composition: Composition, role: str) -> dict[str, Any] | None:
    """The values that a rule reads; None where it does not apply because one is missing."""
    values: dict[str, Any] = {}
    for name in rule.names:
        value = composition.value(name, role)
        if value is None:
            if name in rule.reads:
                return None
            value = rule.optional[name]
        kind = rule.types.get(name)
        if kind:
            try:
                value = converted(name, kind, value)
            except NotConvertible:
                return None
        values[name] = value
    return values


def converted(name: str, kind: str, value: Any) -> Any:
    """A value as a parameter of another type would have it; raises NotConvertible."""
    return Parameter(name, kind, NOWHERE).convert(value, Normaliser())


def _finding(rule: Rule, composition: Composition, role: str, values: Mapping[str, Any]) -> Finding | None:
    try:
        if not violated(rule, values):
            return None
    except (Fault, Reported):
        return None  # a value of a form that the rule does not know; types are checked elsewhere
    secret = {name for name in rule.names if composition.is_hidden(name)}
    shown = {name: "(secret)" if name in secret else masked(value) for name, value in values.items()}
    places: dict[Location, None] = {}
    for name in rule.names:
        if composition.settings(name) or (role and name in composition.role_parameters(role)):
            places |= dict.fromkeys(composition.locate(name, role))
    for name in rule.about:
        places |= dict.fromkeys(one.location for one in composition.environment.registry_history(name)[-1:])
    severity = rule.severity
    if severity is Severity.ERROR and not composition.has_operator_file:
        severity = Severity.WARNING
    return Finding(
        rule.code,
        filled(rule.message, shown),
        filled(rule.fix, shown),
        severity,
        tuple(places),
        (*rule.names, *rule.about, *((role,) if rule.each_role else ())),
    )


def filled(text: str, values: Mapping[str, Any]) -> str:
    """``{Name}`` in a text replaced by the value, as an operator writes it."""

    def show(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            return match.group(0)
        value = values[match.group(1)]
        return value if isinstance(value, str) and value else brief(value)

    return _PLACE.sub(show, text)
