"""plan diff and plan explain through the real shell, on our own templates; the engine is a world."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.test_cli_compile import Compile, compile_plan, plan
from tests.unit.cli.world import World
from undercloud.deploy.requests import PlanRef
from undercloud.diagnostics import UndercloudError

__all__ = ["compile_plan", "plan"]
DIFF = ("overcloud", "plan", "diff")
EXPLAIN = ("overcloud", "plan", "explain")
NOTHING = {
    "before": "overcloud@1",
    "after": "overcloud@2",
    "notes": [],
    **{level: [] for level in ("parameters", "hosts", "containers", "files", "resources")},
    "outputs": [{"path": ["Greeting"], "action": "change", "before": "one", "after": "two"}],
}


@pytest.fixture
def outputs(compile_plan: Compile, tmp_path: Path) -> tuple[str, str]:
    """Two outputs that differ in one value."""
    state, other = str(tmp_path / "kept.json"), str(tmp_path / "other")
    change = tmp_path / "change.yaml"
    change.write_text("parameter_defaults: {MemcachedMaxMemory: '96'}\n")
    compile_plan("--state", state)
    compile_plan("--state", state, "-e", str(change), "--output-dir", other)
    return str(tmp_path / "out"), other


def test_two_outputs_are_compared(openstack: Openstack, outputs: tuple[str, str]) -> None:
    before, after = outputs
    assert openstack(*DIFF, before, before).out == "Nothing differs.\n"
    shown = openstack(*DIFF, before, after).out
    assert "~ MemcachedMaxMemory: 256 -> 96" in shown
    assert "change.yaml:1:22" in shown
    assert "~ memcached restarts (step 2) on all-in-one" in shown
    told = json.loads(openstack(*DIFF, before, after, "-f", "json").out)
    assert [each["name"] for each in told["containers"]] == ["memcached"]
    assert openstack(*DIFF, before, after, "-f", "html").out.startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(("words", "status"), [((), 0), (("--exit-code",), 1)])
def test_exit_status_is_that_of_git_diff(
    openstack: Openstack, outputs: tuple[str, str], words: tuple[str, ...], status: int
) -> None:
    assert openstack(*DIFF, *outputs, *words).status == status
    assert openstack(*DIFF, outputs[0], outputs[0], *words).status == 0


def test_files_are_compared_with_an_output(
    openstack: Openstack, outputs: tuple[str, str], plan: list[str], tmp_path: Path
) -> None:
    """In an operator's CI: what would this change do, with the passwords and addresses as they are."""
    before, _ = outputs
    words = plan[: plan.index("--output-dir")]
    (Path(before) / "state.json").write_text((tmp_path / "kept.json").read_text())
    assert openstack(*DIFF, before, *words).out == "Nothing differs.\n"
    changed = openstack(*DIFF, before, *words, "-e", str(tmp_path / "change.yaml"))
    assert "memcached restarts" in changed.out
    assert changed.status == 0


def test_another_password_is_named_and_not_shown(
    openstack: Openstack, compile_plan: Compile, tmp_path: Path
) -> None:
    compile_plan()
    compile_plan("--output-dir", str(tmp_path / "other"))
    shown = openstack(*DIFF, str(tmp_path / "out"), str(tmp_path / "other")).out
    assert "another secret" in shown
    assert "has another value" in shown
    for side in ("out", "other"):
        passwords = json.loads((tmp_path / side / "state.json").read_text())["passwords"]
        assert not [word for word in passwords.values() if isinstance(word, str) and word in shown]


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"hosts": 3, "version": 1}'])
def test_only_outputs_can_be_compared(openstack: Openstack, tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "plan.json").write_text(text)
    refused = openstack(*DIFF, str(tmp_path), str(tmp_path))
    assert refused.status == 2
    assert "CLI-031" in refused.err
    assert str(tmp_path) in refused.err


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("overcloud@1", "overcloud@2"), (PlanRef("overcloud", 1), PlanRef("overcloud", 2))),
        (("overcloud@1", "overcloud"), (PlanRef("overcloud", 1), PlanRef("overcloud"))),
        (("overcloud", "--deployed"), (PlanRef("overcloud", deployed=True), PlanRef("overcloud"))),
    ],
)
def test_plans_that_are_kept(
    openstack: Openstack, world: World, words: tuple[str, ...], asked: tuple[PlanRef, PlanRef]
) -> None:
    world.difference = NOTHING
    ended = openstack(*DIFF, *words)
    assert world.asked == [asked]
    assert (ended.status, world.closed) == (0, 1)
    assert "~ Greeting: one -> two" in ended.out


def test_files_are_compared_with_what_is_deployed(openstack: Openstack, world: World, tmp_path: Path) -> None:
    world.difference = NOTHING
    site = tmp_path / "site.yaml"
    site.write_text("{}")
    openstack(*DIFF, "cloud", "--deployed", "--templates", str(tmp_path), "-e", str(site))
    ((before, after),) = world.asked
    assert before == PlanRef("cloud", deployed=True)
    assert (after.stack, after.request.stack, after.request.plan.environments) == (
        "cloud",
        "cloud",
        (str(site),),
    )


