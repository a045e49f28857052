"""Options of TripleO's client that do nothing here: taken with a note, or refused with what to do instead.

An operator's script keeps working where an option is harmless; an option that asked for something which
would not happen is refused, all of them in one message. None is swallowed in silence.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import Any

from undercloud.diagnostics import Finding, UndercloudError

_NOTED = "noted_flags"
_REFUSED = "refused_flags"


@dataclasses.dataclass(frozen=True)
class Flag:
    """An option by its names; ``takes_value`` as upstream's does; ``why`` is what the operator is told."""

    names: str
    takes_value: bool
    why: str


_NO_HEAT = "there is no Heat process"
_NOW_DEFAULT = "this is how it always works"
_OUTPUT = "the engine keeps the playbook directory; `overcloud status` names it"

HARMLESS = (
    Flag("--deployed-server", False, _NOW_DEFAULT),
    Flag("--config-download", False, _NOW_DEFAULT),
    Flag("--inflight-validations", False, "every step is checked before the next one begins"),
    Flag("--disable-validations", False, "the plan is always validated; --force CODE lets a finding pass"),
    Flag("--run-validations", False, "the plan and the nodes are always validated"),
    Flag("--skip-postconfig", False, "there is no step after the deployment"),
    Flag("--force-postconfig", False, "there is no step after the deployment"),
    Flag("--skip-deploy-identifier", False, "only what differs is ever changed"),
    Flag("--disable-password-generation", False, "passwords that your files set are never replaced"),
    Flag("--disable-container-prepare", False, "images are prepared by `overcloud container image prepare`"),
    Flag("--no-cleanup", False, "nothing temporary is left to look at"),
    Flag("--no-proxy", True, "nothing here uses a proxy"),
    Flag("--overcloud-ssh-network", True, "the nodes are entered on the address of the deployment file"),
    Flag("--overcloud-ssh-enable-timeout", True, "upstream it has no effect either"),
    Flag("--overcloud-ssh-port-timeout", True, "a node that does not answer is named at once"),
    Flag("--ansible-forks", True, "the engine's configuration says how many ([runner] forks)"),
    Flag("--output-dir", True, _OUTPUT),
    Flag("--working-dir", True, "everything lies in the state directory (--undercloud-state-dir)"),
    Flag("--config-dir", True, _OUTPUT),
    Flag("--config-type", True, _OUTPUT),
    Flag("--no-preserve-config", False, _OUTPUT),
    Flag("--heat-type", True, _NO_HEAT),
    Flag("--heat-container-api-image", True, _NO_HEAT),
    Flag("--heat-container-engine-image", True, _NO_HEAT),
    Flag("--rm-heat", False, _NO_HEAT),
    Flag("--skip-heat-pull", False, _NO_HEAT),
    Flag("--disable-protected-resource-types", False, "no resource type is protected"),
    Flag("--allow-deprecated-network-data", False, "deprecated keys are read, with a warning"),
)

HARMLESS_FOR_DELETE = (
    Flag("-s --skip-ipa-cleanup", False, "nothing was registered with FreeIPA"),
    Flag("-b --baremetal-deployment", True, "nodes are kept; taking them back is a command of its own"),
    Flag("--networks-file", True, "networks are kept"),
    Flag("--network-ports", False, "addresses are freed with the plan"),
    Flag("--heat-type", True, _NO_HEAT),
    Flag("--working-dir", True, "everything lies in the state directory (--undercloud-state-dir)"),
)

_NO_STACK = "the undercloud is no stack; what differs is changed"
HARMLESS_FOR_INSTALL = (
    Flag("--force-stack-update", False, _NO_STACK),
    Flag("--no-validations", False, "what is wrong with undercloud.conf would not work"),
    Flag("--inflight-validations", False, "each part is asked whether it works after its start"),
    Flag("--disable-container-prepare", False, "the undercloud itself runs in no containers"),
    Flag("--reproduce-command", False, "the same command does the same"),
)
HARMLESS_FOR_UPGRADE = (
    *HARMLESS_FOR_INSTALL,
    Flag(
        "--skip-package-updates", False, "packages are never updated, only installed where they are missing"
    ),
)

