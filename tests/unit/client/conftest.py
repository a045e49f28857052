from tests.unit.api.conftest import client, serve, user_lines
from tests.unit.cli.conftest import installed, openstack

__all__ = ["client", "installed", "openstack", "serve", "user_lines"]
