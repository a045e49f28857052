"""What was said, and the cause that is told: one file a case."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from undercloud.deploy import failures
from undercloud.deploy.masking import Masker

CASES = sorted((Path(__file__).parent / "cases" / "failures").glob("*.yaml"))


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_cause(file: Path) -> None:
    case = yaml.safe_load(file.read_text())
    event = {"host": "node-1", "task": "Step 2", "res": case["result"]}
    place = failures.Place("d", "step-2", 2)
    (failure,) = failures.from_result(
        place, event, address="192.0.2.1", unreachable=case.get("unreachable", False)
    )
    assert failure.finding.code == case["code"]
    assert case["message"] in failure.finding.message
    assert case.get("fix", "") in failure.finding.fix
    assert failure.finding.fix
    assert failure.container == case.get("container", "")
    assert "\n".join(failure.log[-2:]) == case.get("log", "\n".join(failure.log[-2:]))
    assert (failure.host, failure.task, failure.step) == ("node-1", "Step 2", 2)


def test_a_playbook_that_ends_badly_without_a_failed_task() -> None:
    lines = ["PLAY [x]", "[ERROR]: couldn't resolve module/action 'nope'", "more"]
    failure = failures.of_playbook("d", "step-1", lines, timed_out=False)
    assert (failure.finding.code, failure.log) == ("DEP-017", tuple(lines))
    assert "couldn't resolve" in failure.finding.message
    assert failures.of_playbook("d", "step-1", lines, timed_out=True).finding.code == "DEP-018"


def test_masking_hides_every_spelling() -> None:
    masker = Masker(["pass/word&1", "line\nbreak", "four"])
    shown = masker.plain(
        {
            "url": "mysql://u:pass%2Fword%261@h or pass/word%261",
            "pass/word&1": ["line\\nbreak", "line\nbreak", 4, None, "four"],
        }
    )
    assert shown == {
        "url": "mysql://u:********@h or ********",
        "********": ["********", "********", 4, None, "four"],
    }
    assert Masker([]).plain("pass") == "pass"
