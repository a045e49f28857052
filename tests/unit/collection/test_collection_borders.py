"""Podman's and systemd's command lines, and commands as such: what is asked, how answers are understood."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.undercloud.deploy.plugins.module_utils import commands
from ansible_collections.undercloud.deploy.plugins.module_utils.commands import Result
from ansible_collections.undercloud.deploy.plugins.module_utils.desired import Validation
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.module_utils.model import ContainerFact, UnitFact
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman
from ansible_collections.undercloud.deploy.plugins.module_utils.systemd import Systemd
from ansible_collections.undercloud.deploy.plugins.module_utils.validations import validate

# As podman 4.3.1 prints it, cut to what matters.
PS = [
    {
        "ExitCode": 0,
        "Image": "192.168.24.1:8787/undercloud/keystone:9f1c",
        "ImageID": "4305f16eb7c6",
        "Labels": {"undercloud.stack": "overcloud", "undercloud.hash": "ab12"},
        "Names": ["keystone"],
        "State": "running",
        "Status": "Up 3 minutes (unhealthy)",
    },
    {
        "ExitCode": 3,
        "Image": "i",
        "ImageID": "x",
        "Labels": None,
        "Names": ["job"],
        "State": "exited",
        "Status": "Exited (3)",
    },
]
INSPECTED = {
    "Image": "4305f16eb7c6",
    "RestartCount": 2,
    "State": {"Status": "running", "ExitCode": 0, "StartedAt": "2026-11-20T10:24:35Z", "OOMKilled": False},
    "Config": {"Healthcheck": {"Test": ["CMD", "/bin/true"]}},
}
SHOWN = """\
Id=chrony.service
Names=chrony.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled
NeedDaemonReload=no

Id=none.service
Names=none.service
LoadState=not-found
ActiveState=inactive
UnitFileState=
NeedDaemonReload=no

