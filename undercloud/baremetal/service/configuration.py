"""ironic.conf, as text.

The options: https://docs.openstack.org/ironic/latest/configuration/config.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from undercloud.baremetal.service import ipxe
from undercloud.baremetal.service.settings import AGENT, IronicSettings
from undercloud.diskimages.esp import RAMDISK_CONFIG

_ABSENT = ("bios", "console", "firmware", "inspect", "raid", "rescue", "vendor")
"""Kinds of interfaces that machines may have none of."""

_REDFISH = {
    "bios": ("redfish",),
    "boot": ("redfish-virtual-media",),
    "firmware": ("redfish",),
    "inspect": ("redfish",),
    "management": ("redfish",),
    "power": ("redfish",),
    "raid": ("redfish",),
    "vendor": ("redfish",),
}
_IPMI = {
    "boot": ("ipxe", "pxe"),
    "management": ("ipmitool",),
    "power": ("ipmitool",),
    "vendor": ("ipmitool",),
}
_OF_HARDWARE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "redfish": _REDFISH,
    "ipmi": _IPMI,
    "intel-ipmi": {**_IPMI, "management": ("intel-ipmitool",)},
    "idrac": {
        kind: tuple(f"idrac-{name}" for name in names)
        for kind, names in _REDFISH.items()
        if kind != "firmware"
    },
    "manual-management": {"boot": ("ipxe", "pxe"), "management": ("noop",), "power": ("agent",)},
    "fake-hardware": dict.fromkeys(
        ("bios", "boot", "deploy", "firmware", "inspect", "management", "power", "raid", "rescue", "vendor"),
        ("fake",),
    ),
}
_EVERYWHERE = {
    "deploy": ("direct", "ramdisk"),
    "inspect": ("agent",),
    "network": ("noop",),
    "raid": ("agent",),
    "rescue": ("agent",),
    "storage": ("noop",),
}

GRUB = """\
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
set default=0
set timeout=0
menuentry "ironic ramdisk" {
linux {{ linux }} {{ kernel_params }} --
initrd {{ initrd }}
}
"""
"""GRUB's configuration on a boot medium; the braces are Ironic's to fill."""

_HOOKS = "$default_hooks,memory,cpus,cpu-capabilities,boot-mode,root-device,pci-devices,parse-lldp"


def configuration(settings: IronicSettings) -> str:
    """The text of ironic.conf."""
    sections: dict[str, Mapping[str, object]] = {
        "DEFAULT": {**_process(settings), **_interfaces(settings)},
        "api": _api(settings),
        "database": {"connection": settings.connection.replace("$", "$$")},
        "conductor": _conductor(settings),
        "deploy": _deploy(settings),
        "agent": {
            "image_download_source": "http",
            "api_ca_file": settings.authority,
            "deploy_logs_local_path": settings.directory / "deploylogs",
            "deploy_logs_collect": "on_failure",
        },
        "inspector": {"hooks": _HOOKS, "add_ports": "all"},
        "redfish": {"kernel_append_params": _kernel_arguments(settings)},
        "pxe": _pxe(settings),
        "service_catalog": {"auth_type": "none", "endpoint_override": settings.endpoint},
        "dhcp": {"dhcp_provider": "none"},
    }
    return "\n".join(_section(name, options) for name, options in sections.items())


def directories(settings: IronicSettings) -> tuple[Path, ...]:
    """What the configuration names and has to be there."""
    names = ("tmp", "master_images", "master_iso", "images", "deploylogs", "tftp", "master_tftp")
    return (settings.files, *(settings.directory / name for name in names))


def grub_template(settings: IronicSettings) -> Path:
    """Where :data:`GRUB` lies."""
    return settings.directory / "grub.cfg.template"


def boot_script(settings: IronicSettings) -> Path:
    """Where :data:`ipxe.BEGIN` lies; Ironic puts it under the same name to the files that are served."""
    return settings.directory / ipxe.BOOT_SCRIPT


def machine_script(settings: IronicSettings) -> Path:
    """Where the template of the machines' iPXE scripts lies."""
    return settings.directory / "machine.ipxe.template"


