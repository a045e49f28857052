"""Our commands work with no cloud at all, whatever OS_CLOUD, OS_* and clouds.yaml say, and start faster.

`openstack` reads clouds.yaml and the OS_* variables before it knows the command, and fails where OS_CLOUD
names a cloud that is not there or a file is broken, even for commands without authentication. The option
parser, which every plugin is given to extend, is the one place before that: when the words that follow the
global options are ours, the shell is shown an empty configuration.

In the same place the other plugins are set aside: the shell would import the modules of all their commands
(a third of its start) to look up one of ours.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

OUR_WORDS = frozenset({"overcloud", "undercloud", "tripleo"})
_PREFIX = "OS_"
_API_NAME = "undercloud"
_set_aside: list[Any] = []


def install(parser: argparse.ArgumentParser) -> None:
    """Wrap the shell's parser: one of our commands parses again with the operator's clouds forgotten."""
    _bring_back_other_plugins()
    parse = parser.parse_known_args

    def parse_known_args(args: Sequence[str] | None = None, namespace: Any = None) -> Any:
        options, rest = parse(args, namespace)
        if is_ours(rest):
            _forget_clouds(parser)
            _set_other_plugins_aside()
            options, rest = parse(args, None)
            options.cloud = ""
        return options, rest

    parser.parse_known_args = parse_known_args  # type: ignore[assignment, method-assign]


def is_ours(words: Sequence[str]) -> bool:
    """Whether the words after the global options are a command of ours, or ask for the help of one."""
    command = words[1:] if words and words[0] == "help" else words
    return bool(command) and command[0] in OUR_WORDS


def _forget_clouds(parser: argparse.ArgumentParser) -> None:
    """Drop OS_* from the environment and from the defaults that the parser took from it.

    What runs below us (ansible-playbook, buildah) does not see the operator's credentials either.
    """
    for name in [name for name in os.environ if name.startswith(_PREFIX)]:
        value = os.environ.pop(name)
        for option in (name.lower(), name.removeprefix(_PREFIX).lower()):
            if parser.get_default(option) == value:
                parser.set_defaults(**{option: None})
    # The first file that exists is the only one read, and this one is empty.
    os.environ["OS_CLIENT_CONFIG_FILE"] = os.devnull
    os.environ["OS_CLIENT_SECURE_FILE"] = os.devnull


def _plugins() -> list[Any]:
    """The shell's list of plugins; empty where a version of it keeps none."""
    manager = sys.modules.get("openstackclient.common.clientmanager")
    plugins: list[Any] = getattr(manager, "PLUGIN_MODULES", [])
    return plugins


def _set_other_plugins_aside() -> None:
    plugins = _plugins()
    plugins.sort(key=lambda module: module.API_NAME != _API_NAME)
    _set_aside.extend(plugins[1:])
    del plugins[1:]


def _bring_back_other_plugins() -> None:
    """For another shell in the same process: it is going through this list, and ours stands first."""
    _plugins().extend(_set_aside)
    _set_aside.clear()