Id=ours.service
Names=ours.service
LoadState=loaded
ActiveState=failed
UnitFileState=disabled
NeedDaemonReload=yes
"""


class Recorder:
    """Answers commands from a table of their beginnings, and remembers them."""

    def __init__(self, answers: Mapping[str, Result] | None = None) -> None:
        self.answers = dict(answers or {})
        self.asked: list[str] = []
        self.options: list[Mapping[str, Any]] = []

    def __call__(self, arguments: Sequence[str], **options: Any) -> Result:
        line = " ".join(arguments)
        self.asked.append(line)
        self.options.append(options)
        fitting = [answer for beginning, answer in self.answers.items() if line.startswith(beginning)]
        return fitting[0] if fitting else Result(0)


def code(error: pytest.ExceptionInfo[NodeError]) -> tuple[str, str]:
    problem = error.value.problems[0]
    assert problem.fix
    return problem.code, problem.message


def test_containers_by_one_call() -> None:
    run = Recorder({"podman ps": Result(0, json.dumps(PS))})
    assert Podman(run=run).containers() == {
        "keystone": ContainerFact(
            "running",
            {"undercloud.stack": "overcloud", "undercloud.hash": "ab12"},
            "192.168.24.1:8787/undercloud/keystone:9f1c",
            "4305f16eb7c6",
            0,
            "unhealthy",
        ),
        "job": ContainerFact("exited", {}, "i", "x", 3, ""),
    }
    assert run.asked == ["podman ps --all --format json"]


def test_no_containers() -> None:
    assert Podman(run=Recorder({"podman ps": Result(0, "null\n")})).containers() == {}


def test_images_that_are_here() -> None:
    listed = [
        {"Id": "sha256:aa", "Names": ["r:1/a:1", "r:1/a:2"], "RepoDigests": ["r:1/a@sha256:dd"]},
        {"Id": "bb", "Names": None},
    ]
    run = Recorder({"podman images": Result(0, json.dumps(listed))})
    assert Podman(run=run).images(["r:1/a:2", "r:1/a@sha256:dd", "r:1/b:1"]) == {
        "r:1/a:2": "aa",
        "r:1/a@sha256:dd": "aa",
    }
    assert len(run.asked) == 1
    assert Podman(run=run).images([]) == {}
    assert len(run.asked) == 1


def test_pull_uses_credentials_where_there_are_any(tmp_path: Path) -> None:
    run = Recorder()
    authfile = tmp_path / "auth.json"
    Podman(str(authfile), run).pull("r:1/a:1")
    authfile.write_text("{}")
    Podman(str(authfile), run).pull("r:1/a:1")
    assert run.asked == ["podman pull --quiet r:1/a:1", f"podman pull --quiet --authfile {authfile} r:1/a:1"]


def test_pull_that_fails_names_image_registry_and_reason() -> None:
    error = "Trying to pull r:1/a:1...\nError: initializing source docker://r:1/a:1: manifest unknown\n"
    with pytest.raises(NodeError) as raised:
        Podman(run=Recorder({"podman pull": Result(125, "", error)})).pull("r:1/a:1")
    assert code(raised) == (
        "NODE-007",
        f"the image r:1/a:1 cannot be had from the registry r:1: {error.splitlines()[1]}",
    )


def test_full_disk_has_a_code_of_its_own() -> None:
    full = Result(125, "", "Error: writing blob: write /var/tmp/x: no space left on device\n")
    podman = Podman(run=Recorder({"podman": full}))
    calls: list[Callable[[], None]] = [
        lambda: podman.pull("r:1/a:1"),
        lambda: podman.create("a", [], {}),
        lambda: podman.start("a"),
    ]
    for call in calls:
        with pytest.raises(NodeError) as raised:
            call()
        assert code(raised)[0] == "NODE-010"


def test_podman_that_is_not_there() -> None:
    with pytest.raises(NodeError) as raised:
        Podman(run=Recorder({"podman": Result(127, "", "podman: command not found")})).containers()
    assert code(raised) == ("NODE-011", "podman cannot list the containers: podman: command not found")
    assert raised.value.problems[0].fix == "Install podman on the node."


def test_secret_environment_is_not_on_the_command_line() -> None:
    run = Recorder()
    Podman(run=run).create("a", ["--env", "PW", "img:1"], {"PW": "correct horse"})
    assert run.asked == ["podman create --name a --env PW img:1"]
    assert run.options[0]["secret_environment"] == {"PW": "correct horse"}


def test_paused_containers_go_on_or_stop() -> None:
    paused = Result(125, "", "Error: container state improper: paused")
    run = Recorder({"podman start": paused})
    Podman(run=run).start("a")
    assert run.asked == ["podman start a", "podman unpause a"]
    run = Recorder({"podman stop": paused})
    with pytest.raises(NodeError):
        Podman(run=run).stop("a")
    assert run.asked == ["podman stop --ignore a", "podman unpause a", "podman stop --ignore a"]


def test_state() -> None:
    run = Recorder({"podman container inspect a": Result(0, json.dumps([INSPECTED]))})
    assert Podman(run=run).state("a") == {
        "running": True,
        "exit_code": 0,
        "started": "2026-11-20T10:24:35Z",
        "restarts": 2,
        "image_id": "4305f16eb7c6",
        "oom": False,
        "checked": True,
    }


@pytest.mark.parametrize("check", [None, {}, {"Test": ["NONE"]}, {"Test": None}])
def test_no_health_check(check: object) -> None:
    entry = {**INSPECTED, "Config": {"Healthcheck": check}}
    assert not Podman(run=Recorder({"podman": Result(0, json.dumps([entry]))})).state("a")["checked"]


def test_waiting() -> None:
    assert Podman(run=Recorder({"podman wait": Result(0, "3\n")})).wait("a", 5) == 3
    assert Podman(run=Recorder({"podman wait": Result(None)})).wait("a", 5) is None


def test_logs_are_the_last_lines_without_colours() -> None:
    text = "".join(f"line {number}\n" for number in range(30))
    run = Recorder({"podman logs": Result(0, text, "\x1b[01;31merror\x1b[00m\n")})
    lines = Podman(run=run).logs("a")
    assert (len(lines), lines[-2:]) == (20, ("line 29", "error"))
    assert Podman(run=Recorder({"podman logs": Result(125, "", "Error: no such container")})).logs("a") == ()


def test_logs_of_an_attempt_that_is_over() -> None:
    run = Recorder({"podman logs": Result(0, "".join(f"line {number}\n" for number in range(900)))})
    lines = Podman(run=run).logs("a", "2026-11-20T10:24:35Z")
    assert run.asked == ["podman logs --tail 1000 --until 2026-11-20T10:24:35Z a"]
    assert (len(lines), lines[-1]) == (20, "line 899")


def test_units_by_one_call_and_unknown_ones_left_out() -> None:
    run = Recorder({"systemctl show": Result(0, SHOWN)})
    assert Systemd(run).units(["ours.service", "chrony.service", "none.service"]) == {
        "chrony.service": UnitFact("loaded", True, "enabled", False),
        "ours.service": UnitFact("loaded", False, "disabled", True),
    }
    assert len(run.asked) == 1
    assert run.asked[0].endswith("-- chrony.service none.service ours.service")
    assert Systemd(run).units([]) == {}


def test_no_systemd() -> None:
    refused = Result(1, "", "System has not been booted with systemd as init system")
    with pytest.raises(NodeError) as raised:
        Systemd(Recorder({"systemctl": refused})).units(["a.service"])
    assert code(raised)[0] == "NODE-012"
    assert "not been booted with systemd" in code(raised)[1]


def test_unit_that_does_not_start_tells_its_journal() -> None:
    run = Recorder(
        {"systemctl start": Result(1, "", "Job for a.service failed."), "journalctl": Result(0, "one\ntwo\n")}
    )
    with pytest.raises(NodeError) as raised:
        Systemd(run).do("start", "a.service")
    assert code(raised) == ("NODE-012", "systemctl start a.service failed: Job for a.service failed.")
    assert raised.value.problems[0].log == ("one", "two")
    Systemd(run).do("daemon-reload")
    assert run.asked[-1] == "systemctl daemon-reload"


def test_commands() -> None:
    assert commands.run(["sh", "-c", "echo out; echo err >&2; exit 4"]) == Result(4, "out\n", "err\n")
    assert commands.run(["sleep", "5"], timeout=0.05).status is None
    assert commands.run(["/none/such"]) == Result(127, "", "/none/such: command not found")
    assert commands.run(["/etc"]).status == 126
    assert commands.run(["sh", "-c", "echo $PW"], secret_environment={"PW": "x"}).output == "x\n"
    assert commands.run(["cat"]).output == "", "nothing is read from our input"


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (Result(1, "", "time=x level=warning\nError: the cause\nmore\n"), "Error: the cause"),
        (Result(1, "", "one\ntwo\n\n"), "two"),
        (Result(1, "said on output\n", ""), "said on output"),
        (Result(2), "exit status 2"),
    ],
)
def test_the_line_that_says_most(result: Result, line: str) -> None:
    assert result.last_error == line


def test_validations_are_tried_until_they_succeed() -> None:
    tries: list[str] = []

    def run(arguments: Sequence[str], **_: object) -> Result:
        tries.append(" ".join(arguments))
        return Result(0 if len(tries) == 3 else 1)

    slept: list[float] = []
    validate([Validation("v", ("check",), retries=5, delay=7)], Podman(run=run), run, slept.append)
    assert tries == ["check"] * 3
    assert slept == [7, 7]


def test_validations_that_fail_are_all_told() -> None:
    run = Recorder({"podman exec a ping": Result(None), "here": Result(2, "out\n", "err\n")})
    checks = [
        Validation("in a", ("ping",), "a", retries=1, delay=0),
        Validation("fine", ("true",)),
        Validation("here", ("here",), retries=0),
    ]
    with pytest.raises(NodeError) as raised:
        validate(checks, Podman(run=run), run, lambda _: None)
    assert [(one.code, one.message, one.container, one.log) for one in raised.value.problems] == [
        (
            "NODE-015",
            "the check 'in a' failed in the container 'a', tried 2 times: it did not end in time",
            "a",
            (),
        ),
        ("NODE-015", "the check 'here' failed on the node, tried 1 times: exit status 2", "", ("out", "err")),
    ]


def test_everything_that_runs_on_a_node_is_written_for_python_3_9() -> None:
    plugins = Path(commands.__file__).parents[1]
    for path in sorted(plugins.rglob("*.py")):
        source = path.read_text()
        ast.parse(source, str(path), feature_version=(3, 9))
        assert "from __future__ import annotations" in source, path
