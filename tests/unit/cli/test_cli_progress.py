"""The two views of a deployment's events, and the words for time and reports."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.unit.cli.conftest import Terminal
from tests.unit.cli.world import GOOD_RUN, HOSTS, at, event, result
from undercloud.cli import live, progress, rendering, watch
from undercloud.deploy.engine import Event, EventKind
from undercloud.diagnostics import Finding, Location, Severity

CONTAINER = {"kind": "container", "name": "x", "action": "replace"}
FIVE_FILES = [{"kind": "file", "name": name, "action": "create"} for name in "abcde"]


def test_progress_counts_by_host_and_times_stages() -> None:
    state = progress.Progress()
    for one in GOOD_RUN:
        state.take(one)
    assert state.elapsed == 8.0
    assert {name: stage.ended for name, stage in state.stages.items()} == {"compile": at(3), "run": at(8)}
    assert {name: dict(host.counts) for name, host in state.hosts.items()} == {
        "overcloud-controller-0": {"changed": 1},
        "overcloud-compute-0": {"ok": 1},
    }
    assert state.seq == 9


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (event(1, EventKind.STAGE, stage="preflight", status="skipped"), "preflight: skipped"),
        (result(1, "h", "skipped"), ""),
        (result(1, "h", "failed", message="no room"), "  h  FAILED  Step 1 (2.0 s): no room"),
        (result(1, "h", "unreachable", message="timed out"), "  h  UNREACHABLE  Step 1 (2.0 s): timed out"),
        (
            result(1, "h", "changed", data={"actions": FIVE_FILES}),
            "  h  changed  Step 1 (2.0 s): file a create, file b create, file c create and 2 more",
        ),
        (
            result(1, "h", "changed", data={"actions": [*FIVE_FILES, CONTAINER]}),
            "  h  changed  Step 1 (2.0 s): container x replace, file a create, file b create and 3 more",
        ),
        (event(1, EventKind.TASK, stage="step-2", step=2, message="Step 2"), "step-2: Step 2"),
        (event(1, EventKind.TASK, stage="run", step=2, message="Step 2"), "run: step 2: Step 2"),
        (event(1, EventKind.FAILURE, stage="run", host="h", message="not healthy"), "FAILED h: not healthy"),
        (event(1, EventKind.LOG, message="[WARNING]: x"), "  | [WARNING]: x"),
        (event(1, EventKind.DEPLOYMENT, status="running"), ""),
    ],
)  # fmt: skip
def test_the_line_of_an_event(told: Event, line: str) -> None:
    state = progress.Progress()
    state.take(told)
    assert progress.line(told, state) == line


def test_a_terminal_gets_a_table_and_others_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    view = watch.view_for(Terminal(), "title", quiet=False)
    view.close()
    assert isinstance(view, live.LiveTable)
    assert isinstance(watch.view_for(io.StringIO(), "title", quiet=False), progress.Lines)
    assert isinstance(watch.view_for(Terminal(), "title", quiet=True), progress.Lines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(watch.view_for(Terminal(), "title", quiet=False), progress.Lines)


def shown(view: live.LiveTable) -> str:
    console = Console(file=io.StringIO(), width=90, height=14)
    console.print(view.picture())
    text = console.file
    assert isinstance(text, io.StringIO)
    return text.getvalue()


def table() -> live.LiveTable:
    return live.LiveTable("overcloud: deploy", Console(file=io.StringIO(), width=90, height=14))


def test_the_table_has_stages_task_and_hosts() -> None:
    view = table()
    for one in GOOD_RUN[:7]:
        view.show(one)
    text = shown(view)
    view.close()
    assert "overcloud: deploy  00:00  compile run" in text
    assert "step 1: Step 1" in text
    for host in HOSTS:
        assert host in text


def test_failed_hosts_stand_first_and_a_long_list_is_cut() -> None:
    view = table()
    view.show(result(1, "bad", "failed", message="no"))
    for number in range(2, 60):
        view.show(result(number, f"host-{number}", "ok"))
    rows = shown(view).splitlines()
    view.close()
    body = [row.split()[0] for row in rows if row.strip().startswith(("bad", "host-"))]
    assert body[:2] == ["bad", "host-59"]
    assert len(body) == 6
    assert any("and 53 more" in row for row in rows)


def test_findings_stay_above_the_table() -> None:
    console = Console(file=io.StringIO(), width=90)
    view = live.LiveTable("overcloud", console)
    view.show(event(1, EventKind.FINDING, data=Finding("TOP-009", "[bold]odd").as_dict()))
    view.close()
    assert isinstance(console.file, io.StringIO)
    assert "error TOP-009: [bold]odd" in console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text", "clock"),
    [
        (0.04, "0.0 s", "00:00"),
        (9.96, "10.0 s", "00:09"),
        (42.4, "42 s", "00:42"),
        (59.7, "1 min 00 s", "00:59"),
        (185, "3 min 05 s", "03:05"),
        (3725, "1 h 02 min", "1:02:05"),
    ],
)
def test_durations(seconds: float, text: str, clock: str) -> None:
    assert (rendering.duration(seconds), rendering.clock(seconds)) == (text, clock)


def test_a_report_puts_errors_first_and_counts() -> None:
    findings = [
        Finding("A-1", "note", severity=Severity.INFO),
        Finding("A-2", "careful", severity=Severity.WARNING),
        Finding(
            "A-3", "wrong\nsecond line", "mend", locations=(Location("f", 1, 2), Location("g")),
            parameters=("P", "Q"), path=("a", "b"),
        ),
    ]  # fmt: skip
    assert rendering.report_text(findings) == (
        "error A-3  f:1:2\n  also at g\n  wrong\n  second line\n  in: a > b\n  parameters: P, Q\n"
        "  fix: mend\n\nwarning A-2\n  careful\n\ninfo A-1\n  note\n\n1 error, 1 warning, 1 note\n"
    )
    assert rendering.report_text([]) == ""


def test_a_report_is_wrapped_for_a_terminal_only() -> None:
    long = Finding("A-1", "word " * 30)
    assert max(map(len, rendering.report_text([long], width=60).splitlines())) <= 60
    assert max(map(len, rendering.report_text([long]).splitlines())) > 60
