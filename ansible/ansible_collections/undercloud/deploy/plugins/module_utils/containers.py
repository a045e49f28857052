"""What is done with containers: made, replaced (the old one stays until the new is healthy), run once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from ansible_collections.undercloud.deploy.plugins.module_utils import errors, files, specs
from ansible_collections.undercloud.deploy.plugins.module_utils.errors import NodeError
from ansible_collections.undercloud.deploy.plugins.module_utils.health import (
    CHECK_TIMEOUT,
    UnhealthyError,
    wait_healthy,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.model import (
    PREVIOUS,
    WAS_HEALTHY,
    Action,
    ContainerEntry,
    OwnedContainer,
    PathFact,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman

COMING_BACK = 60.0
HALT_ATTEMPTS = 10
HALT_PAUSE = 1.0


class Containers:
    """Carries out the actions on containers of one step.

    ``owned`` gives the manifest's entry of a container; ``restore`` puts back a file's earlier content (path,
    SHA-256) where it is kept, and says whether it did.
    """

    def __init__(
        self,
        podman: Podman,
        stack: str,
        entries: dict[str, ContainerEntry],
        owned: Callable[[str], OwnedContainer | None],
        restore: Callable[[str, str], bool],
    ) -> None:
        self._podman = podman
        self._stack = stack
        self._entries = entries
        self._owned = owned
        self._restore = restore

    def do(self, action: Action) -> OwnedContainer | None:
        """Carry out an action; returns what the manifest is to say about the container, None for nothing new.

        Raises NodeError; the manifest's entry is then to be marked by ``failed``.
        """
        name = action.name
        if action.verb == "remove":
            self._podman.remove(name)
            return None
        if action.verb == "recover":
            self._podman.remove(name)
            self._podman.rename(name + PREVIOUS, name)
            return None
        entry = self._entries[name]
        if action.verb == "run":
            return self._confirmed(action, entry, self._run_once(name, entry, action))
        if action.verb == "replace":
            return self._confirmed(action, entry, self._replace(name, entry, action.resume))
        return self._confirmed(action, entry, self._bring_up(action, entry))

    def failed(self, action: Action) -> OwnedContainer | None:
        """What the manifest says after an action failed; None leaves it."""
        if action.verb == "replace":
            owned = self._owned(action.name)
            if owned is None:
                return None
            seen = {path: (sha256, _identity(files.look(path))) for path, (sha256, _) in owned.files.items()}
            return dataclasses.replace(owned, files=seen)
        owned = self._owned(action.name)
        if isinstance(action.record, OwnedContainer) and not (owned and owned.status in WAS_HEALTHY):
            return dataclasses.replace(action.record, status="failed")
        return None

    def _confirmed(self, action: Action, entry: ContainerEntry, image_id: str) -> OwnedContainer:
        record = action.record
        assert isinstance(record, OwnedContainer)
        seen = {path: (sha256, _identity(files.look(path))) for path, sha256 in entry.files.items()}
        return dataclasses.replace(record, image_id=image_id, files=seen)

    def _create(self, name: str, entry: ContainerEntry) -> None:
        arguments, secret_environment = specs.create_arguments(entry, self._stack)
        self._podman.create(name, arguments, secret_environment)

    def _bring_up(self, action: Action, entry: ContainerEntry) -> str:
        name = action.name
        if action.verb == "create":
            self._podman.remove(name)
            self._create(name, entry)
        if action.verb == "restart":
            self._podman.stop(name)
        if action.verb != "check":
            self._podman.start(name)
        try:
            return wait_healthy(self._podman, name, entry)
        except UnhealthyError as error:
            log, check = self._last_words(name), self._check_says(name, entry)
            # One that keeps ending would be started over and over; one that runs may still get there.
            state = self._podman.state(name)
            if not state["running"] or state["restarts"]:
                self._halt(name)
            raise self._unhealthy(name, entry, f"{error}{check}", log) from error

    def _replace(self, name: str, entry: ContainerEntry, resume: bool) -> str:
        """The old one is put aside, stopped when the new one can start, and removed when that is healthy."""
        podman, aside = self._podman, name + PREVIOUS
        if not resume:
            podman.rename(name, aside)
        try:
            if not resume:
                self._create(name, entry)
            self._halt(aside)
            podman.start(name)
            image_id = wait_healthy(podman, name, entry)
        except UnhealthyError as error:
            log, check = self._last_words(name), self._check_says(name, entry)
            outcome = self._bring_back(name, entry)
            raise self._unhealthy(name, entry, f"{error}{check}. {outcome}", log) from error
        except NodeError as error:
            outcome = self._bring_back(name, entry)
            first = error.problems[0]
            told = dataclasses.replace(first, message=f"{first.message}. {outcome}")
            raise NodeError(told, *error.problems[1:]) from error
        podman.remove(aside)
        return image_id

    def _bring_back(self, name: str, entry: ContainerEntry) -> str:
        """Undo a replacement, the files that the old container read too. Returns how that went, in words."""
        podman = self._podman
        try:
            podman.remove(name)
            owned = self._owned(name)
            read = owned.files if owned else {}
            restored = [path for path, (sha256, _) in sorted(read.items()) if self._restore(path, sha256)]
            podman.rename(name + PREVIOUS, name)
            podman.start(name)
            wait_healthy(podman, name, entry, min(specs.timeout(entry), COMING_BACK))
        except (NodeError, UnhealthyError) as error:
            return f"The one before was to come back, but: {error}"
        with_files = f", and so are {', '.join(restored)}" if restored else ""
        return f"The one before is back and healthy{with_files}"

    def _halt(self, name: str) -> None:
        """Stop a container for good: one that podman is just about to restart escapes a single stop."""
        for _ in range(HALT_ATTEMPTS):
            self._podman.stop(name)
            restarts = self._podman.state(name)["restarts"]
            if not restarts:
                return
            time.sleep(HALT_PAUSE)
            state = self._podman.state(name)
            if not state["running"] and state["restarts"] == restarts:
                return

    def _run_once(self, name: str, entry: ContainerEntry, action: Action) -> str:
        podman, limit = self._podman, specs.timeout(entry)
        if action.wait:
            podman.wait(name, limit)
        if not action.resume:
            podman.remove(name)
            self._create(name, entry)
            podman.start(name)
        status = podman.wait(name, limit)
        log = podman.logs(name)
        if status is None:
            podman.stop(name)
            raise NodeError.of(
                errors.ONCE_FAILED,
                f"the container '{name}' did not end within {limit:g} s and was stopped",
                "Its last log lines say what it waits for; raise its 'timeout' if it needs longer.",
                container=name,
                log=log,
            )
        if status != 0:
            raise NodeError.of(
                errors.ONCE_FAILED,
                f"the container '{name}' ended with exit status {status}",
                f"Its last log lines say why; all of them: 'podman logs {name}' on the node. It runs again "
                "with the next deployment.",
                container=name,
                log=log,
            )
        return str(podman.state(name)["image_id"])

    def _last_words(self, name: str) -> tuple[str, ...]:
        """The log's end; of one that is started over and over, the end of the attempt that is over."""
        state = self._podman.state(name)
        earlier = self._podman.logs(name, state["started"]) if state["running"] and state["restarts"] else ()
        return earlier or self._podman.logs(name)

    def _check_says(self, name: str, entry: ContainerEntry) -> str:
        """What a failing health check prints, which podman does not keep."""
        command = (entry.spec.get("healthcheck") or {}).get("command")
        if not command or not self._podman.state(name)["running"]:
            return ""
        result = self._podman.execute(name, list(command), CHECK_TIMEOUT)
        return "" if result.ok else f" ({' '.join(map(str, command))}: {result.last_error})"

    def _unhealthy(self, name: str, entry: ContainerEntry, how: str, log: tuple[str, ...]) -> NodeError:
        return NodeError.of(
            errors.UNHEALTHY,
            f"the container '{name}' is not healthy: {how}",
            f"Its last log lines say why; also 'podman logs {name}' on the node. Mend the configuration of "
            f"'{entry.service or name}' and deploy again.",
            container=name,
            log=log,
        )


def _identity(fact: PathFact | None) -> str:
    return fact.identity if fact else ""
