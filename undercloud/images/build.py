"""Building images: parents first, side by side where they can, and only what is missing."""

from __future__ import annotations

import graphlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from undercloud.diagnostics import Report, UndercloudError, raise_for
from undercloud.images import catalogue
from undercloud.images.assembly import Assembly, Isolation, ToolFailedError
from undercloud.images.definitions import Definitions, ImageDefinition
from undercloud.images.recipe import NAMESPACE
from undercloud.images.store import LOCAL, Store, StoreSettings


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How and where images are built.

    ``apt_sources`` is a deb822 file, None for this machine's own sources; ``isolation`` is buildah's
    (``chroot`` needs no runtime and no cgroups, ``oci`` uses runc); ``parallel`` counts images at a time.
    ``heartbeat`` is how often (seconds) it is told how far an image has come.
    """

    store: StoreSettings
    namespace: str = NAMESPACE
    edition: str = ""
    apt_sources: Path | None = None
    isolation: Isolation = "chroot"
    parallel: int = 2
    heartbeat: float = 10.0


@dataclass(frozen=True, slots=True)
class BuildEvent:
    """What happened to one image; ``seconds`` counts from its start, ``log`` is what the tools said.

    ``said`` is the log's last line of an image that is still ``running``.
    """

    name: str
    state: Literal["present", "started", "running", "built", "failed"]
    reference: str
    seconds: float = 0.0
    log: Path | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image that is in the store; ``built`` is False if it was there already."""

    name: str
    tag: str
    reference: str
    built: bool


Progress = Callable[[BuildEvent], None]


def build(
    definitions: Definitions,
    names: Sequence[str],
    settings: BuildSettings,
    progress: Progress | None = None,
) -> tuple[BuiltImage, ...]:
    """Build the named images (all, if none is named) and what they stand on, unless they are in the store.

    The result has them all, parents first. ``progress`` is called from one thread. After a failure no other
    image is begun; what was built is kept. Raises UndercloudError: IMG-008 an unknown name, IMG-010 for each
    image that failed, IMG-011 a missing tool, IMG-012 not root, IMG-013 store in use, IMG-014 no apt sources,
    IMG-015 archives out of reach, IMG-016 a store that cannot be used.
    """
    store = Store(settings.store)
    tell = progress or (lambda _: None)
    selected = definitions.select(names)
    references = stored_references(definitions, settings)
    present = store.images()
    missing = [name for name in selected if references[name] not in present]
    for name in selected:
        if name not in missing:
            tell(BuildEvent(name, "present", references[name]))
    if missing:
        _check_root()
        store.prepare()
        with store.lock():
            assembly = Assembly(store, references, settings.isolation)
            assembly.prepare(settings.apt_sources)
            _Run(definitions, missing, assembly, tell, max(1, settings.parallel), settings.heartbeat).run()
    return tuple(
        BuiltImage(name, references[name].rpartition(":")[2], references[name], name in missing)
        for name in selected
    )


def stored_references(definitions: Definitions, settings: BuildSettings) -> dict[str, str]:
    """The name of every image in the store: ``localhost/NAMESPACE/NAME:TAG``."""
    return catalogue.image_references(definitions, LOCAL, settings.namespace, settings.edition)


def _check_root() -> None:
    if os.geteuid() != 0:
        raise UndercloudError.of(
            "IMG-012",
            "images are built as root: a Debian's files have many owners",
            fix="Run the command with sudo.",
        )


@dataclass
class _Run:
    """One run over the missing images, parents first, ``parallel`` at a time."""

    definitions: Definitions
    missing: Sequence[str]
    assembly: Assembly
    tell: Progress
    parallel: int
    heartbeat: float
    report: Report = field(default_factory=Report)
    running: dict[Future[None], tuple[str, float]] = field(default_factory=dict)

    def run(self) -> None:
        """Build all; whatever ends it early ends the tools, too."""
        pool = ThreadPoolExecutor(self.parallel + 1)
        try:
            self._build_all(pool, pool.submit(self.assembly.update_lists))
        except BaseException:
            self.assembly.store.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        raise_for(self.report)

    def _build_all(self, pool: ThreadPoolExecutor, lists: Future[None]) -> None:
        graph = {name: set(self.definitions.ancestors(name)) & set(self.missing) for name in self.missing}
        sorter = graphlib.TopologicalSorter(graph)
        sorter.prepare()
        ready: list[str] = []
        while True:
            # what most images stand on goes first: the others wait for it
            ready = sorted([*ready, *sorter.get_ready()], key=self._dependants, reverse=True)
            while ready and len(self.running) < self.parallel and not self.report.errors:
                self._begin(ready.pop(0), pool, lists)
            if not self.running:
                return
            ended = wait(self.running, self.heartbeat, return_when=FIRST_COMPLETED).done
            if not ended:
                self._tell_of_running()
            for future in ended:
                name, started = self.running.pop(future)
                if self._end(future, name, time.monotonic() - started):
                    sorter.done(name)

    def _dependants(self, name: str) -> int:
        return sum(name in self.definitions.ancestors(other) for other in self.missing)

    def _begin(self, name: str, pool: ThreadPoolExecutor, lists: Future[None]) -> None:
        self.tell(BuildEvent(name, "started", self.assembly.references[name], log=self.assembly.log(name)))
        future = pool.submit(self._build, self.definitions[name], lists)
        self.running[future] = (name, time.monotonic())

    def _tell_of_running(self) -> None:
        for name, started in self.running.values():
            reference, log = self.assembly.references[name], self.assembly.log(name)
            seconds = time.monotonic() - started
            self.tell(BuildEvent(name, "running", reference, seconds, log, self.assembly.last_word(name)))

    def _build(self, definition: ImageDefinition, lists: Future[None]) -> None:
        with (
            self.assembly.log(definition.name).open("w", encoding="utf-8") as log,
            self.assembly.workplace(definition.name) as name,
        ):
            place = Path(name)
            if definition.parent is None:
                self.assembly.bootstrap(definition, place, log)
            lists.result()
            self.assembly.assemble(definition, place, log)

    def _end(self, future: Future[None], name: str, seconds: float) -> bool:
        state: Literal["built", "failed"] = "failed"
        try:
            future.result()
        except ToolFailedError:
            self.report.add(self.assembly.finding(self.definitions[name]))
        except UndercloudError as error:
            self.report.extend(error.findings)
        else:
            state = "built"
        reference, log = self.assembly.references[name], self.assembly.log(name)
        self.tell(BuildEvent(name, state, reference, seconds, log))
        return state == "built"
