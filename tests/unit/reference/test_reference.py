"""The pages of the reference: true, whole, and what findings point at."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from tools.reference import __main__ as reference
from tools.reference import pages
from tools.reference.codes import families
from tools.reference.harvest import Seen, harvest, told
from tools.reference.parameters import described
from undercloud.diagnostics import Finding
from undercloud.validation import rules
from undercloud.validation.validate import catalogue

ROOT = Path(__file__).parents[3]
FAMILIES = families(ROOT)
SOURCE = '''
"""X-001 a thing that is wrong, X-002 another (and more), X-003: see below."""
NAMED = "X-004"
FIXES = {"X-001": "Do it."}


def check(report, value):
    """X-001 again."""
    text = f"{value.name} is wrong"
    report.add(Finding("X-001", text, did_you_mean(value, KNOWN) or "Remove it.", Severity.WARNING))
    if value:
        text = "it is there"
    else:
        text = "it is not there"
    raise UndercloudError.of("X-002", text, fix="Give it.")


def named(report):
    report.add(Finding(NAMED, "it has a name"))
'''


def test_the_committed_pages_are_what_would_be_made_now() -> None:
    assert reference.stale() == [], "run `make reference`, and commit docs/reference"


def test_every_code_of_a_rule_or_check_has_its_section() -> None:
    there = {code.name for family in FAMILIES for code in family.codes}
    assert {code for code, _, _ in catalogue()} <= there


def test_the_code_of_a_rule_means_nothing_else() -> None:
    shipped = {rule.code for rule in rules.shipped()}
    elsewhere = {
        code
        for code, seen in harvest(ROOT, ("undercloud", "ansible/ansible_collections")).items()
        if any(not module.startswith("undercloud/validation/") for module in seen.modules)
    }
    assert shipped & elsewhere == set()


def test_every_section_says_what_why_and_how_to_mend() -> None:
    for family in FAMILIES:
        for code in family.codes:
            assert code.what, code.name
            assert code.why, code.name
            assert code.mend, code.name


def test_a_finding_points_at_its_section() -> None:
    for family in FAMILIES:
        page = (ROOT / "docs/reference/codes" / f"{family.name.lower()}.md").read_text("utf-8")
        anchors = {heading.lower() for heading in re.findall(r"^## (.*)$", page, re.MULTILINE)}
        for code in family.codes:
            path, _, anchor = Finding(code.name, "").documentation.partition("#")
            assert (ROOT / path).is_file()
            assert anchor in anchors


def test_the_navigation_has_the_pages() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r"reference/[\w./-]+\.md", str(yaml.safe_load(text)["nav"]))
    assert sorted(listed) == sorted(f"reference/{name}" for name in reference.made() if "/" not in name)
    index = (ROOT / "docs/reference/codes.md").read_text("utf-8")
    assert all(f"(codes/{family.name.lower()}.md)" in index for family in FAMILIES)


def test_every_parameter_of_our_templates_is_described() -> None:
    found = {each.name: each for each in described(ROOT / "heat-templates", ROOT / "roles_data")}
    for path in (ROOT / "heat-templates/deployment").rglob("*.yaml"):
        declared = set(yaml.safe_load(path.read_text("utf-8")).get("parameters", ()))
        assert declared - set(found) <= {"ServiceNetMap", "RoleName", "RoleParameters"}
    workers = found["KeystoneWorkers"]
    assert (workers.type, workers.default, workers.constraints) == ("number", 2, ["from 1 to 64"])
    assert "deployment/keystone/keystone.yaml" in workers.templates
    assert "Controller" in workers.roles
    assert found["ROLECount"].description
    assert found["AdminPassword"].hidden
    assert all(each.description for each in found.values())


def test_codes_are_harvested_with_what_the_source_says(tmp_path: Path) -> None:
    ast.parse(SOURCE)
    (tmp_path / "room").mkdir()
    (tmp_path / "room/checks.py").write_text(SOURCE, encoding="utf-8")
    found = harvest(tmp_path, ("room",))
    assert found["X-001"] == Seen(
        "X-001",
        ["a thing that is wrong", "again"],
        ["{value} is wrong"],
        ["Do it.", "Did you mean {name}?", "Remove it."],
        {"warning"},
        ["room/checks.py"],
    )
    assert found["X-002"].messages == ["it is there", "it is not there"]
    assert found["X-002"].titles == ["another (and more)"]
    assert found["X-004"].messages == ["it has a name"]
    assert "X-003" not in found


@pytest.mark.parametrize(
    ("docstring", "codes"),
    [
        (
            "Raises UndercloudError: A-001 no file, A-002 no map (of names), or A-003 both.",
            ["A-001", "A-002", "A-003"],
        ),
        ("A-001 … A-009: see the functions below.", []),
        ("It is SHA-256 of the text.", []),
    ],
)
def test_what_docstrings_tell(docstring: str, codes: list[str]) -> None:
    assert [code for code, _ in told(docstring)] == codes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a value of *any* kind", "A value of \\*any\\* kind."),
        ("NovaWorkers is 0", "NovaWorkers is 0."),
        ("use `a_b` here", "Use `a_b` here."),
        ("see [the page](page.md)", "See [the page](page.md)."),
    ],
)
def test_texts_become_sentences_of_markdown(text: str, shown: str) -> None:
    assert pages.sentence(text) == shown
