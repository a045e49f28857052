"""ansible-runner at arm's length: a directory and a playbook in, events and a result out.

A process of its own keeps each run, so that it goes on while the engine is down and is found again.

Nothing secret is given to it: the secrets lie in a private file in memory whose path Ansible gets as a
variable, and its environment is made here from nothing. Its artifacts lie in memory, too, and go with the
run; what is worth keeping goes through ``on_event`` to the database, and into a masked log.
"""

from __future__ import annotations

import collections
import contextlib
import enum
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from undercloud import durable
from undercloud.conf.runner import Runner as Options
from undercloud.deploy import keeper, processes, ssh
from undercloud.deploy.kept import KeptRun
from undercloud.deploy.requests import SshAccess
from undercloud.deploy.workspace import LeftError, Workspace, make_private
from undercloud.diagnostics import UndercloudError

INVENTORY = "tripleo-ansible-inventory.yaml"
_TAIL = 40  # lines of output kept for the report of a failure
_MAX_RESULT = 64 * 1024 * 1024  # bytes of one task's result; more is dropped by ansible-runner
_PASSED = ("HOME", "LANG", "SSH_AUTH_SOCK")

OnEvent = Callable[[Mapping[str, Any]], None]


class Ending(enum.StrEnum):
    """How a playbook ended."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed out"


@dataclass(frozen=True)
class Run:
    """One run of a playbook.

    ``purpose`` names it among the runs of its deployment; ``seen`` is the number of the last event that is
    recorded. ``artifacts`` has a directory for each of the last deployments, ``ident`` names this one there;
    ``mark`` tells its processes; ``tags`` are the plays to run, all when empty; ``mask`` hides secrets in a
    text; ``timeout`` is seconds. ``extra_vars`` are variables that may be secret: no command line has them.

    A playbook of the ``operators`` has no play on this machine, and gets facts as Ansible gathers them by
    itself; its ``limit`` is never empty, and names hosts with commas between them.
    """

    purpose: str
    directory: Path
    playbook: str
    artifacts: Path
    ident: str
    mark: str
    workspace: Workspace
    access: SshAccess
    collections: Path
    variables: Mapping[str, Any]
    mask: Callable[[str], str]
    tags: tuple[str, ...] = ()
    limit: str = ""
    check: bool = False
    timeout: int = 0
    verbosity: int = 0
    seen: int = 0
    extra_vars: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operators: bool = False


@dataclass(frozen=True)
class Result:
    """How a run ended; ``output`` are the last lines that Ansible printed, masked."""

    ending: Ending
    output: tuple[str, ...] = field(default=())


class PlaybookRunner(Protocol):
    """Runs playbooks."""

    def run(self, run: Run, on_event: OnEvent, cancelled: Callable[[], bool]) -> Result:
        """Run one to its end; ``on_event`` gets ansible-runner's events, ``cancelled`` is asked often.

        Where that raises LeftError the run goes on without us.
        """
        ...

    def hosts(self, inventory: Path, pattern: str) -> set[str]:
        """The hosts of an inventory file that a pattern means."""
        ...


class AnsibleRunner:
    """ansible-playbook through ansible-runner, in a process of its own."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def run(self, run: Run, on_event: OnEvent, cancelled: Callable[[], bool]) -> Result:
        """Run one, or follow the one that an earlier engine began; DEP-022 when Ansible cannot be started."""
        kept = KeptRun(run.workspace.run_directory(run.purpose), run.mark)
        tail: collections.deque[str] = collections.deque(maxlen=_TAIL)
        try:
            if not kept.there:
                _prepare(run)
                kept.start(self._wanted(run), self._own_environment())
            log = _Log(run, self._options.keep_runs)
            for event in kept.follow(cancelled):
                lines = run.mask(str(event.get("stdout") or "")).splitlines()
                tail.extend(line for line in lines if line.strip())
                if event["counter"] > run.seen:
                    log.write(lines)
                on_event(event)
        except LeftError:
            raise
        except OSError as error:
            kept.end()
            raise _cannot_start(str(error)) from error
        except BaseException:
            kept.end()
            raise
        processes.end_all(run.mark)
        told = kept.result or {"status": "", "error": f"its process ended: {run.mask(kept.output())}"}
        if told.get("error"):
            raise _cannot_start(run.mask(told["error"]))
        return Result(Ending.CANCELLED if told["cancelled"] else _ending(told["status"]), tuple(tail))

    def _wanted(self, run: Run) -> dict[str, Any]:
        """What the keeper is to do."""
        return {
            "runner": {
                "private_data_dir": str(_private(run)),
                "project_dir": str(run.directory),
                "playbook": str(run.directory / run.playbook),
                "inventory": str(run.directory / INVENTORY),
                "ident": run.ident,
                "cmdline": self._command_line(run),
                "extravars": dict(run.variables),
                "forks": self._options.forks,
                "verbosity": run.verbosity or None,
                "timeout": run.timeout or None,
                "fact_cache_type": "memory",
                "quiet": True,
                "suppress_env_files": True,
            },
            "environment": self._environment(run),
        }

    def hosts(self, inventory: Path, pattern: str) -> set[str]:
        """Ask Ansible itself, whose patterns are a language of their own; DEP-022 when it cannot be asked."""
        command = ["ansible", pattern, "-i", str(inventory), "--list-hosts"]
        environment = {**self._own_environment(), "ANSIBLE_INVENTORY_ENABLED": "yaml"}
        environment["ANSIBLE_HOME"] = environment["ANSIBLE_LOCAL_TEMP"] = str(inventory.parent)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=60, env=environment
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _cannot_start(error) from error
        # The first line counts the hosts, each of the others names one.
        return {line.strip() for line in done.stdout.splitlines()[1:] if line.strip()}

    def _command_line(self, run: Run) -> str:
        words = ["--tags", ",".join(run.tags)] if run.tags else []
        if run.extra_vars:
            words += ["--extra-vars", f"@{_extra_vars(run)}"]
        if run.operators:
            words += ["--limit", f"@{_limit(run)}"]
        elif run.limit:
            # The tasks of ours that run here go with every node.
            words += ["--limit", f"{run.limit},undercloud"]
        if run.check:
            words += ["--check", "--diff"]
        return shlex.join(words)

    def _own_environment(self) -> dict[str, str]:
        """What Ansible gets of our environment: the rest may hold passwords (OS_PASSWORD)."""
        names = (*_PASSED, *self._options.pass_environment)
        kept = {name: os.environ[name] for name in names if name in os.environ}
        path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
        return {"LANG": "C.UTF-8", **kept, "PATH": path}

    def _environment(self, run: Run) -> dict[str, str]:
        """All that Ansible gets of an environment, but for ansible-runner's own callback."""
        persist = self._options.control_persist if run.workspace.shares_connections else 0
        arguments = ssh.options(run.access, run.workspace, persist)
        return {
            **self._own_environment(),
            processes.MARK: run.mark,
            "PYTHONUNBUFFERED": "1",
            "MAX_EVENT_RES": str(_MAX_RESULT),
            "AWX_ISOLATED_DATA_DIR": str(_private(run) / "artifacts" / run.ident),
            "ANSIBLE_STDOUT_CALLBACK": "awx_display",
            "ANSIBLE_CONFIG": str(run.directory / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(run.collections),
            "ANSIBLE_HOME": str(run.workspace.temporary),
            "ANSIBLE_LOCAL_TEMP": str(run.workspace.temporary),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "True",
            "ANSIBLE_GATHERING": "implicit" if run.operators else "explicit",
            "ANSIBLE_PIPELINING": "True",
            "ANSIBLE_SSH_ARGS": shlex.join(arguments),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(run.workspace.control_dir),
            "ANSIBLE_SSH_CONTROL_PATH": "%(directory)s/%%C",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "ANSIBLE_INVENTORY_ENABLED": "yaml",
        }


def _private(run: Run) -> Path:
    """ansible-runner's own directory: in memory, since results pass through it as they are."""
    return run.workspace.run_directory(run.purpose) / "runner"


def _extra_vars(run: Run) -> Path:
    return _private(run) / "extra_vars.json"


def _limit(run: Run) -> Path:
    """All nodes of a role, one per line: they may be too many for a word of a command line."""
    return _private(run) / "limit"


def _prepare(run: Run) -> None:
    # ansible-runner forgets settings that are handed to it as an argument unless this file exists.
    settings = _private(run) / "env" / "settings"
    make_private(settings.parent)
    if run.extra_vars:
        durable.write(_extra_vars(run), json.dumps(run.extra_vars))
    if run.operators:
        durable.write(_limit(run), run.limit.replace(",", "\n"))
    durable.write(
        settings, json.dumps({"pexpect_timeout": keeper.POLL, "suppress_output_file": True}).encode()
    )


class _Log:
    """What Ansible printed, for a reader of files; a full disk costs its lines and nothing else."""

    def __init__(self, run: Run, keep: int) -> None:
        self._file = run.artifacts / run.ident / "ansible.log"
        with contextlib.suppress(OSError):
            make_private(self._file.parent)
            for old in sorted(run.artifacts.iterdir(), key=lambda path: path.stat().st_mtime)[:-keep]:
                shutil.rmtree(old)

    def write(self, lines: Sequence[str]) -> None:
        """Append lines."""
        if not lines:
            return
        with contextlib.suppress(OSError):
            handle = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
                stream.writelines(f"{line}\n" for line in lines)


def _ending(status: str) -> Ending:
    known = {"successful": Ending.SUCCESSFUL, "timeout": Ending.TIMED_OUT}
    return known.get(status, Ending.FAILED)


def _cannot_start(error: object) -> UndercloudError:
    return UndercloudError.of(
        "DEP-022",
        f"ansible-playbook cannot be run: {error}",
        fix="See that ansible-core is installed beside this program and the state directory is writable.",
    )
