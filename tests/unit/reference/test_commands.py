"""TripleO's commands and ours: what is said of them is what is registered."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.unit.cli import metadata
from tools.reference.commands import KINDS, became, registered

ROOT = Path(__file__).parents[3]
TOLD = yaml.safe_load((ROOT / "tools/reference/commands.yaml").read_text())["upstream"]


def test_each_of_tripleos_72_commands_is_built_or_has_what_does_its_work() -> None:
    assert len(TOLD) == 72
    found = {each.name: each for each in became(ROOT)}
    assert set(found) == set(TOLD)
    built = {command.name for command in registered(ROOT)}
    for name, each in found.items():
        assert (each.became == "same") == (name in built), name
        assert each.became == "same" or each.instead, name
        assert each.became == "same" or each.became in KINDS.values(), name


def test_what_another_command_does_is_a_command_of_ours() -> None:
    built = {command.name for command in registered(ROOT)}
    for name, told in TOLD.items():
        for quoted in told.get("here", "").split("`")[1::2]:
            words = quoted.partition(" --")[0]
            if words.startswith(("overcloud ", "tripleo ", "undercloud ")):
                assert words in built | set(TOLD), name


def test_our_commands_are_the_entry_points() -> None:
    lines = metadata.entry_points()["openstack.undercloud.v1"].strip().splitlines()
    names = {line.partition("=")[0].strip().replace("_", " ") for line in lines}
    found = registered(ROOT)
    assert {command.name for command in found} == names
    assert all(command.does for command in found)
