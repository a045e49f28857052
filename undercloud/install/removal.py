"""Taking an undercloud off this machine; the nodes of its clouds are not touched."""

from __future__ import annotations

import shutil
from pathlib import Path

from undercloud.db.database import open_database
from undercloud.deploy import processes
from undercloud.deploy.engine import StackInfo
from undercloud.deploy.reading import Reading
from undercloud.deploy.work import mark_of
from undercloud.diagnostics import UndercloudError
from undercloud.install.installation import Installation, alone
from undercloud.install.installer import AUTHORITY
from undercloud.install.part import Say
from undercloud.install.parts import left_over

_WORKING = ("deploying", "deleting")
_KEEPERS = 15.0  # seconds that the keepers of playbooks have to end what they keep


def stacks(installation: Installation) -> tuple[StackInfo, ...] | None:
    """The clouds that it knows; None where its database cannot be read."""
    settings = installation.site.settings
    paths, options = settings.paths, settings.database
    if not options.connection and not paths.database.is_file():
        return ()
    try:
        database = open_database(options.connection, paths.database, paths.key_file, upgrade=False)
    except UndercloudError:
        return None
    try:
        return Reading(database, settings.deployment).stacks()
    finally:
        database.close()


def check(installation: Installation) -> None:
    """Raise what speaks against a removal.

    INST-040 while a deployment runs, INST-041 while something is mounted in the state directory.
    """
    working = [stack.name for stack in stacks(installation) or () if stack.status in _WORKING]
    if working:
        raise UndercloudError.of(
            "INST-040",
            f"{', '.join(working)} is being deployed",
            fix=f"Wait for it, or stop it: openstack overcloud cancel {working[0]}",
        )
    mounted = _mounts_below(installation.site.state_dir)
    if mounted:
        raise UndercloudError.of(
            "INST-041",
            f"something is mounted on {mounted[0]}",
            fix=f"End what uses it, then: umount {mounted[0]}",
        )


def uninstall(installation: Installation, say: Say) -> None:
    """Stop everything and delete the state directory and what was written elsewhere.

    Raises what ``check`` does, and INST-042 where something cannot be deleted; run again, it goes on. Debian
    packages stay.
    """
    site = installation.site
    check(installation)
    with alone(site.state_dir):
        say("stopping")
        installation.boot.remove()
        installation.manager.remove()
        # They survive the engine, so that it may be started anew; now there is none to come.
        if ended := processes.end_all(mark_of(site.state_dir, ""), _KEEPERS, whole=False):
            say(f"ended {ended} processes of playbooks that still ran")
        for part in (*left_over(site), *reversed(installation.parts)):
            say(f"removing {part.title}")
            part.remove()
        say(f"deleting {site.state_dir}")
        _delete(installation)


def _delete(installation: Installation) -> None:
    """The record goes last, so that a removal that was cut off can be gone on with."""
    site = installation.site
    try:
        for file in (Path(site.settings.file), site.config_dir / AUTHORITY):
            file.unlink(missing_ok=True)
        for entry in site.state_dir.iterdir():
            if entry != installation.file:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        shutil.rmtree(site.state_dir)
        if site.config_dir.is_dir() and not any(site.config_dir.iterdir()):
            site.config_dir.rmdir()
    except OSError as error:
        raise UndercloudError.of(
            "INST-042",
            f"{error.filename} cannot be deleted: {error.strerror}",
            fix="Mend that, then run it again.",
        ) from error


def _mounts_below(directory: Path) -> list[str]:
    """Mount points in a directory, by proc(5)'s mountinfo."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    points = [line.split()[4].encode().decode("unicode_escape") for line in lines]
    return [point for point in points if Path(point).is_relative_to(directory.resolve())]
