"""From what Ansible, SSH and the nodes' module say to failures that help: where, why, how to mend it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from undercloud.deploy.engine import Failure
from undercloud.diagnostics import Finding, Severity, UndercloudError
from undercloud.diagnostics.causes import cause, known

LOG_LINES = 20


@dataclass(frozen=True)
class Place:
    """Where in which deployment something failed; ``step`` is -1 outside the steps."""

    deployment: str
    stage: str
    step: int = -1


class NodesError(UndercloudError):
    """Nodes that are not as they must be; each failure names its node."""

    def __init__(self, failures: Sequence[Failure]) -> None:
        super().__init__(*(failure.finding for failure in failures))
        self.failures = tuple(failures)


# ``{host}``, ``{address}`` and ``{why}`` are filled in; the first that fits wins.
_CAUSES = (
    cause(
        "DEP-035",
        r"the backup (in .* is not whole|does not fit):",  # restore.yaml says so
        "{why}",
        "Name a whole backup of this cloud (--directory), or copy it anew from where it is whole.",
    ),
    cause(
        "DEP-011",
        r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known .* but not",
        "{host} shows another host key than at first contact: it is a different machine, it was installed "
        "anew, or somebody stands in between",
        "Find out who answers at {address}. If it was installed anew, forget its old key and deploy again: "
        "openstack overcloud host key delete {address} (or put the new one into the file of --known-hosts)",
    ),
    cause(
        "DEP-012",
        r"Permission denied|Too many authentication failures|no such identity|invalid format",
        "{host} does not let us in: {why}",
        "Put the public key into the user's authorized_keys there, or name another key or user "
        "(--overcloud-ssh-key, --overcloud-ssh-user).",
    ),
    cause(
        "DEP-013",
        r"No space left on device|Disk quota exceeded|not enough (free )?(disk )?space",
        "a disk of {host} is full: {why}",
        "Make room there (images that nothing uses: podman image prune) and deploy again; it goes on.",
    ),
    cause(
        "DEP-014",
        r"python3?: (command )?not found|no python interpreter|/usr/bin/python3?: No such file",
        "{host} has no Python 3",
        "Install python3 there: apt-get install python3",
    ),
    cause(
        "DEP-015",
        r"Missing sudo password|a password is required|sudo: (command )?not found|not in the sudoers",
        "the user of {host} cannot become root without a password",
        "Log in as root, or allow the user sudo with NOPASSWD there.",
    ),
    cause(
        "DEP-010",
        r"timed out|timeout|No route to host|Network is unreachable|Connection (refused|reset|closed)|"
        r"Could not resolve|Name or service not known|unreachable|Broken pipe|closed by remote host",
        "{host} does not answer: {why}",
        "See that it is switched on and that its address and SSH port are right, then deploy again; "
        "it goes on where it was.",
    ),
    cause(
        "DEP-016",
        r"manifest unknown|image not known|unable to (find|copy) .*image|initializing source|pulling image",
        "{host} cannot get an image: {why}",
        "See that the registry runs and holds it: openstack overcloud container image list",
    ),
)
_UNREACHABLE = next(one for one in _CAUSES if one.code == "DEP-010")
# What Ansible puts before SSH's own words, which may be none.
_PREAMBLE = re.compile(
    r"^\s*(Task failed: )?(Failed to connect to the host via ssh|"
    r'Data could not be sent to remote host "[^"]*"\. Make sure this host can be reached over ssh):\s*',
    re.IGNORECASE,
)


def explain(host: str, said: str, *, address: str = "", unreachable: bool = False) -> Finding:
    """The likely cause of what was said about a host; ``address`` is the one SSH uses."""
    why = shorten(_PREAMBLE.sub("", said)) or "SSH ended without a word"
    found = known(_CAUSES, said) or (_UNREACHABLE if unreachable else None)
    if found is None:
        return Finding(
            "DEP-019",
            f"a task failed on {host}: {why}",
            "The last lines below say why; mend it and deploy again, it goes on where it was.",
        )
    filled = {"host": host, "address": address or host, "why": why}
    return Finding(found.code, found.message.format(**filled), found.fix.format(**filled))


def from_result(
    place: Place, event: Mapping[str, Any], *, address: str = "", unreachable: bool = False
) -> list[Failure]:
    """The failures that a task's result (``event_data`` of ansible-runner) tells of, at least one."""
    result = event.get("res") or {}
    host, task = str(event.get("host", "")), str(event.get("task", ""))

    def failure(finding: Finding, container: str, log: Sequence[str]) -> Failure:
        lines = tuple(log[-LOG_LINES:])
        return Failure(place.deployment, place.stage, place.step, host, task, container, finding, lines)

    told = [one for one in _told(result) if _severity(one) is Severity.ERROR]
    if told:
        return [
            failure(
                _finding(one, host), str(one.get("container") or ""), list(map(str, one.get("log") or ()))
            )
            for one in told
        ]
    said = "\n".join(_texts(result))
    finding = explain(host, said or "it said nothing", address=address, unreachable=unreachable)
    return [failure(finding, "", said.splitlines())]


