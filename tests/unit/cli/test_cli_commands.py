"""What holds for every command of setup.cfg: a program can read what it prints, its examples can be typed."""

from __future__ import annotations

import argparse
import importlib
import shlex

import pytest
from cliff import lister, show

from tests.unit.cli import metadata
from undercloud.cli.base import Ours

# They write files, start or stop something, and print at most a line about it; their exit status says all.
SILENT = {
    "overcloud cancel",
    "overcloud cell export",
    "overcloud container image delete",
    "overcloud container image prepare",
    "overcloud credentials",
    "overcloud export",
    "overcloud generate fencing",
    "overcloud host key delete",
    "overcloud network extract",
    "overcloud network vip extract",
    "overcloud node extract provisioned",
    "overcloud node maintenance set",
    "overcloud node maintenance unset",
    "overcloud node unregister",
    "overcloud plan delete",
    "overcloud plan export",
    "overcloud roles generate",
    "undercloud registry stop",
    "undercloud secrets rotate",
    "undercloud uninstall",
}


FORMATS = {
    lister.Lister: {"csv", "json", "table", "value", "yaml"},
    show.ShowOne: {"json", "shell", "table", "value", "yaml"},
}


def commands() -> dict[str, str]:
    lines = metadata.entry_points()["openstack.undercloud.v1"].strip().splitlines()
    pairs = (line.partition("=")[::2] for line in lines)
    return {name.strip().replace("_", " "): place.strip() for name, place in pairs}


def command(name: str) -> Ours:
    module, _, attribute = commands()[name].partition(":")
    made: Ours = getattr(importlib.import_module(module), attribute)(None, None)
    made.cmd_name = name
    return made


def parser_of(name: str) -> argparse.ArgumentParser:
    return command(name).get_parser(f"openstack {name}")


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_prints_json_unless_it_prints_nothing(name: str) -> None:
    formats = [action for action in parser_of(name)._actions if "--format" in action.option_strings]
    if name.replace("tripleo ", "overcloud ", 1) in SILENT:
        assert not formats, "it has -f now: take it out of SILENT"
    else:
        assert len(formats) == 1, "give it -f, or add it to SILENT"
        (option,) = formats
        wanted = next((all_ for kind, all_ in FORMATS.items() if isinstance(command(name), kind)), {"json"})
        assert wanted <= set(option.choices or ())


@pytest.mark.parametrize("name", sorted(commands()))
def test_the_examples_of_a_command_can_be_typed(name: str) -> None:
    described = command(name).get_epilog().splitlines()
    typed = [shlex.split(line.partition(" > ")[0]) for line in described if line.startswith("  openstack ")]
    own = [words for words in typed if words[1 : 1 + len(name.split())] == name.split()]
    assert own, "give it an example"
    for words in own:
        parser_of(name).parse_args(words[1 + len(name.split()) :])


@pytest.mark.parametrize(
    ("name", "typed", "expected"),
    [
        (
            "overcloud node power",
            "off --soft node-1 node-2",
            {"power": "off", "node_uuids": ["node-1", "node-2"]},
        ),
        ("overcloud node power", "on --all-manageable", {"power": "on", "node_uuids": []}),
        ("overcloud plan diff", "before -f html after", {"before": "before", "after": "after"}),
        ("overcloud plan diff", "after --exit-code", {"before": "after", "after": None}),
    ],
)
def test_options_may_stand_between_words(name: str, typed: str, expected: dict[str, object]) -> None:
    parsed = vars(parser_of(name).parse_args(typed.split()))
    assert {key: parsed[key] for key in expected} == expected
