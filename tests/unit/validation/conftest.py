"""The shell of the tests of commands, for the commands of validation."""

from tests.unit.cli.conftest import installed, openstack

__all__ = ["installed", "openstack"]