def beside(result: Mapping[str, Any], host: str) -> Iterator[tuple[Finding, bool]]:
    """What a result tells that stops nothing, each with whether it was let pass."""
    for one in _told(result):
        if _severity(one) is not Severity.ERROR:
            yield _finding(one, host), bool(one.get("forced"))


def _told(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The findings of our modules in a result; other modules may use the same words for something else."""
    listed = result.get("findings")
    listed = listed if isinstance(listed, list) else [result.get("finding")]
    return [one for one in listed if isinstance(one, Mapping) and one.get("code")]


def _severity(told: Mapping[str, Any]) -> Severity:
    try:
        return Severity(str(told.get("severity") or Severity.ERROR))
    except ValueError:
        return Severity.ERROR


def _finding(told: Mapping[str, Any], host: str) -> Finding:
    """A module's finding; the host is what its path says."""
    message, fix = str(told.get("message", "")), str(told.get("fix", ""))
    return Finding(str(told["code"]), message, fix, _severity(told), path=(host,))


def of_error(deployment: str, stage: str, error: UndercloudError) -> list[Failure]:
    """The failures of a stage that ended with an error of ours."""
    if isinstance(error, NodesError):
        return list(error.failures)
    return [Failure(deployment, stage, -1, "", "", "", finding) for finding in error.findings]


def of_playbook(deployment: str, stage: str, output: Sequence[str], *, timed_out: bool) -> Failure:
    """The failure of a playbook that ended badly without a failed task."""
    if timed_out:
        finding = Finding(
            "DEP-018",
            "it took longer than its timeout",
            "Give it more time with --timeout and start it again; a deployment goes on where it was.",
        )
    else:
        errors = [line for line in output if line.startswith(("ERROR", "[ERROR]", "fatal"))]
        last = errors[-1] if errors else " ".join(output[-3:])
        finding = Finding(
            "DEP-017",
            f"ansible-playbook ended with an error: {shorten(last)}",
            "The last lines below say more.",
        )
    return Failure(deployment, stage, -1, "", "", "", finding, tuple(output[-LOG_LINES:]))


def shorten(text: str, limit: int = 300) -> str:
    """One line of at most ``limit`` characters: the first that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" @*#-=")]
    line = lines[0] if lines else text.strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _texts(result: Mapping[str, Any]) -> list[str]:
    """What a result says, the most telling first; those of its failed items too."""
    texts = [
        str(result[key]).strip() for key in ("msg", "stderr", "module_stderr", "stdout") if result.get(key)
    ]
    for item in result.get("results") or ():
        if isinstance(item, Mapping) and (item.get("failed") or item.get("unreachable")):
            texts += _texts(item)
    return list(dict.fromkeys(texts))
