"""Every shipped rule decides both of its own cases; a rule without them is refused."""

from __future__ import annotations

import collections
import dataclasses

import pytest

from undercloud.diagnostics import Report
from undercloud.plan.documents import parse
from undercloud.validation import engine, rules
from undercloud.validation.rules import Rule

SHIPPED = rules.shipped()


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda rule: rule.code)
def test_a_rule_decides_its_own_cases(rule: Rule) -> None:
    assert engine.undecided(rule) == ""


def test_a_rule_that_does_not_decide_is_told() -> None:
    rule = SHIPPED[0]
    never = dataclasses.replace(rule, failing=rule.passing)
    always = dataclasses.replace(rule, passing=rule.failing)
    assert engine.undecided(never) == "its failing case does not fail"
    assert engine.undecided(always) == "its passing case does not pass"


def test_rules_are_about_everything() -> None:
    kinds = {rule.code.partition("-")[0] for rule in SHIPPED}
    assert kinds >= {"NTR", "NOVA", "GLA", "CIN", "KEY", "SWI", "OCT", "TLS", "HA", "CEPH", "NFV"}


def test_codes_are_given_out_once() -> None:
    assert len(SHIPPED) >= 150
    counted = collections.Counter(rule.code for rule in SHIPPED)
    assert [code for code, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("missing", ["passing", "failing", "source", "fix"])
def test_a_rule_without_its_cases_is_refused(missing: str) -> None:
    rule = {
        "code": "OWN-001",
        "title": "Tokens live for a day at most",
        "reads": "[TokenExpiration]",
        "must": "$p.TokenExpiration <= 86400",
        "message": "TokenExpiration is {TokenExpiration}",
        "fix": "Set it lower.",
        "source": "our own policy",
        "passing": "{TokenExpiration: 3600}",
        "failing": "{TokenExpiration: 90000}",
    }
    text = "- " + "\n  ".join(f"{key}: {value}" for key, value in rule.items() if key != missing)
    report = Report()
    assert rules.read_rules(parse(text, "own.yaml"), report) == ()
    (finding,) = report.errors
    assert missing in finding.message
    assert (finding.locations[0].file, finding.locations[0].line) == ("own.yaml", 1)
