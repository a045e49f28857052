"""Our own service: the REST API, with the engine in its process unless there is RabbitMQ between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import requests

from undercloud.api import users
from undercloud.api.access import ADMIN
from undercloud.api.answering import OK
from undercloud.conf.settings import overrides_beside
from undercloud.db.database import open_database
from undercloud.diagnostics import Finding, Location
from undercloud.install.part import Health, Kept, Package, Process, Say, own_environment, own_program
from undercloud.install.ports import unusable
from undercloud.install.site import Site, certificate_file

USER = "admin"
_PATIENCE = 10  # seconds
_STOP_SECONDS = 120  # a stage that is no playbook is brought to its end


class Api:
    """Implements ``Part``."""

    name = "api"
    title = "API and engine"
    needs = ("registry",)
    packages: tuple[Package, ...] = ()

    def __init__(self, site: Site) -> None:
        self._site = site
        self._options = site.settings.api
        self._users = self._options.users(site.state_dir)

    @property
    def kept(self) -> Kept:
        """Plans, states and deployments with the key of their secrets; the users; what lies on the disk."""
        site, paths = self._site, self._site.settings.paths
        databases = () if site.settings.database.connection else (paths.database,)
        files = (
            paths.key_file,
            self._users,
            certificate_file(site.state_dir, self.name).parent,
            site.state_dir / "stacks",
        )
        return Kept(files, databases)

    def problems(self) -> Iterator[Finding]:
        """Its port, and that it has one."""
        if self._options.unix_socket:
            yield Finding(
                "INST-007",
                "[api] unix_socket is set, and an installed undercloud listens on an address",
                "Leave it out, or run undercloud-api by hand.",
                locations=(Location(str(overrides_beside(Path(self._site.settings.file)))),),
            )
        elif self.name not in self._site.running:
            yield from unusable(self._options.host, self._options.port, self.title)

    def prepare(self, say: Say) -> None:
        """Certificate, an administrator with a generated password, the database with our schema."""
        site, settings = self._site, self._site.settings
        say("certificate and administrator")
        if not site.conf.get("undercloud_service_certificate"):
            site.certificate(self.name, self._options.names)
        if not self._users.exists() or USER not in users.read_users(self._users):
            users.put_user(self._users, USER, site.secret(USER), ADMIN)
        say("database")
        paths, options = settings.paths, settings.database
        open_database(options.connection, paths.database, paths.key_file, options.busy_timeout).close()

    def processes(self) -> tuple[Process, ...]:
        """The API, with its engine unless that is another part."""
        certificate = (Path(self._options.certificate), Path(self._options.key))
        title = "API and engine of the undercloud"
        return (service_process(self._site, self.name, title, "undercloud.api.main", certificate),)

    def healthy(self) -> Health:
        """Whether it answers, and its database too."""
        return checked(self._site, "database", self._site.url)

    def remove(self) -> None:
        """Everything lies in the state directory."""


def service_process(
    site: Site, name: str, title: str, module: str, more_reads: tuple[Path, ...] = ()
) -> Process:
    """A process of the service on the installed configuration."""
    file = Path(site.settings.file)
    overrides = sorted(overrides_beside(file).glob("*.conf"))
    # The directory is named too: a setting of the operator's must not send the service elsewhere.
    words = ("--config-file", str(file), "--state-dir", str(site.state_dir))
    return Process(
        name,
        title,
        own_program(module, *words),
        environment=own_environment(),
        reads=(file, *overrides, *more_reads),
        stop_seconds=_STOP_SECONDS,
        survives=True,  # a playbook goes on while the engine is started anew
    )


def checked(site: Site, name: str, well: str) -> Health:
    """What the API says of one of its own checks; ``well`` is the message where that is good."""
    url = f"{site.url}/v1/health"
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy lies between an undercloud and itself
            told = session.get(url, verify=site.cacert or True, timeout=_PATIENCE).json()["checks"][name]
    except OSError as error:  # all of requests' own, and that of a CA file which is not there
        return Health(False, f"{url} does not answer: {error}")
    except (KeyError, TypeError):
        return Health(False, f"{url} says nothing of its {name}")
    return Health(told == OK, well if told == OK else f"{name}: {told}")