def _process(settings: IronicSettings) -> dict[str, object]:
    bus: dict[str, object] = {"rpc_transport": "none"}
    if settings.transport_url:
        bus = {"rpc_transport": "oslo", "transport_url": settings.transport_url.replace("$", "$$")}
    return {
        **bus,
        "auth_strategy": "http_basic",
        "http_basic_auth_user_file": settings.passwords,
        "host": "undercloud",
        "my_ip": settings.address,
        "debug": settings.debug,
        "tempdir": settings.directory / "tmp",
        "state_path": settings.directory,
        "grub_config_path": RAMDISK_CONFIG,
        "grub_config_template": grub_template(settings),
    }


def _interfaces(settings: IronicSettings) -> dict[str, object]:
    """The interfaces of all hardware types; a machine that names none gets the first that fits."""
    hardware_types = settings.hardware_types
    enabled: dict[str, list[str]] = {}
    tables = [*(_OF_HARDWARE[name] for name in hardware_types), _EVERYWHERE]
    if settings.network_boot:
        tables.append({"boot": ("ipxe",)})
    for table in tables:
        for kind, names in table.items():
            known = enabled.setdefault(kind, [])
            known += [name for name in names if name not in known]
    for kind in _ABSENT:
        enabled.setdefault(kind, []).append(f"no-{kind}")
    options: dict[str, object] = {"enabled_hardware_types": ",".join(hardware_types)}
    options |= {f"enabled_{kind}_interfaces": ",".join(names) for kind, names in sorted(enabled.items())}
    if "fake-hardware" not in hardware_types:  # which has no other inspection than its own
        # A BMC knows less of disks and ports than a system that runs on the machine.
        options["default_inspect_interface"] = "agent"
    return options


def _api(settings: IronicSettings) -> dict[str, object]:
    return {
        "host_ip": settings.address,
        "port": settings.port,
        "public_endpoint": settings.endpoint,
        "enable_ssl_api": True,
        "cert_file": settings.certificate,
        "key_file": settings.key,
        "server_tls_minimum_version": "1.2",
    }


def _conductor(settings: IronicSettings) -> dict[str, object]:
    patience = settings.ramdisk_timeout
    agent = f"{settings.files_url}/{AGENT}"
    return {
        "automated_clean": settings.clean,
        "deploy_kernel": f"{agent}.kernel",
        "deploy_ramdisk": f"{agent}.initramfs",
        "bootloader": f"{agent}.esp",
        "deploy_callback_timeout": patience,
        "inspect_wait_timeout": patience,
        "clean_callback_timeout": patience,
        "sync_power_state_interval": 60,
        "file_url_allowed_paths": settings.files,
        # else a ramdisk of 80 MB is unpacked to 300 before it is put on a boot medium
        "disable_zstandard_decompression": True,
    }


def _deploy(settings: IronicSettings) -> dict[str, object]:
    return {
        "http_url": settings.files_url,
        "http_root": settings.files,
        "external_callback_url": settings.endpoint,
        "erase_devices_priority": 0,
        "erase_devices_metadata_priority": 10,
        "default_boot_mode": "uefi",
        "fast_track": settings.fast_track,
        "iso_master_path": settings.directory / "master_iso",
    }


def _pxe(settings: IronicSettings) -> dict[str, object]:
    return {
        "ipxe_boot_script": boot_script(settings),
        "ipxe_config_template": machine_script(settings),
        "tftp_root": settings.directory / "tftp",
        "tftp_master_path": settings.directory / "master_tftp",
        "instance_master_path": settings.directory / "master_images",
        "images_path": settings.directory / "images",
        "kernel_append_params": _kernel_arguments(settings),
    }


def _kernel_arguments(settings: IronicSettings) -> str:
    lldp = (
        f"ipa-collect-lldp=1 ipa-lldp-timeout={settings.lldp_seconds}"
        if settings.lldp_seconds
        else "ipa-collect-lldp=0"
    )
    collectors = "ipa-inspection-collectors=default,logs,pci-devices,numa-topology"
    # A wrong checksum is no better at the tenth time, and each time is a whole image.
    patience = "ipa-image-download-connection-retries=2"
    return f"{settings.kernel_arguments} {collectors} {lldp} {patience} systemd.show_status=0"


def _section(name: str, options: Mapping[str, object]) -> str:
    lines = [
        f"{key} = {str(value).lower() if isinstance(value, bool) else value}\n"
        for key, value in options.items()
    ]
    return f"[{name}]\n{''.join(lines)}"
