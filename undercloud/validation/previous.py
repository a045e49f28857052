"""What a compilation leaves behind to be compared with the next one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from undercloud.diagnostics import UndercloudError
from undercloud.plan import passwords
from undercloud.plan.secrets import masked
from undercloud.playbooks.compiler import Compilation
from undercloud.validation.composition import Composition
from undercloud.validation.ranges import network
from undercloud.validation.subject import Previous

FILE = "facts.json"
"""The name of the file among the output of ``plan compile``."""
VERSION = 1

COMPARED = (
    "BarbicanDogtagStoreGlobalDefault",
    "BarbicanKmipStoreGlobalDefault",
    "BarbicanPkcs11CryptoGlobalDefault",
    "BarbicanSimpleCryptoGlobalDefault",
    "CephClusterFSID",
    "CephClusterName",
    "CinderBackupBackend",
    "CinderBackupNfsShare",
    "CinderBackupRbdPoolName",
    "CinderBackupS3Bucket",
    "CinderRbdPoolName",
    "CinderVolumeCluster",
    "CloudDomain",
    "EnableInternalTLS",
    "GlanceBackend",
    "GlanceBackendID",
    "GlanceMultistoreConfig",
    "GlanceNfsShare",
    "GlanceRbdPoolName",
    "GnocchiBackend",
    "GnocchiRbdPoolName",
    "HostnameMap",
    "InstanceNameTemplate",
    "KeystoneRegion",
    "ManilaCephFSBackendName",
    "ManilaCephFSDataPoolName",
    "ManilaCephFSMetadataPoolName",
    "NeutronBridgeMappings",
    "NeutronMechanismDrivers",
    "NeutronNetworkType",
    "NeutronPhysicalDevMappings",
    "NovaEnableRbdBackend",
    "NovaNfsEnabled",
    "NovaNfsShare",
    "NovaRbdPoolName",
    "SwiftPartPower",
)
"""The parameters whose values are kept; none of them is a secret."""
BACKEND_NAMES = re.compile(r"Cinder\w*BackendName")
BACKEND_SWITCHES = re.compile(r"CinderEnable\w+Backend")
"""Further ones, of which each back end has its own."""
KEYS = (
    "BarbicanSimpleCryptoKek",
    "CephClientKey",
    "CephManilaClientKey",
    "CephRgwKey",
    "HeatAuthEncryptionKey",
    "KeystoneCredential0",
    "MysqlRootPassword",
    "SwiftHashPrefix",
    "SwiftHashSuffix",
)
"""Secrets that data are encrypted or found with: a digest is kept of those that a file sets."""
_ROUNDS = 20_000


def facts(compilation: Compilation) -> dict[str, Any]:
    """What is kept of a compilation, fit for JSON."""
    return describe(Composition(compilation.plan, compilation.stack, compilation.topology))


def describe(composition: Composition) -> dict[str, Any]:
    """What is kept of a plan: values, roles, networks, virtual addresses, services."""
    plan = composition.plan
    return {
        "version": VERSION,
        "values": {
            name: masked(value)
            for name in compared(composition)
            if (value := comparable(composition, name)) is not None
        },
        "keys": {name: kept for name in KEYS if (kept := digest(composition, name))},
        "placement": {name: sorted(roles) for name, roles in sorted(composition.running.items())},
        "roles": {
            role.name: {
                "count": composition.counts[role.name],
                "hostname_format": str(
                    composition.given.get(f"{role.name}HostnameFormat") or role.hostname_format
                ),
            }
            for role in plan.roles
        },
        "networks": {
            net.name_lower: {
                "name": net.name,
                "subnets": {
                    name: [str(found) for text in (subnet.cidr, subnet.cidr_v6) if (found := network(text))]
                    for name, subnet in net.subnets.items()
                },
            }
            for net in plan.networks
            if net.enabled
        },
        "vips": {vip.network: vip.ip_address for vip in plan.vips},
        "services": sorted(composition.running),
    }


def compared(composition: Composition) -> tuple[str, ...]:
    """The names of the parameters whose values are kept."""
    own = (
        name
        for name in composition.declared
        if BACKEND_NAMES.fullmatch(name) or BACKEND_SWITCHES.fullmatch(name)
    )
    return (*COMPARED, *sorted(own))


def digest(composition: Composition, name: str) -> str:
    """A digest of a secret that a file sets, slow to compute so that it cannot be guessed; else empty."""
    value = composition.given.get(name) if composition.settings(name) else None
    if not isinstance(value, str) or not value:
        return ""
    return hashlib.pbkdf2_hmac("sha256", value.encode(), name.encode(), _ROUNDS).hex()


def comparable(composition: Composition, name: str) -> Any:
    """A parameter's value; None where it is generated, which validation has placeholders for."""
    if passwords.is_password(name) and name not in composition.given:
        return None
    return composition.value(name)


def read(data: Any) -> Previous:
    """What was kept; raises UndercloudError VAL-030 where its form is not known."""
    parts = ("values", "roles", "networks", "vips")
    if (
        not isinstance(data, Mapping)
        or data.get("version") != VERSION
        or not all(isinstance(data.get(part), Mapping) for part in parts)
    ):
        fix = "Compile the earlier plan again with this version."
        raise UndercloudError.of("VAL-030", f"{FILE} of the earlier compilation has an unknown form", fix=fix)
    return Previous(
        values=data["values"],
        roles=data["roles"],
        networks=data["networks"],
        vips=data["vips"],
        services=frozenset(data.get("services") or ()),
        keys=data.get("keys") or {},
        placement=data.get("placement") or {},
    )
