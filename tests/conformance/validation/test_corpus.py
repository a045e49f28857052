"""The shared corpus of plans: every invalid one is found by name, every valid one accepted.

Most of it in this process; a few of each kind through the real command line, with the corpus' own program.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.conformance import places
from tests.validation import running
from undercloud.diagnostics import Finding
from undercloud.validation import validate


def corpus() -> Path | None:
    """The folder of the corpus; None where the shared data are not there."""
    home = places.shared()
    folder = home / "corpus" if home else None
    return folder if folder and (folder / "run_corpus.py").exists() else None


def _names() -> list[str]:
    folder = corpus()
    return sorted(file.parent.name for file in folder.glob("*/case.yaml")) if folder else []


@functools.cache
def program(folder: Path) -> ModuleType:
    """The corpus' own program, which says what a case's files mean on the command line."""
    spec = importlib.util.spec_from_file_location("run_corpus", folder / "run_corpus.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _need() -> tuple[Path, Path]:
    folder, templates = corpus(), places.templates()
    if folder is None:
        pytest.skip("the shared corpus is not here: shared/corpus beside the checkout, or UNDERCLOUD_SHARED")
    if templates is None:
        pytest.skip(places.without_templates())
    return folder, templates


def _findings(case: dict[str, Any], folder: Path, templates: Path, scratch: Path) -> tuple[Finding, ...]:
    if case["kind"] == "undercloud":
        file = folder / "undercloud.conf"
        return validate.undercloud(file.read_text(), str(file))
    arguments = program(folder.parent).plan_arguments
    now = arguments(templates, folder, case["base"], case["files"], scratch)
    if not case.get("previous"):
        return running.findings(now)
    previous = case["previous"]
    before = arguments(templates, folder, previous["base"], previous["files"], scratch)
    return running.findings(now, before)


@pytest.mark.parametrize("name", _names() or ["absent"])
def test_a_case_is_right(name: str, tmp_path: Path) -> None:
    folder, templates = _need()
    case = yaml.safe_load((folder / name / "case.yaml").read_text())
    found = running.errors(_findings(case, folder / name, templates, tmp_path))
    if case["expect"] == "valid":
        assert found == [], running.said(found)
        return
    text = json.dumps([each.as_dict() for each in found])
    assert any(word in text for word in case["parameters"]), running.said(found) or case["title"]


@pytest.mark.parametrize("only", ["-vip-is", "-undercloud-", "-capabilities", "-fsid-changed", "-dvr"])
def test_the_command_line_says_the_same(only: str) -> None:
    folder, templates = _need()
    openstack = Path(sys.executable).with_name("openstack")
    if not openstack.exists():
        pytest.skip("python-openstackclient with undercloud is not installed beside this Python")
    words = ["--templates", str(templates), "--openstack", shlex.quote(str(openstack)), f"--only={only}"]
    done = subprocess.run(
        [sys.executable, str(folder / "run_corpus.py"), *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
