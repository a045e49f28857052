"""The file server that machines boot from: ramdisk, boot media and images."""

from __future__ import annotations

from collections.abc import Iterator

import requests

from undercloud.baremetal.service.settings import FILES_PORT, files_directory, files_url
from undercloud.diagnostics import Finding
from undercloud.diskimages.published import INDEX
from undercloud.diskimages.tools import PACKAGES
from undercloud.install.part import Health, Kept, Package, Process, Say, own_environment, own_program
from undercloud.install.ports import unusable
from undercloud.install.site import Site


class Files:
    """Implements ``Part``. Images are not part of a backup: they are built or uploaded again."""

    name = "files"
    title = "File server of ramdisks and images"
    needs = ("network",)
    packages = tuple(map(Package, (*PACKAGES.values(), "grub-efi-amd64-bin")))  # of `overcloud image build`
    kept = Kept()

    def __init__(self, site: Site) -> None:
        self._site = site
        self._directory = files_directory(site.state_dir)

    def problems(self) -> Iterator[Finding]:
        """Its port."""
        if self.name not in self._site.running:
            yield from unusable(self._site.address, FILES_PORT, self.title)

    def prepare(self, say: Say) -> None:
        """The directory that is served."""
        say(f"{self._directory}, on {self._site.address}:{FILES_PORT}")
        self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)

    def processes(self) -> tuple[Process, ...]:
        """The server."""
        where = (
            "--address",
            self._site.address,
            "--port",
            str(FILES_PORT),
            "--directory",
            str(self._directory),
        )
        program = own_program("undercloud.baremetal.service.fileserver", *where)
        title = f"{self.title} of the undercloud"
        return (Process(self.name, title, program, environment=own_environment()),)

    def healthy(self) -> Health:
        """Whether it answers."""
        url = files_url(self._site.address)
        try:
            with requests.Session() as session:
                session.trust_env = False  # no proxy lies between an undercloud and itself
                status = session.head(f"{url}/{INDEX}", timeout=5).status_code
        except requests.RequestException as error:
            return Health(False, f"{url} does not answer: {error}")
        if status == requests.codes.not_found:
            return Health(True, f"{url}; nothing is uploaded yet (openstack overcloud image upload)")
        return Health(status == requests.codes.ok, url if status == requests.codes.ok else f"{url}: {status}")

    def remove(self) -> None:
        """Everything lies in the state directory."""