_ARCHIVE = "a backup is one archive; put it where you like with --output"
HARMLESS_FOR_BACKUP = (
    Flag("--db-only", False, "the databases are in every backup; the files with them are small"),
    Flag("--save-swift", False, "there is no Swift here"),
)
REFUSED_FOR_BACKUP = (
    Flag("--init", True, _ARCHIVE),
    Flag("--setup-nfs", False, _ARCHIVE),
    Flag("--setup-rear", False, _ARCHIVE),
    Flag("--inventory", True, _ARCHIVE),
    Flag("--extra-vars", True, _ARCHIVE),
    Flag("--cron", False, "call `openstack undercloud backup` from cron or a timer"),
    Flag("--add-path", True, "a backup holds what the undercloud needs; keep other files with other means"),
    Flag("--exclude-path", True, "nothing in a backup can be done without"),
)

_NO_REAR = "no image of a node is made: a node that is lost is installed anew, deployed, then restored"
HARMLESS_FOR_OVERCLOUD_BACKUP = (
    Flag("-i --inventory", True, "the nodes are those of the deployment"),
    Flag("--working-dir", True, "everything lies in the state directory (--undercloud-state-dir)"),
)
REFUSED_FOR_OVERCLOUD_BACKUP = (
    Flag("--init", True, _NO_REAR),
    Flag("--setup-rear", False, _NO_REAR),
    Flag("--setup-ironic", False, _NO_REAR),
    Flag("--setup-nfs", False, "name a directory with --directory, which may be mounted from any server"),
    Flag("--storage-ip", True, "name a directory with --directory, which may be mounted from any server"),
    Flag("--cron", False, "call `openstack overcloud backup` from cron or a timer"),
    Flag(
        "--extra-vars", True, "run the playbook by hand with it: undercloud.deploy.backup, restore, snapshot"
    ),
)

_COMPILE = "`openstack overcloud plan compile` writes the playbook directory and touches no node"
_BY_HAND = "run ansible-playbook-command.sh of the compiled plan with the option"
REFUSED = (
    Flag("--stack-only --no-config-download", False, _COMPILE),
    Flag("--config-download-only", False, _BY_HAND),
    Flag("--setup-only", False, _COMPILE),
    Flag("--update-plan-only", False, _COMPILE),
    Flag("--provision-nodes", False, "provision them first; upstream has dropped it as well"),
    Flag("--network-config", False, "configure the nodes' networks before; this does not do it yet"),
    Flag("--tags", True, _BY_HAND),
    Flag("--skip-tags", True, _BY_HAND),
    Flag("--override-ansible-cfg", True, _BY_HAND),
    Flag("--deployment-python-interpreter", True, "nodes need a python3 in their PATH"),
)


def add_flags(parser: argparse.ArgumentParser, harmless: Sequence[Flag], refused: Sequence[Flag]) -> None:
    """Add both kinds, each in a group of its own, so that the help says what becomes of them."""
    add_harmless(parser, harmless)
    group = parser.add_argument_group("TripleO's options that are refused, with what to do instead")
    add(group, refused, noted=False)


def add_harmless(parser: argparse.ArgumentParser, flags: Sequence[Flag]) -> None:
    """Add options that change nothing here, in a group of their own."""
    group = parser.add_argument_group("TripleO's options that change nothing here (taken with a note)")
    add(group, flags, noted=True)


def add(group: Any, flags: Sequence[Flag], *, noted: bool) -> None:
    """Add options to a parser or group that are only remembered."""
    for flag in flags:
        group.add_argument(
            *flag.names.split(),
            action=_Remember,
            nargs=None if flag.takes_value else 0,
            metavar="<value>" if flag.takes_value else None,
            flag=flag,
            dest=_NOTED if noted else _REFUSED,
            default=argparse.SUPPRESS,
            help=flag.why,
        )


class _Remember(argparse.Action):
    """Keeps which of the flags were given."""

    def __init__(self, *args: Any, flag: Flag, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._flag = flag

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        del parser, values
        given = getattr(namespace, self.dest, ())
        setattr(namespace, self.dest, (*given, (option_string or self._flag.names, self._flag)))


def notes(parsed_args: argparse.Namespace) -> list[str]:
    """A line for each harmless option that was given."""
    return [f"note: {name} changes nothing: {flag.why}" for name, flag in getattr(parsed_args, _NOTED, ())]


def refuse(parsed_args: argparse.Namespace) -> None:
    """Raise UndercloudError (CLI-006) that names every option given that cannot be carried out."""
    given = getattr(parsed_args, _REFUSED, ())
    if given:
        raise UndercloudError(
            *(Finding("CLI-006", f"{name} is not carried out here", fix=flag.why) for name, flag in given)
        )
