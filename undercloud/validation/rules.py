"""Rules about combinations of parameters: data, whose conditions are HOT's.

``when`` and ``must`` are conditions of the language (``equals``, ``not``, ``and``, ``or``, ``contains``,
``get_param``, and every other function inside them), or text: then it is a yaql expression in which ``$p``
is the map of everything that the rule reads, as in ``$p.MinPoll <= $p.MaxPoll``.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from undercloud.diagnostics import Report, Severity, UndercloudError, raise_for
from undercloud.hot.expressions import Compiler, Expr
from undercloud.hot.functions import conditions
from undercloud.hot.versions import LATEST
from undercloud.plan.documents import Document, parse
from undercloud.plan.entries import Entry, Keys

FACTS = (
    "Services",
    "ServiceNodes",
    "Implementations",
    "Roles",
    "Counts",
    "Networks",
    "NetworkMtus",
    "VipNetworks",
    "OperatorSet",
    "FileSet",
    "Role",
    "RoleServices",
    "RoleCount",
    "RoleTags",
)
"""Names that rules may use besides parameters; docs of :func:`undercloud.validation.engine.facts`."""

TYPES = ("string", "number", "boolean", "comma_delimited_list", "json")
_KEYS: Keys = {
    "code": (str,),
    "title": (str,),
    "services": (list,),
    "each": (str,),
    "reads": (list,),
    "optional": (dict,),
    "types": (dict,),
    "when": (str, dict, bool),
    "must": (str, dict, bool),
    "message": (str,),
    "fix": (str,),
    "severity": (str,),
    "source": (str,),
    "about": (list,),
    "passing": (dict,),
    "failing": (dict,),
}
_REQUIRED = ("code", "title", "must", "message", "fix", "source", "passing", "failing")


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule.

    ``services``: all of them must run in the plan (short names); the rule is then looked at for each role
    that runs the first, with that role's own parameters. ``each_role``: for each role with nodes.
    ``reads`` must have values, else the rule does not apply; ``optional`` gives those that may be missing.
    ``types`` converts values that templates declare as text. ``about`` are further names that the finding
    shall carry (services, registry keys).
    """

    code: str
    title: str
    must: Expr
    message: str
    fix: str
    source: str
    passing: Mapping[str, Any]
    failing: Mapping[str, Any]
    when: Expr | None = None
    services: tuple[str, ...] = ()
    each_role: bool = False
    reads: tuple[str, ...] = ()
    optional: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    types: Mapping[str, str] = dataclasses.field(default_factory=dict)
    severity: Severity = Severity.ERROR
    about: tuple[str, ...] = ()
    document: Document | None = dataclasses.field(default=None, repr=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Every parameter that the rule reads."""
        return tuple(name for name in (*self.reads, *self.optional) if name not in FACTS)


def read_rules(document: Document, report: Report) -> tuple[Rule, ...]:
    """The rules of a file.

    RULE-000 no list of maps, RULE-001 a key is missing, RULE-003 an unknown key, RULE-004 a value of the
    wrong type, RULE-005 a condition that cannot be read. A faulty rule is left out.
    """
    file = Entry(document, (), "a file of rules", "RULE-00", report)
    if not isinstance(document.value, list | None):
        file.error("0", "a file of rules is a list", "Start each rule with '- code: CODE'.")
        return ()
    found = []
    for index, data in enumerate(document.value or ()):
        entry = file.at(index).called(f"rule {index + 1}")
        if not isinstance(data, dict):
            entry.error("0", f"{entry.what} is not a map", "Start it with '- code: CODE'.")
            continue
        before = len(report.errors)
        rule = _rule(entry.called(f"the rule {data.get('code', index + 1)}"), data)
        if rule and len(report.errors) == before:
            found.append(rule)
    return tuple(found)


def _rule(entry: Entry, data: Mapping[Any, Any]) -> Rule | None:
    good = entry.checked(data, _KEYS)
    missing = [key for key in _REQUIRED if key not in good]
    if missing:
        fix = "A rule has code, title, must, message, fix, source, and a passing and a failing case."
        entry.error("1", f"{entry.what} lacks {', '.join(missing)}", fix)
        return None
    severity = good.get("severity", "error")
    if severity not in list(Severity):
        entry.at("severity").wrong(severity, "error, warning or info")
        return None
    return Rule(
        code=good["code"],
        title=good["title"],
        must=_condition(entry, good, "must"),
        when=_condition(entry, good, "when") if "when" in good else None,
        message=" ".join(good["message"].split()),
        fix=" ".join(good["fix"].split()),
        source=good["source"],
        passing=good["passing"],
        failing=good["failing"],
        services=tuple(good.get("services", ())),
        each_role=good.get("each") == "role",
        reads=tuple(good.get("reads", ())),
        optional=good.get("optional", {}),
        types=good.get("types", {}),
        severity=Severity(severity),
        about=tuple(good.get("about", ())),
        document=entry.document,
    )


def _condition(entry: Entry, data: Mapping[str, Any], key: str) -> Expr:
    """A condition compiled; its mistakes are reported as RULE-005."""
    value = data[key]
    if isinstance(value, str):
        names = [*data.get("reads", ()), *data.get("optional", {}), *FACTS]
        given = {name: {"get_param": name} for name in names}
        value = {"yaql": {"expression": f"let(p => $.data) -> ({value})", "data": given}}
    compiler = Compiler(_functions(), _functions(), document=entry.document)
    expr = compiler.condition(value, None)
    for problem in compiler.problems:
        entry.at(key).error("5", f"{key} of {entry.what}: {problem.message}", problem.fix)
    return expr


@functools.cache
def _functions() -> Mapping[str, Any]:
    """Everything that the language has: the functions of values, and those of conditions."""
    logical = {
        name: handler
        for name, handler in LATEST.condition_functions.items()
        if handler is not conditions.not_in_conditions
    }
    return {**LATEST.functions, **logical}


@functools.cache
def shipped() -> tuple[Rule, ...]:
    """The rules that come with us; raises UndercloudError if one of them is faulty."""
    report = Report()
    found: list[Rule] = []
    for path in sorted(
        importlib.resources.files("undercloud.validation").joinpath("rules").iterdir(), key=str
    ):
        if path.name.endswith(".yaml"):
            found += read_rules(parse(path.read_text("utf-8"), f"rules/{path.name}"), report)
    raise_for(report)
    return tuple(found)


def of_tree(documents: Iterable[Document], report: Report) -> Iterator[Rule]:
    """An operator's own rules."""
    for document in documents:
        try:
            yield from read_rules(document, report)
        except UndercloudError as error:
            report.extend(error.findings)
