"""The benchmarks still run; what they cost is not judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import clouds, heat, recompile, status
from benchmarks.measuring import Cost, FailedError, cost_of
from tests.conformance import places


def test_a_process_is_measured_whole() -> None:
    cost = cost_of([sys.executable, "-c", "held = b'x' * (80 << 20); sum(range(3_000_000))"])
    assert cost.memory > 80
    assert 0 < cost.cpu < 60
    assert cost.wall > 0


def test_a_failure_is_told_with_its_words() -> None:
    with pytest.raises(FailedError, match=r"(?s)ended with 3:.*no such plan"):
        cost_of([sys.executable, "-c", "import sys; print('no such plan'); sys.exit(3)"])


def test_the_run_that_was_disturbed_least_counts() -> None:
    assert Cost.least([Cost(2.0, 1.0, 1.0), Cost(1.0, 9.0, 1.0)]).cpu == 1.0


def test_a_plan_is_compiled_again_with_another_value(tmp_path: Path) -> None:
    cloud = clouds.native(tmp_path / "cloud")
    assert recompile.main(["--to", str(tmp_path / "said"), "2", *cloud.options]) == 0
    said = json.loads((tmp_path / "said").read_text())
    assert len(said["again"]) == 2
    assert min(each["cpu"] for each in said["again"]) > 0


def test_recorded_figures_of_heat_are_there_without_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "golden", lambda _name: None)
    assert heat.recorded() == heat.RECORDED


def test_reads_of_a_status_are_counted(tmp_path: Path) -> None:
    file = status.fill(tmp_path)
    with status.serving(file) as service, status.recording(file):
        for path in status.PATHS:
            found = status.reads(service, path, clients=2, seconds=0.2)
            assert len(found.took) >= 2
            assert found.took == sorted(found.took)
            assert found.cpu > 0
