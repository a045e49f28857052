"""The node's runtime wrapper: no limit above the hard limit reaches runc."""

import importlib.machinery
import importlib.util
import json
import resource
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tools.lab import image


@pytest.fixture(scope="module")
def wrapper() -> Iterator[ModuleType]:
    path = str(image.DEFINITIONS / "runc-clamped")
    loader = importlib.machinery.SourceFileLoader("runc_clamped", path)
    spec = importlib.util.spec_from_loader("runc_clamped", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    yield module


def limit(kind: str, hard: int, soft: int) -> dict[str, Any]:
    return {"type": kind, "hard": hard, "soft": soft}


@pytest.mark.parametrize(
    ("asked", "allowed", "given"),
    [
        (limit("RLIMIT_NOFILE", 1048576, 1048576), 20000, limit("RLIMIT_NOFILE", 20000, 20000)),
        (limit("RLIMIT_NOFILE", 1048576, 1024), 20000, limit("RLIMIT_NOFILE", 20000, 1024)),
        (limit("RLIMIT_NOFILE", 1024, 1024), 20000, limit("RLIMIT_NOFILE", 1024, 1024)),
        (limit("RLIMIT_CORE", 1 << 64, 0), resource.RLIM_INFINITY, limit("RLIMIT_CORE", 1 << 64, 0)),
    ],
)
def test_clamp(wrapper: ModuleType, asked: dict[str, Any], allowed: int, given: dict[str, Any]) -> None:
    limits = [dict(asked)]
    changed = wrapper.clamp(limits, lambda _: allowed)
    assert limits == [given]
    assert changed is (asked != given)


def test_no_limits_at_all_are_fine(wrapper: ModuleType) -> None:
    assert wrapper.clamp(None, lambda _: 1) is False


def test_a_limit_this_python_does_not_know_is_left_alone(wrapper: ModuleType) -> None:
    assert wrapper.hard_limit("RLIMIT_FROM_THE_FUTURE") == resource.RLIM_INFINITY
    assert wrapper.hard_limit("RLIMIT_NOFILE") == resource.getrlimit(resource.RLIMIT_NOFILE)[1]


PROCESS = {"args": ["sleep"], "rlimits": [limit("RLIMIT_NOFILE", 1 << 40, 1 << 40)]}


@pytest.mark.parametrize(
    ("arguments", "file", "content"),
    [
        (["--root", "/run/runc", "create", "--bundle", "{dir}", "x"], "config.json",
         {"ociVersion": "1.0.2", "process": PROCESS}),
        (["create", "--bundle={dir}", "x"], "config.json", {"ociVersion": "1.0.2", "process": PROCESS}),
        (["exec", "--process", "{dir}/process.json", "x"], "process.json", PROCESS),
        (["exec", "-p={dir}/process.json", "x"], "process.json", PROCESS),
    ],
)  # fmt: skip
def test_what_runc_reads_is_clamped(
    wrapper: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    file: str,
    content: dict[str, Any],
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(wrapper.os, "execv", lambda _path, command: started.append(command))
    (tmp_path / file).write_text(json.dumps(content))
    command = [argument.format(dir=tmp_path) for argument in arguments]
    wrapper.main(command)
    read = json.loads((tmp_path / file).read_text())
    process = read.get("process", read)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert process["rlimits"] == [limit("RLIMIT_NOFILE", hard, hard)]
    assert process["args"] == ["sleep"]
    assert started == [["runc", *command]]


@pytest.mark.parametrize(
    "arguments", [["kill", "x", "9"], ["--version"], ["exec", "x", "true"], ["state", "x"]]
)
def test_other_commands_go_straight_to_runc(
    wrapper: ModuleType, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr(wrapper.os, "execv", lambda _path, command: started.append(command))
    wrapper.main(arguments)
    assert started == [["runc", *arguments]]
