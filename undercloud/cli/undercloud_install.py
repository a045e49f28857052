"""`undercloud install`, `undercloud upgrade` and `undercloud uninstall`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from undercloud.cli import base, errors, plugin, rendering, reporting, tripleo_flags, undercloud_options

if TYPE_CHECKING:
    from undercloud.diagnostics import Finding
    from undercloud.install.installation import Installation, Record

Shown = tuple[Sequence[str], Sequence[Any]]
_CONF = "undercloud.conf"


class UndercloudInstall(base.ShowOne):
    """Bring up the undercloud on this machine as an undercloud.conf says, or bring it to what it says now.

    Everything that is wrong with the file and with this machine is told at once, before anything is changed.
    Then come Debian packages, certificates of an authority of its own, passwords, the database, and the
    processes, which systemd (elsewhere supervisor) keeps running. Run again it changes only what differs;
    after a failure it goes on with what is missing.
    """

    examples = (
        ("with undercloud.conf in this directory or in your home", "undercloud install"),
        ("what would be done", "undercloud install --dry-run"),
        ("then use it", "--undercloud undercloud overcloud plan list"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the file, where to, how."""
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--config",
            metavar="<file>",
            help="Default: undercloud.conf here or in your home; where there is none, TripleO's defaults",
        )
        parser.add_argument(
            "--config-dir",
            metavar="<directory>",
            help="Where its configuration is written (default: as installed; /etc/undercloud for root, "
            "~/.config/undercloud for others)",
        )
        undercloud_options.add_processes(parser)
        parser.add_argument("--dry-run", action="store_true", help="Check everything and change nothing")
        parser.add_argument("-y", "--yes", action="store_true", help="Accepted; nothing is asked")
        tripleo_flags.add_harmless(parser, tripleo_flags.HARMLESS_FOR_INSTALL)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Check, install, and show how it is used."""
        from undercloud.install import installation, installer  # noqa: PLC0415  (start-up)

        self.tell_notes(parsed_args)
        state_dir = undercloud_options.state_directory(self.app)
        record, warnings = _wanted(parsed_args, installation.recorded(state_dir))
        wanted = installation.intended(record, state_dir)
        _warn(self.app, (*warnings, *installer.check(wanted)))
        if parsed_args.dry_run:
            return _shown(installer.outline(wanted))
        with undercloud_options.progress(self.app) as say:
            started = installer.install(wanted, say)
        return _use(wanted, started)

    def interrupted(self, parsed_args: argparse.Namespace) -> str:  # noqa: ARG002
        """Every step can be repeated."""
        return "\nInterrupted. Run the command again: it goes on with what is missing.\n"


class UndercloudUpgrade(base.ShowOne):
    """Bring the undercloud to this program's version: a backup, the database's schema, the processes.

    Without an installation only the database is migrated. The embedded database is also upgraded by the first
    command that uses it. One on a server is upgraded only here: stop all engines and back it up before.
    """

    examples = (
        ("after an upgrade of the package", "undercloud upgrade"),
        ("with a backup of your own", "undercloud upgrade --no-backup"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: the backup."""
        parser = super().get_parser(prog_name)
        undercloud_options.add_backup(parser)
        parser.add_argument("-y", "--yes", action="store_true", help="Accepted; nothing is asked")
        tripleo_flags.add_harmless(parser, tripleo_flags.HARMLESS_FOR_UPGRADE)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Shown:
        """Back up, migrate, start anew."""
        from undercloud.install import installation, installer  # noqa: PLC0415  (start-up)

        self.tell_notes(parsed_args)
        found = installation.installed(undercloud_options.state_directory(self.app))
        if found is None:
            return _shown(_migrate(self.app))
        with undercloud_options.progress(self.app) as say:
            saved = undercloud_options.back_up(self.app, parsed_args, found, say)
            started = installer.upgrade(found, say)
        names, values = _use(found, started)
        return (*names, "backup"), (*values, str(saved or ""))


