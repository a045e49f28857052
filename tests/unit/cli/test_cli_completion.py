"""Bash completes our commands and their options, with what `openstack complete` prints."""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Openstack
from tests.unit.cli.test_cli_commands import commands, parser_of

# What the package bash-completion has for this, as far as the words are not split at colons.
_WORDS = """
_get_comp_words_by_ref() {
  cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=("${COMP_WORDS[@]}")
}
"""
_ASK = """
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_openstack
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_and_options(openstack: Openstack, tmp_path: Path) -> None:
    printed = openstack("complete", "--name", "openstack")
    assert printed.status == 0, printed.err
    script = tmp_path / "completion"
    script.write_text(f"{_WORDS}{printed.out}{_ASK}")
    for typed, wanted in (
        ("underc", {"undercloud"}),
        ("undercloud in", {"install"}),
        ("undercloud install --dr", {"--dry-run"}),
        ("overcloud plan e", {"explain", "export"}),
        ("overcloud roles generate --ou", {"--output-file"}),
        ("tripleo validator ", {"list", "run", "show"}),
    ):
        done = subprocess.run(
            ["bash", str(script), "openstack", *typed.split(" ")], capture_output=True, text=True, check=True
        )
        assert set(done.stdout.split()) >= wanted, typed
        last = typed.rpartition(" ")[2]
        assert all(word.startswith(last) for word in done.stdout.split()), typed


def test_every_command_and_each_of_its_options_is_known(openstack: Openstack) -> None:
    lines = (line.strip().partition("=") for line in openstack("complete").out.splitlines())
    known = {name: set(words.strip("'").split()) for name, _, words in lines if name.startswith("cmds_")}
    for name in commands():
        shown = [action for action in parser_of(name)._actions if action.help != argparse.SUPPRESS]
        options = {option for action in shown for option in action.option_strings}
        assert options <= known[f"cmds_{name.replace(' ', '_').replace('-', '_')}"], name
