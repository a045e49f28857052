"""What an operator gets wrong in files is told before any node is touched: all of it, each with its place.

Each file in cases/ is one such mistake: `files` are written, `replace` and `templates` change a good file or
template, `options` are added to a good command; `errors` are code, place and a part of the message of errors
that must be told; validation may tell of the same mistake from its side, and of what follows.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.functional.cloud.cloud import NETWORKS, ROLES
from tests.functional.cloud.terminal import Said, Terminal
from tests.functional.tool import CHECKOUT

pytestmark = pytest.mark.functional

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
NODES = """\
- name: ControllerOpenstack
  count: 1
  instances:
    - hostname: controlleropenstack-0
      managed: false
      networks:
        - {network: ctlplane, fixed_ip: 192.0.2.11}
        - {network: internal_api, fixed_ip: 172.17.0.11}
- name: DatabaseMessaging
  count: 1
  instances:
    - hostname: databasemessaging-0
      managed: false
      networks:
        - {network: ctlplane, fixed_ip: 192.0.2.12}
        - {network: internal_api, fixed_ip: 172.17.0.12}
"""


@pytest.fixture(scope="module")
def roles_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A good roles file, made by the command for it."""
    terminal = at(tmp_path_factory.mktemp("roles"))
    terminal.openstack("overcloud", "roles", "generate", "-o", "roles_data.yaml", *ROLES)
    return (terminal.home / "roles_data.yaml").read_text()


def at(directory: Path) -> Terminal:
    terminal = Terminal(directory)
    terminal.home.mkdir()
    return terminal


def deploy(terminal: Terminal, roles_text: str, case: dict[str, Any], *more: str) -> Said:
    """Deploy with a case's files."""
    terminal.write("roles_data.yaml", roles_text)
    terminal.write("nodes.yaml", NODES)
    vip = terminal.parameters("vip", ControlFixedIPs=[{"ip_address": "192.0.2.100"}])
    templates = CHECKOUT / "heat-templates"
    if changed := case.get("templates"):
        templates = Path(shutil.copytree(templates, terminal.home / "templates"))
        for name, words in changed.items():
            swap(templates / name, *words)
    for name, words in case.get("replace", {}).items():
        swap(terminal.home / name, *words)
    for name, text in case.get("files", {}).items():
        terminal.write(name, text)
    words = ("--templates", str(templates), "-r", "roles_data.yaml", "-n", NETWORKS, "-b", "nodes.yaml", *vip)
    return terminal.openstack("overcloud", "deploy", *words, *case.get("options", ()), *more, check=False)


def swap(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("file", CASES, ids=lambda path: path.stem)
def test_every_mistake_is_told_with_its_place(tmp_path: Path, roles_text: str, file: Path) -> None:
    case = yaml.safe_load(file.read_text())
    terminal = at(tmp_path)

    said = deploy(terminal, roles_text, case, "-f", "json")

    assert said.status == 1, said.text
    assert said.document["deployment"]["stage"] in {"plan", "validate"}, "no node was looked for"
    found = [failure["finding"] for failure in said.document["failures"]]
    for code, place, words in case["errors"]:
        same = [one for one in found if one["code"] == code and words in one["message"]]
        assert same, said.stdout
        assert place in [spelled(location) for one in same for location in one["locations"]]
    assert all(finding["fix"] for finding in found), "what validation adds to it helps as well"
    assert "Traceback" not in said.text


def spelled(location: dict[str, Any]) -> str:
    """`file:line:column`, as far as it is known, the file without its directory."""
    numbers = [str(location[part]) for part in ("line", "column") if location[part]]
    return ":".join([Path(location["file"]).name, *numbers])


def test_it_is_told_in_plain_words_and_nothing_is_lost(tmp_path: Path, roles_text: str) -> None:
    terminal = at(tmp_path)
    case = yaml.safe_load((Path(__file__).parent / "cases" / "malformed_yaml.yaml").read_text())

    said = deploy(terminal, roles_text, case)

    assert f"{terminal.home}/bad.yaml:3:8" in said.stdout
    assert "fix: " in said.stdout
    stack = terminal.openstack("overcloud", "status", "-f", "json").document
    assert (stack["status"], stack["lock"]) == ("failed", None)
    again = deploy(terminal, roles_text, {})
    assert "stage preflight" in again.stdout, "with good files it goes on to the nodes, which are not there"
    assert again.status == 1