class UndercloudUninstall(base.Ours):
    """Take the undercloud off this machine: its processes, its configuration, its state.

    A backup is made first, which `undercloud restore` brings back. The clouds that were deployed go on
    running on their nodes; Debian packages stay. Refused while a deployment runs.
    """

    examples = (
        ("asks first", "undercloud uninstall"),
        ("asks nothing", "undercloud uninstall --yes --backup /root/undercloud.tar.gz"),
        ("and back again", "undercloud restore /root/undercloud.tar.gz"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """The parser: whether to ask, the backup."""
        parser = super().get_parser(prog_name)
        parser.add_argument("-y", "--yes", action="store_true", help="Ask nothing")
        undercloud_options.add_backup(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        """Tell what would go, ask, back up, remove."""
        from undercloud.install import removal  # noqa: PLC0415  (start-up)

        found = undercloud_options.needed(self.app)
        if not parsed_args.yes and not self.confirmed(self._question(found, parsed_args)):
            return errors.FAILED
        removal.check(found)
        with undercloud_options.progress(self.app) as say:
            saved = undercloud_options.back_up(self.app, parsed_args, found, say)
            undercloud_options.drop_entry(found.site)
            removal.uninstall(found, say)
        back = f"; back again: openstack undercloud restore {saved}" if saved else ""
        self.app.stdout.write(f"The undercloud in {found.site.state_dir} is removed{back}\n")
        return errors.CLEAN

    def _question(self, found: Installation, parsed_args: argparse.Namespace) -> str:
        from undercloud.install import removal  # noqa: PLC0415  (start-up)

        known = removal.stacks(found)
        if known is None:
            clouds = "clouds that cannot be read any more"
        else:
            deployed = [stack.name for stack in known if stack.nodes]
            clouds = f"{rendering.plural(len(deployed), 'cloud')} ({', '.join(deployed) or 'none'})"
        kept = "without a backup" if parsed_args.no_backup else "after a backup"
        return f"Remove the undercloud in {found.site.state_dir}, which knows of {clouds}, {kept}?"


def _warn(app: Any, findings: Iterable[Finding]) -> None:
    found = tuple(findings)
    if found:
        app.stderr.write(rendering.report_text(found, width=rendering.width_of(app.stderr)))


def _wanted(parsed_args: argparse.Namespace, before: Record | None) -> tuple[Record, tuple[Finding, ...]]:
    """What the options ask for, on top of what is installed; raises what is wrong with undercloud.conf."""
    from undercloud.diagnostics import Severity, UndercloudError  # noqa: PLC0415  (start-up)
    from undercloud.install.installation import Record  # noqa: PLC0415
    from undercloud.install.processes import choice  # noqa: PLC0415
    from undercloud.validation import validate  # noqa: PLC0415

    source, text = _conf(parsed_args.config)
    found = validate.undercloud(text, source)
    if any(finding.severity is Severity.ERROR for finding in found):
        raise UndercloudError(*found)
    named = Path(parsed_args.config_dir).expanduser().absolute() if parsed_args.config_dir else None
    usual = before.config_dir if before else str(undercloud_options.usual_config_directory())
    processes = parsed_args.processes or (before.processes if before else choice.usual())
    return Record(source, text, str(named or usual), processes), found


def _conf(given: str | None) -> tuple[str, str]:
    """The file's path and text; an empty text, which leaves all at its default, where there is no file."""
    here = (Path(_CONF), Path.home() / _CONF)
    file = given or next((str(path) for path in here if path.is_file()), "")
    if not file:
        return f"no {_CONF}", ""
    path, text = reporting.read(file)
    return str(Path(path).absolute()), text


def _use(wanted: Installation, started: Sequence[str]) -> Shown:
    """How the undercloud is used."""
    from undercloud.install import installer  # noqa: PLC0415  (start-up)

    site = wanted.site
    files = undercloud_options.put_entry(site)
    return _shown(
        {
            "api": site.url,
            "use": f"openstack --undercloud {undercloud_options.ENTRY} overcloud plan list",
            "credentials": " ".join(map(str, files)),
            "ca": str(site.config_dir / installer.AUTHORITY) if site.cacert else "the system's",
            "state_dir": str(site.state_dir),
            "config_dir": str(site.config_dir),
            "processes": wanted.manager.name,
            "boot": wanted.boot.told,
            "started": " ".join(started) or "nothing differed",
        }
    )


def _shown(values: Mapping[str, Any]) -> Shown:
    return tuple(values), tuple(values.values())


def _migrate(app: Any) -> dict[str, str]:
    """Migrate a database without an installation around it."""
    from undercloud.db import schema  # noqa: PLC0415  (start-up)
    from undercloud.db.database import upgrade_database  # noqa: PLC0415

    settings = plugin.settings_of(app.client_manager)
    options, paths = settings.database, settings.paths
    place = upgrade_database(options.connection, paths.database, options.busy_timeout)
    undercloud_options.open_database(settings).close()
    return {"database": place, "schema": schema.HEAD}
