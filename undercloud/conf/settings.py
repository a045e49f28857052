"""Reading the configuration once, into values."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oslo_config import cfg

from undercloud.conf import api, baremetal, database, deployment, ironic, messaging, paths, registry, runner
from undercloud.diagnostics import Location, UndercloudError

CONFIG_FILE = "/etc/undercloud/undercloud.conf"
OWN_DIRECTORY = "etc"
"""In a state directory: the configuration of an undercloud that shall not use the system's place."""
AREAS = (paths, database, registry, runner, deployment, messaging, api, ironic, baremetal)


@dataclass(frozen=True)
class Settings:
    """All options, an attribute an area; ``file`` is where they stand, empty for none."""

    paths: paths.Paths
    database: database.Database
    registry: registry.Registry
    runner: runner.Runner
    deployment: deployment.Deployment
    messaging: messaging.Messaging
    api: api.Api
    ironic: ironic.Ironic
    baremetal: baremetal.Baremetal
    file: str = ""


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """All options by group, as oslo-config-generator wants them."""
    return [(area.GROUP, area.OPTIONS) for area in AREAS]


def load(
    state_dir: str = "", config_file: str = "", environment: Mapping[str, str] | None = None
) -> Settings:
    """Read the configuration file and say what holds.

    The state directory is, in this order: ``state_dir`` (the command line's), ``UNDERCLOUD_STATE_DIR``, the
    file's ``[paths] state_dir``, /var/lib/undercloud. The file is ``config_file``, ``UNDERCLOUD_CONFIG_FILE``
    or the first that exists of `_usual_files`; the files of `overrides_beside` win over it. Raises
    DEP-020 for a file that is absent or wrong.
    """
    environment = os.environ if environment is None else environment
    chosen = state_dir or environment.get("UNDERCLOUD_STATE_DIR", "")
    asked = config_file or environment.get("UNDERCLOUD_CONFIG_FILE", "")
    file = asked or next((usual for usual in _usual_files(chosen) if Path(usual).exists()), "")
    overrides = overrides_beside(Path(file or CONFIG_FILE))
    conf = cfg.ConfigOpts()
    for group, options in list_opts():
        conf.register_opts(options, group=group)
    try:
        conf(
            args=[],
            project="undercloud",
            default_config_files=[file] if file else [],
            default_config_dirs=[str(overrides)] if file and overrides.is_dir() else [],
        )
        if chosen:
            conf.set_override("state_dir", chosen, group=paths.GROUP)
        return Settings(
            paths.Paths.read(conf),
            database.Database.read(conf),
            registry.Registry.read(conf),
            runner.Runner.read(conf),
            deployment.Deployment.read(conf),
            messaging.Messaging.read(conf),
            api.Api.read(conf),
            ironic.Ironic.read(conf),
            baremetal.Baremetal.read(conf),
            file,
        )
    except cfg.Error as error:
        raise UndercloudError.of(
            "DEP-020",
            f"the configuration cannot be used: {_reason(error)}",
            fix="Mend the file, or name another with UNDERCLOUD_CONFIG_FILE.",
            location=Location(file) if file else None,
        ) from error


def _usual_files(state_dir: str) -> tuple[str, ...]:
    """Where the configuration may stand: in a state directory that is named (so underclouds can live side by
    side), or in the system's place."""
    own = (str(Path(state_dir) / OWN_DIRECTORY / Path(CONFIG_FILE).name),) if state_dir else ()
    return (*own, CONFIG_FILE)


def overrides_beside(file: Path) -> Path:
    """The directory whose ``*.conf``, in the order of their names, win over ``file``: undercloud.conf.d."""
    return file.with_name(f"{file.name}.d")


def _reason(error: cfg.Error) -> str:
    """oslo.config's words without the internal form of the place."""
    return re.sub(r" from LocationInfo\(.*\) is", " is", str(error))
