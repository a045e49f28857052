"""What a node finds at its first start: its name, its address, who may enter it, and its SSH host key.

The form is OpenStack's config drive, which cloud-init reads; Ironic makes the medium out of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from undercloud.baremetal.host_keys import KeyPair

_GIVEN = ("ssh_keys", "users")


def config_drive(
    host: str,
    domain: str,
    uuid: str,
    *,
    network: Mapping[str, Any],
    host_key: KeyPair,
    user: str,
    authorized: Sequence[str],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """``meta_data``, ``network_data`` and ``user_data`` as Ironic takes them.

    ``given`` is the deployment file's ``config_drive``: ``meta_data`` is added to ours, ``cloud_config`` too,
    but for the host key and the users, which are how we enter.
    """
    fqdn = f"{host}.{domain}"
    more = given.get("meta_data")
    cloud = given.get("cloud_config")
    config = {
        "preserve_hostname": False,
        "hostname": host,
        "fqdn": fqdn,
        # Its own name alone, once: `true` would write the file anew at every boot, without the cloud's names.
        "manage_etc_hosts": "localhost",
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_genkeytypes": [],
        **(
            {key: value for key, value in cloud.items() if key not in _GIVEN}
            if isinstance(cloud, Mapping)
            else {}
        ),
        "ssh_keys": {"ed25519_private": host_key.private, "ed25519_public": host_key.public},
        "users": [
            {
                "name": user,
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "shell": "/bin/bash",
                "lock_passwd": True,
                "ssh_authorized_keys": list(authorized),
            }
        ],
    }
    return {
        "meta_data": {
            **(more if isinstance(more, Mapping) else {}),
            "uuid": uuid,
            "hostname": fqdn,
            "name": host,
            "public_keys": {f"key-{number}": key for number, key in enumerate(authorized)},
        },
        "network_data": dict(network),
        "user_data": "#cloud-config\n" + yaml.safe_dump(config, sort_keys=False),
    }
