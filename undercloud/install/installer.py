"""Bringing an undercloud up, and up to date: every step may be repeated, and goes on where it was cut off."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from undercloud import durable
from undercloud.db.database import upgrade_database
from undercloud.diagnostics import Finding, Report, UndercloudError, raise_for
from undercloud.install import configuration, machine, packages
from undercloud.install.installation import Installation, alone
from undercloud.install.part import Health, Part, Say
from undercloud.install.parts import left_over

AUTHORITY = "ca.crt"
"""What clients trust: a copy in the configuration directory, which others may read."""
_PATIENCE = 90.0  # seconds until a part that was started does its work
_STARTS = 3  # of a process that does not work, after which it is not waited for any longer
_POLL = 0.5
_LOG_LINES = 12


def install(installation: Installation, say: Say) -> tuple[str, ...]:
    """Bring the undercloud up as its record says; the names of the processes that were started.

    Raises UndercloudError: INST-001 to INST-007 before anything is changed, INST-012 while another command is
    at it, INST-020 to INST-024 for what does not work, and what the parts raise.
    """
    site = installation.site
    check(installation)
    with alone(site.state_dir):
        _directories(site.state_dir, site.config_dir)
        installation.write_record()
        missing = packages.missing(package for part in installation.parts for package in part.packages)
        if missing:
            packages.install(missing, say)
        configuration.write(site, say)
        for part in installation.parts:
            part.prepare(_named(say, part))
        if site.cacert:
            durable.write(site.config_dir / AUTHORITY, Path(site.cacert).read_bytes(), 0o644)
        say(f"processes, kept running by {installation.manager.name}")
        started = installation.manager.put(installation.processes())
        for part in left_over(site):
            say(f"removing {part.title}")
            part.remove()
        installation.boot.ensure()
        for part in installation.parts:
            _await(installation, part, say)
    return started


def check(installation: Installation) -> tuple[Finding, ...]:
    """What is worth saying before an installation; raises everything that speaks against it at once."""
    report = Report(machine.problems(installation))
    raise_for(report)
    return report.findings


def outline(installation: Installation) -> dict[str, str]:
    """What an installation would make, by a few words each."""
    missing = packages.missing(package for part in installation.parts for package in part.packages)
    return {
        "api": installation.site.url,
        "state_dir": str(installation.site.state_dir),
        "config_dir": str(installation.site.config_dir),
        "processes": installation.manager.name,
        "boot": installation.boot.told,
        "parts": ", ".join(part.name for part in installation.parts),
        "packages": ", ".join(package.name for package in missing) or "all are there",
    }


def upgrade(installation: Installation, say: Say) -> tuple[str, ...]:
    """Bring everything to this program's version: database, files, processes. Make a backup before."""
    settings = installation.site.settings
    check(installation)
    say("stopping")
    installation.manager.stop()
    say("database")
    upgrade_database(settings.database.connection, settings.paths.database, settings.database.busy_timeout)
    stopped = replace(installation, site=replace(installation.site, running=frozenset()))
    return install(stopped, say)


def _directories(state_dir: Path, config_dir: Path) -> None:
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        config_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise UndercloudError.of(
            "INST-001",
            f"{error.filename} cannot be made: {error.strerror}",
            fix="Run this as root, or choose --undercloud-state-dir and --config-dir.",
        ) from error


def _named(say: Say, part: Part) -> Say:
    return lambda text: say(f"{part.name}: {text}")


def _await(installation: Installation, part: Part, say: Say) -> None:
    """Wait until a part does its work; INST-023 with what its processes said last, when it does not."""
    deadline = time.monotonic() + _PATIENCE
    names = {process.name for process in part.processes()}
    seen = set[int]()
    while not (health := part.healthy()).ok:
        states = installation.manager.states()
        seen |= {state.pid for name, state in states.items() if name in names and state.pid}
        if time.monotonic() > deadline or len(seen) > _STARTS * len(names):
            raise _unhealthy(installation, part, health)
        time.sleep(_POLL)
    say(f"{part.name}: {health.message}")


def _unhealthy(installation: Installation, part: Part, health: Health) -> UndercloudError:
    logs: Iterable[str] = (installation.manager.log(process.name, _LOG_LINES) for process in part.processes())
    said = "\n".join(log for log in logs if log) or "nothing"
    return UndercloudError.of(
        "INST-023",
        f"{part.title} does not work after its start: {health.message}. It said last:\n{said}",
        fix="Mend what it says, then run the command again; see all: openstack undercloud status",
    )
