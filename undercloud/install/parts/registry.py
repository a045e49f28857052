"""The registry that the nodes pull images from: Debian's docker-registry, with TLS and a password."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from undercloud.diagnostics import Finding, UndercloudError
from undercloud.images import served
from undercloud.images.registry import PORT, Server
from undercloud.install.part import Health, Kept, Package, Process, Say
from undercloud.install.ports import unusable
from undercloud.install.site import Site

_PROGRAM = "docker-registry"


class Registry:
    """Implements ``Part``. Images are not part of a backup: they are built or pushed again."""

    name = "registry"
    title = "Registry of container images"
    needs = ("network",)
    packages = (Package(_PROGRAM, services=(_PROGRAM,)),)

    def __init__(self, site: Site) -> None:
        self._site = site
        self._directory = site.state_dir / "registry"

    @property
    def kept(self) -> Kept:
        """Its password and certificate, which the nodes know."""
        return Kept(files=tuple(self._directory / name for name in ("client.json", "htpasswd", "tls")))

    def problems(self) -> Iterator[Finding]:
        """Its port."""
        if self.name not in self._site.running:
            yield from unusable(self._site.address, PORT, self.title)

    def prepare(self, say: Say) -> None:
        """Password, certificate, configuration."""
        site = self._site
        say(f"certificate and password for {site.address}:{PORT}")
        made = served.ensure(self._directory, site.address, PORT, site.names, authority=site.authority)
        Server(made.settings).configure()

    def processes(self) -> tuple[Process, ...]:
        """docker-registry."""
        configuration = self._directory / "registry.yml"
        program = shutil.which(_PROGRAM) or f"/usr/bin/{_PROGRAM}"
        return (
            Process(
                self.name,
                f"{self.title} of the undercloud",
                (program, "serve", str(configuration)),
                environment={"OTEL_TRACES_EXPORTER": "none"},
                reads=(configuration, self._directory / "htpasswd"),
                writes=(self._directory,),
            ),
        )

    def healthy(self) -> Health:
        """Whether it answers to its password."""
        try:
            client = served.load(self._directory)
            if client is None:
                return Health(False, "it was never set up")
            client.check()
        except UndercloudError as error:
            return Health(False, error.findings[0].message)
        return Health(True, f"https://{client.endpoint}")

    def remove(self) -> None:
        """Everything lies in the state directory."""
