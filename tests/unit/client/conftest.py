from tests.unit.api.conftest import client, ironic, serve, user_lines
from tests.unit.cli.conftest import installed, openstack

__all__ = ["client", "installed", "ironic", "openstack", "serve", "user_lines"]
