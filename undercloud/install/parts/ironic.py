"""Ironic, which turns machines on and writes images to their disks: API and conductor in one process."""

from __future__ import annotations

from collections.abc import Iterator

from undercloud.baremetal.service.configuration import boot_script
from undercloud.baremetal.service.ironic import IronicService
from undercloud.baremetal.service.settings import (
    API_PORT,
    HARDWARE_TYPES,
    IronicSettings,
    files_directory,
    ironic_directory,
)
from undercloud.diagnostics import Finding, Severity
from undercloud.install.part import Health, Kept, Package, Process, Say
from undercloud.install.ports import unusable
from undercloud.install.site import Site, certificate_file

_OPTION = "enabled_hardware_types"
_STOP_SECONDS = 60


class Ironic:
    """Implements ``Part``. Machines and what they are made of are kept in its database."""

    name = "ironic"
    title = "Ironic"
    needs = ("files",)
    packages = tuple(
        map(Package, ("dosfstools", "gdisk", "ipmitool", "mtools", "python3-venv", "qemu-utils", "xorriso"))
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        directory, options = ironic_directory(site.state_dir), site.settings.ironic
        certificate = certificate_file(site.state_dir, self.name)
        self.settings = IronicSettings(
            directory,
            files_directory(site.state_dir),
            site.address,
            certificate,
            certificate.with_suffix(".key"),
            site.authority / "ca.crt",
            database=options.connection,
            transport_url=options.transport_url,
            hardware_types=tuple(name for name in site.conf.get(_OPTION) if name in HARDWARE_TYPES),
            clean=site.conf.get("clean_nodes"),
            fast_track=options.fast_track,
            lldp_seconds=options.lldp_seconds,
            ramdisk_timeout=options.ramdisk_timeout,
            kernel_arguments=options.kernel_arguments,
            debug=options.debug,
            network_boot=site.conf.network_boot,
        )

    @property
    def kept(self) -> Kept:
        """Its database, and what clients and ramdisks know it by."""
        settings = self.settings
        databases = () if settings.database else (settings.sqlite,)
        return Kept((settings.client, settings.passwords, settings.certificate.parent), databases)

    def problems(self) -> Iterator[Finding]:
        """Its port; hardware types that this Ironic does not have."""
        site = self._site
        if self.name not in site.running:
            yield from unusable(site.address, API_PORT, self.title)
        unknown = [name for name in site.conf.get(_OPTION) if name not in HARDWARE_TYPES]
        if not self.settings.hardware_types:
            message = f"{_OPTION} names nothing that this Ironic has: {', '.join(unknown)}"
            fix = f"Choose from: {', '.join(HARDWARE_TYPES)}."
            yield Finding("INST-072", message, fix, locations=(site.conf.locate(_OPTION),))
        elif unknown and site.conf.is_set(_OPTION):
            message = f"this Ironic has no hardware type {', '.join(unknown)}: left out"
            fix = (
                f"Machines of these types speak redfish or ipmi, too. There are: {', '.join(HARDWARE_TYPES)}."
            )
            place = (site.conf.locate(_OPTION),)
            yield Finding("INST-073", message, fix, Severity.WARNING, place)

    def prepare(self, say: Say) -> None:
        """Certificate, environment, configuration, database."""
        say("certificate")
        self._site.certificate(self.name)
        self._service().prepare(say)

    def processes(self) -> tuple[Process, ...]:
        """API and conductor."""
        settings, service = self.settings, self._service()
        reads = (
            settings.configuration,
            boot_script(settings),  # which Ironic hands on when it starts
            settings.passwords,
            settings.certificate,
            settings.key,
        )
        return (
            Process(
                self.name,
                "Ironic of the undercloud",
                service.command(),
                environment=service.environment(),
                reads=(*reads, settings.venv / ".stamp"),
                after=("files",),
                writes=(settings.directory, settings.files),
                stop_seconds=_STOP_SECONDS,
            ),
        )

    def healthy(self) -> Health:
        """Whether the API answers and a conductor is alive."""
        wrong = self._service().healthy()
        return Health(not wrong, wrong or self.settings.endpoint)

    def remove(self) -> None:
        """Everything lies in the state directory; machines stay as they are."""

    def _service(self) -> IronicService:
        return IronicService(self.settings, self._site.secret(self.name))
