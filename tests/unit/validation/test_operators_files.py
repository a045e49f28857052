"""What depends on the operator's files: which of them wins, who may read them, rules of their own."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.validation import running
from undercloud.diagnostics import Finding, Severity
from undercloud.plan import loader
from undercloud.validation import validate
from undercloud.validation.validate import Extras

TEMPLATES = Path(__file__).parents[3] / "heat-templates"
RULE = """\
- code: OWN-001
  title: Clouds are named by our scheme
  reads: [CloudName]
  must: $p.CloudName.endsWith('.example.test')
  message: CloudName is {CloudName}
  fix: Take a name below example.test.
  source: our own policy
  passing: {CloudName: a.example.test}
  failing: {CloudName: a}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of our templates with a directory for rules."""
    made = tmp_path / "templates"
    shutil.copytree(TEMPLATES, made)
    (made / "rules").mkdir()
    return made


def _file(path: Path, text: str) -> Path:
    path.write_text(f"parameter_defaults:\n  {text}\n")
    return path


def _found(
    code: str, templates: Path, environments: Sequence[Path], extras: Extras | None = None
) -> list[Finding]:
    words = ["--templates", str(templates)]
    words += [word for file in environments for word in ("-e", str(file))]
    plan = loader.load(running.plan_source(words)[0])
    return [each for each in validate.validate(plan, extras) if each.code == code]


def test_of_two_values_the_last_wins_and_both_are_told(tmp_path: Path) -> None:
    first, last = (_file(tmp_path / f"{name}.yaml", f"CloudDomain: {name}.example.test") for name in "ab")
    (finding,) = _found("VAL-005", TEMPLATES, [first, last])
    assert finding.severity is Severity.INFO
    assert [Path(place.file).name for place in finding.locations] == ["b.yaml", "a.yaml"]
    assert "b.yaml wins" in finding.message
    assert _found("VAL-005", TEMPLATES, [first, first]) == []


def test_two_values_of_a_password_are_told_without_them(tmp_path: Path) -> None:
    files = [_file(tmp_path / f"{name}.yaml", f"AdminPassword: sesame-{name}") for name in "ab"]
    (finding,) = _found("VAL-005", TEMPLATES, files)
    assert "sesame" not in str(finding)


def test_a_password_in_a_file_that_others_may_read_is_told(tmp_path: Path) -> None:
    file = _file(tmp_path / "secrets.yaml", "AdminPassword: sesame-open-up")
    (finding,) = _found("VAL-020", TEMPLATES, [file], Extras(modes={str(file): 0o640}))
    assert (finding.severity, finding.parameters) == (Severity.WARNING, ("AdminPassword",))
    assert "0640" in finding.message
    assert "sesame" not in str(finding)
    assert _found("VAL-020", TEMPLATES, [file], Extras(modes={str(file): 0o600})) == []


def test_what_is_no_secret_may_be_read(tmp_path: Path) -> None:
    file = _file(tmp_path / "open.yaml", "CloudDomain: example.test")
    assert _found("VAL-020", TEMPLATES, [file], Extras(modes={str(file): 0o644})) == []


def test_a_rule_in_the_directory_of_the_templates_applies(tree: Path, tmp_path: Path) -> None:
    (tree / "rules/own.yaml").write_text(RULE)
    wrong = _file(tmp_path / "wrong.yaml", "CloudName: cloud.elsewhere.test")
    (finding,) = _found("OWN-001", tree, [wrong])
    assert (finding.severity, finding.message) == (Severity.ERROR, "CloudName is cloud.elsewhere.test")
    assert Path(finding.locations[0].file).name == "wrong.yaml"
    right = _file(tmp_path / "right.yaml", "CloudName: cloud.example.test")
    assert _found("OWN-001", tree, [right]) == []


def test_a_rule_that_does_not_decide_its_cases_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "rules/own.yaml").write_text(RULE.replace("{CloudName: a}", "{CloudName: b.example.test}"))
    wrong = _file(tmp_path / "wrong.yaml", "CloudName: cloud.elsewhere.test")
    (finding,) = _found("RULE-007", tree, [wrong])
    assert finding.locations[0].file.endswith("rules/own.yaml")
    assert _found("OWN-001", tree, [wrong]) == []


def test_a_file_of_rules_that_cannot_be_read_is_told(tree: Path, tmp_path: Path) -> None:
    (tree / "rules/own.yaml").write_text("- code: [OWN-001\n")
    right = _file(tmp_path / "right.yaml", "CloudName: cloud.example.test")
    (finding,) = _found("PLAN-001", tree, [right])
    assert finding.locations[0].file.endswith("rules/own.yaml")
