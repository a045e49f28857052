"""The engine of this machine, with all its real borders."""

from __future__ import annotations

import functools

from undercloud.conf import Settings, load
from undercloud.db.database import open_database
from undercloud.deploy import ironic_access
from undercloud.deploy.compiling import Compiler
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.provisioning_plane import own_addresses, plane_parameters
from undercloud.deploy.runner import AnsibleRunner
from undercloud.deploy.ssh import OpenSsh
from undercloud.deploy.work import Borders


def open_engine(settings: Settings | None = None) -> LocalEngine:
    """The engine of this machine with all its real borders; ``settings`` are read when not given.

    Raises UndercloudError for a configuration, database or key that cannot be used.
    """
    settings = settings or load()
    paths, options = settings.paths, settings.database
    database = open_database(options.connection, paths.database, paths.key_file, options.busy_timeout)

    def compiler() -> Compiler:
        from undercloud.deploy.compiler import NativeCompiler  # noqa: PLC0415 - most commands only read

        plane = functools.partial(plane_parameters, settings)
        own = own_addresses(settings.baremetal)
        return NativeCompiler(settings.registry.address, paths.state_dir / "registry", plane, own)

    borders = Borders(
        compiler, AnsibleRunner(settings.runner), OpenSsh(), lambda: ironic_access.open_ironic(settings)
    )
    return LocalEngine(settings, database, borders)
