"""What every command prints can be read by a program."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

import pytest

from tests.unit.cli import metadata

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


def commands() -> dict[str, str]:
    lines = metadata.entry_points()["openstack.undercloud.v1"].strip().splitlines()
    pairs = (line.partition("=")[::2] for line in lines)
    return {name.strip().replace("_", " "): place.strip() for name, place in pairs}


def parser_of(name: str) -> argparse.ArgumentParser:
    module, _, attribute = commands()[name].partition(":")
    command: Any = getattr(importlib.import_module(module), attribute)(None, None)
    made: argparse.ArgumentParser = command.get_parser(f"openstack {name}")
    return made


@pytest.mark.parametrize("name", sorted(commands()))
def test_a_command_prints_json_unless_it_prints_nothing(name: str) -> None:
    formats = [action for action in parser_of(name)._actions if "--format" in action.option_strings]
    if name.replace("tripleo ", "overcloud ", 1) in SILENT:
        assert not formats, "it has -f now: take it out of SILENT"
    else:
        assert len(formats) == 1, "give it -f, or add it to SILENT"
        (option,) = formats
        assert option.choices is not None
        assert "json" in option.choices