@pytest.mark.parametrize(
    "words",
    [("one",), ("one", "two", "-e", "site.yaml"), ("a name", "two"), (".", "overcloud@1"), ("x@0", "y")],
)
def test_what_cannot_be_compared(openstack: Openstack, world: World, words: tuple[str, ...]) -> None:
    refused = openstack(*DIFF, *words)
    assert refused.status == 2
    assert world.asked == []


def test_what_the_engine_refuses(openstack: Openstack, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(before: PlanRef, after: PlanRef) -> None:
        raise UndercloudError.of("DEP-005", "it is not deployed")

    monkeypatch.setattr(world, "compare_plans", refuse)
    refused = openstack(*DIFF, "overcloud", "--deployed")
    assert (refused.status, "DEP-005" in refused.err) == (2, True)


def test_a_value_is_explained(openstack: Openstack, plan: list[str], tmp_path: Path) -> None:
    words = plan[: plan.index("--output-dir")]
    change = tmp_path / "change.yaml"
    change.write_text("parameter_defaults: {MemcachedMaxMemory: '96'}\n")
    ended = openstack(*EXPLAIN, "MemcachedMaxMemory", *words, "-e", str(change))
    assert ended.status == 0
    assert "parameter MemcachedMaxMemory = 96" in ended.out
    assert "change.yaml:1:22]" in ended.out
    assert "container memcached on all-in-one: restarts in step 2: other command" in ended.out
    forms = [openstack(*EXPLAIN, "host:all-in-one", *words, "-f", form).out for form in ("json", "yaml")]
    told = json.loads(forms[0])
    assert told == yaml.safe_load(forms[1])
    assert [(each["kind"], each["value"]) for each in told["answers"]] == [("host", "192.0.2.11")]
    assert not (tmp_path / "out").exists(), "nothing is written"


def test_what_a_parameter_leads_to_may_be_left_out(openstack: Openstack, plan: list[str]) -> None:
    words = plan[: plan.index("--output-dir")]
    quiet = openstack(*EXPLAIN, "MemcachedMaxMemory", *words, "--no-effects")
    assert "leads to" not in quiet.out


def test_all_effects_are_shown_on_request(openstack: Openstack, plan: list[str]) -> None:
    words = plan[: plan.index("--output-dir")]
    some = openstack(*EXPLAIN, "StandaloneServices", *words).out
    every = openstack(*EXPLAIN, "StandaloneServices", *words, "--all").out
    assert len(every) >= len(some)
    assert "--all shows them" not in every


def test_a_name_with_a_slip(openstack: Openstack, plan: list[str]) -> None:
    words = plan[: plan.index("--output-dir")]
    ended = openstack(*EXPLAIN, "MemcachedMaxMemry", *words)
    assert ended.status == 1
    assert "EXP-001" in ended.out
    assert "Did you mean MemcachedMaxMemory" in ended.out


def test_a_plan_with_errors_is_explained_as_far_as_it_goes(
    openstack: Openstack, plan: list[str], tmp_path: Path
) -> None:
    words = plan[: plan.index("--output-dir")]
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("parameter_defaults: {KeystoneWorkers: 1000}\n")
    ended = openstack(*EXPLAIN, "KeystoneWorkers", *words, "-e", str(wrong))
    assert ended.status == 0
    assert "wrong.yaml:1:22]" in ended.out
    assert "The plan has 1 error" in ended.out
    told = json.loads(openstack(*EXPLAIN, "KeystoneWorkers", *words, "-e", str(wrong), "-f", "json").out)
    assert [finding["code"] for finding in told["findings"]] == ["HOT-013"]


def test_the_state_gives_addresses_as_they_are(
    openstack: Openstack, compile_plan: Compile, plan: list[str], tmp_path: Path
) -> None:
    compile_plan()
    state = tmp_path / "out" / "state.json"
    before = state.read_text()
    words = plan[: plan.index("--output-dir")]
    ended = openstack(*EXPLAIN, "host:all-in-one", *words, "--state", str(state))
    assert (ended.status, state.read_text()) == (0, before)


def test_a_kept_plan_is_explained_by_the_engine(openstack: Openstack, world: World) -> None:
    done = openstack(*EXPLAIN, "TokenExpiration", "--plan", "overcloud@3", "--all", "--no-effects")
    assert (done.status, done.out) == (0, "parameter TokenExpiration\n")
    assert world.asked == [(PlanRef("overcloud", 3), "TokenExpiration", False, True)]
    told = openstack(*EXPLAIN, "NtpServer", "--plan", "overcloud", "-f", "json").out
    assert json.loads(told) == {"name": "NtpServer", "answers": [], "findings": []}
    assert world.asked[-1][0] == PlanRef("overcloud")
    refused = openstack(*EXPLAIN, "NtpServer", "--plan", "overcloud", "-e", "site.yaml")
    assert (refused.status, "CLI-002" in refused.err) == (2, True)
    assert world.closed == 2
