"""The OSC plugin: `openstack overcloud …`, `openstack undercloud …`."""
