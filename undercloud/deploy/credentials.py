"""How to use a deployed cloud: an entry for clouds.yaml and an rc file for a shell."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import yaml

from undercloud import durable
from undercloud.deploy.compiling import Access
from undercloud.deploy.engine import Credentials
from undercloud.deploy.workspace import make_private

_DOMAIN = "Default"


def of(stack: str, access: Access) -> Credentials:
    """The credentials of a stack's administrator; the cloud has the stack's name."""
    auth = {
        "auth_url": access.auth_url,
        "project_name": access.project,
        "username": access.username,
        "password": access.password,
        "user_domain_name": _DOMAIN,
        "project_domain_name": _DOMAIN,
    }
    entry = {
        "auth": auth,
        "region_name": access.region,
        "identity_api_version": "3",
        "interface": "public",
    }
    given = Credentials(stack, {k: v for k, v in entry.items() if v}, _rc(stack, auth, access.region))
    if access.authority_file:
        return trusting(given, Path(access.authority_file))
    return dataclasses.replace(given, authority=access.authority)


def authority_file(directory: Path, cloud: str) -> Path:
    """Where the certificate authority of a cloud is written beside its other files."""
    return directory / f"{cloud}-ca.pem"


def trusting(credentials: Credentials, file: Path) -> Credentials:
    """The credentials with the certificate authority in a file, which both texts name."""
    rc = f"{credentials.rc}export OS_CACERT={shlex.quote(str(file))}\n"
    return dataclasses.replace(credentials, clouds={**credentials.clouds, "cacert": str(file)}, rc=rc)


def write(directory: Path, credentials: Credentials) -> None:
    """Write ``clouds.yaml``, ``STACKrc`` and what they trust (mode 0600) into a directory."""
    make_private(directory)
    if credentials.authority:
        file = authority_file(directory, credentials.cloud)
        durable.write(file, credentials.authority.encode())
        credentials = trusting(credentials, file)
    clouds = {"clouds": {credentials.cloud: dict(credentials.clouds)}}
    durable.write(directory / "clouds.yaml", yaml.safe_dump(clouds, sort_keys=False).encode())
    durable.write(directory / f"{credentials.cloud}rc", credentials.rc.encode())


def _rc(stack: str, auth: dict[str, str], region: str) -> str:
    values = {f"OS_{name.upper()}": value for name, value in auth.items()}
    values |= {
        "OS_REGION_NAME": region,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_INTERFACE": "public",
        "OS_AUTH_TYPE": "password",
        "OS_CLOUDNAME": stack,
    }
    # OS_CLOUD would win over all that follows, and another cloud's authority would be asked about this one.
    lines = ["# For a shell: source this file", "unset OS_CLOUD OS_CACERT"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items() if value]
    return "\n".join(lines) + "\n"
