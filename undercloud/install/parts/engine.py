"""An engine as a process of its own, where the API reaches it over RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator

from undercloud.diagnostics import Finding
from undercloud.install.part import Health, Kept, Package, Process, Say
from undercloud.install.parts.api import checked, service_process
from undercloud.install.site import Site


class Engine:
    """Implements ``Part``. What it keeps is in the database, which is the API's."""

    name = "engine"
    title = "Engine"
    needs = ("api",)
    packages: tuple[Package, ...] = ()
    kept = Kept()

    def __init__(self, site: Site) -> None:
        self._site = site

    def problems(self) -> Iterator[Finding]:
        """Nothing speaks against it; RabbitMQ is tried by its health."""
        return iter(())

    def prepare(self, say: Say) -> None:
        """The API prepares what both use."""

    def processes(self) -> tuple[Process, ...]:
        """One engine; more of them are the operator's, on other machines."""
        title = "Engine of the undercloud"
        return (service_process(self._site, self.name, title, "undercloud.api.engine"),)

    def healthy(self) -> Health:
        """Whether an engine answers the API, this one or another."""
        return checked(self._site, "engine", "answers over RabbitMQ")

    def remove(self) -> None:
        """It made nothing."""
