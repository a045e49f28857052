"""Building images: mmdebstrap for what has no parent, buildah for the rest, side by side where they can."""

from __future__ import annotations

import graphlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from undercloud.diagnostics import Finding, Report, UndercloudError, raise_for
from undercloud.images import catalogue, sources
from undercloud.images.definitions import Definitions, ImageDefinition
from undercloud.images.recipe import NAMESPACE, SUITE, WORK, Recipe, recipe
from undercloud.images.store import LOCAL, Store, StoreSettings

_TAIL = 15
"""How many last lines of a log are shown."""


@dataclass(frozen=True, slots=True)
class BuildSettings:
    """How and where images are built.

    ``apt_sources`` is a deb822 file, None for this machine's own sources; ``isolation`` is buildah's
    (``chroot`` needs no runtime and no cgroups, ``oci`` uses runc); ``parallel`` counts images at a time.
    """

    store: StoreSettings
    namespace: str = NAMESPACE
    edition: str = ""
    apt_sources: Path | None = None
    isolation: Literal["chroot", "oci"] = "chroot"
    parallel: int = 2


@dataclass(frozen=True, slots=True)
class BuildEvent:
    """What happened to one image; ``seconds`` counts from its start, ``log`` is what the tools said."""

    name: str
    state: Literal["present", "started", "built", "failed"]
    reference: str
    seconds: float = 0.0
    log: Path | None = None


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

    The result has them all, parents first. ``progress`` is called from one thread. Raises UndercloudError:
    IMG-008 an unknown name, IMG-010 for each image that failed (what it was asked to stand under is left out,
    all else is kept), IMG-011 a missing tool, IMG-012 not root, IMG-013 store in use, IMG-014 no apt sources,
    IMG-015 archives out of reach, IMG-016 a store that cannot be used.
    """
    tell = progress or (lambda _: None)
    store = Store(settings.store)
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
            _Builder(definitions, references, settings, store, tell).build(missing)
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


class _ToolFailedError(Exception):
    """One image failed; its log says why."""


@dataclass
class _Builder:
    """One run of :func:`build`, with the store locked."""

    definitions: Definitions
    references: Mapping[str, str]
    settings: BuildSettings
    store: Store
    progress: Progress

    def build(self, missing: Sequence[str]) -> None:
        """Build in the order of the graph, ``settings.parallel`` at a time."""
        self._clear()
        (self.store.root / "cache/debian.sources").write_text(
            sources.debian_sources(self.settings.apt_sources)
        )
        (self.store.root / "cache/apt.conf").write_text(self._apt_conf())
        report = Report()
        pool = ThreadPoolExecutor(max(1, self.settings.parallel) + 1)
        try:
            lists = pool.submit(self._update_lists)
            self._run(missing, pool, lists, report)
        except BaseException:
            self.store.stop()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        raise_for(report)

    def _run(
        self, missing: Sequence[str], pool: ThreadPoolExecutor, lists: Future[None], report: Report
    ) -> None:
        graph = {name: set(self.definitions.ancestors(name)) & set(missing) for name in missing}
        sorter = graphlib.TopologicalSorter(graph)
        sorter.prepare()
        waiting: list[str] = []
        running: dict[Future[None], tuple[str, float]] = {}
        while True:
            # Longest way to go first: what others stand on is built before leaves.
            waiting = sorted([*waiting, *sorter.get_ready()], key=self._weight, reverse=True)
            while waiting and len(running) < max(1, self.settings.parallel) and not report.errors:
                name = waiting.pop(0)
                self.progress(BuildEvent(name, "started", self.references[name], log=self._log(name)))
                running[pool.submit(self._build, self.definitions[name], lists)] = (name, time.monotonic())
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, started = running.pop(future)
                state = self._finish(future, name, report)
                seconds = time.monotonic() - started
                self.progress(BuildEvent(name, state, self.references[name], seconds, self._log(name)))
                if state == "built":
                    sorter.done(name)

    def _weight(self, name: str) -> int:
        return sum(name in self.definitions.ancestors(other) for other in self.definitions)

    def _finish(self, future: Future[None], name: str, report: Report) -> Literal["built", "failed"]:
        try:
            future.result()
        except _ToolFailedError:
            report.add(self._finding(name))
        except UndercloudError as error:
            report.extend(error.findings)
        else:
            return "built"
        return "failed"

    def _finding(self, name: str) -> Finding:
        log = self._log(name)
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:]
        fix = f"The whole log is {log}. Mend the definition or the archive and build again."
        if any("No space left on device" in line for line in lines):
            fix = f"The disk of {self.store.root} is full: make room and build again."
        message = f"the image {name!r} could not be built; the log ends with:\n" + "\n".join(
            f"    {line}" for line in lines
        )
        return Finding("IMG-010", message, fix, locations=(self.definitions[name].location,))

    def _log(self, name: str) -> Path:
        return self.store.root / "logs" / f"{name}-{self.references[name].rpartition(':')[2]}.log"

    def _clear(self) -> None:
        """What a build that was killed left behind; we hold the lock, so nobody uses it."""
        shutil.rmtree(self.store.root / "tmp", ignore_errors=True)
        self.store.prepare()
        if self.store.output("buildah", "containers", "--quiet").strip():
            self.store.output("buildah", "rm", "--all")

    def _apt_conf(self) -> str:
        return (
            f"{sources.apt_settings()}"
            f'Dir::Etc::SourceList "{WORK}/debian.sources";\nDir::Etc::SourceParts "/dev/null";\n'
            'Acquire::Languages "none";\nDpkg::Use-Pty "false";\n'
        )

    def _update_lists(self) -> None:
        """Fetch the archives' lists once for all images, with the machine's own apt."""
        cache = self.store.root / "cache"
        log = self.store.root / "logs/apt-update.log"
        options = {
            "Dir::Etc::SourceList": cache / "debian.sources",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": cache / "lists",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "root",  # apt's own user may not enter our directory
            "APT::Update::Error-Mode": "any",
        }
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        with log.open("w", encoding="utf-8") as file:
            failed = self.store.run(["apt-get", *words, "update", "-q"], file)
        if failed:
            said = "\n".join(f"    {line}" for line in log.read_text(encoding="utf-8").splitlines()[-_TAIL:])
            raise UndercloudError.of(
                "IMG-015",
                f"the Debian archives cannot be read:\n{said}",
                fix="See whether this machine reaches the archives in its apt sources.",
            )

    def _build(self, definition: ImageDefinition, lists: Future[None]) -> None:
        made = recipe(definition)
        with (
            self._log(definition.name).open("w", encoding="utf-8") as log,
            tempfile.TemporaryDirectory(dir=self.store.root / "tmp", prefix=f"{definition.name}-") as place,
        ):
            context = Path(place)
            if made.bootstrap:
                self._bootstrap(made, context, log)
            lists.result()
            work = context / "work"
            _write_work(work, made, self.store.root / "cache")
            self._containerfile(definition, made, context)
            archives = self.store.root / "cache/archives" / definition.name
            (archives / "partial").mkdir(parents=True, exist_ok=True)
            self._tool(self._bud(definition.name, context, work, archives), log)

    def _bootstrap(self, made: Recipe, context: Path, log: TextIO) -> None:
        target = [SUITE, str(context / "root.tar"), str(self.store.root / "cache/debian.sources")]
        settings = [f"--aptopt={line.rstrip(';')}" for line in sources.apt_settings().splitlines()]
        self._tool(["mmdebstrap", "--quiet", *made.bootstrap, *settings, *target], log)

    def _containerfile(self, definition: ImageDefinition, made: Recipe, context: Path) -> None:
        start = ["FROM scratch", "ADD root.tar /"]
        if definition.parent is not None:
            start = [f"FROM {self.references[definition.parent]}", "USER root"]
        shell = f'RUN ["/bin/sh", "{WORK}/build.sh"]'
        text = "\n".join([*start, shell, *made.instructions, ""])
        (context / "Containerfile").write_text(text, encoding="utf-8")
        (context / ".containerignore").write_text("work\n", encoding="utf-8")

    def _bud(self, name: str, context: Path, work: Path, archives: Path) -> list[str]:
        mounts = {work: f"{WORK}:ro", self.store.root / "cache/lists": "/var/lib/apt/lists:ro"}
        mounts[archives] = "/var/cache/apt/archives:rw"
        return [
            "buildah",
            "bud",
            "--layers=false",
            "--pull-never",
            f"--isolation={self.settings.isolation}",
            "--network=host",
            f"--signature-policy={self.store.root / 'policy.json'}",
            *(f"--volume={source}:{target}" for source, target in mounts.items()),
            f"--tag={self.references[name]}",
            str(context),
        ]

    def _tool(self, words: Sequence[str], log: TextIO) -> None:
        if self.store.run(words, log):
            raise _ToolFailedError(words[0])


def _write_work(work: Path, made: Recipe, cache: Path) -> None:
    """What the build sees at :data:`recipe.WORK`."""
    (work / "files").mkdir(parents=True)
    for number, file in enumerate(made.files):
        (work / "files" / str(number)).write_bytes(file.content)
    script = f"export APT_CONFIG={WORK}/apt.conf\n{made.script}"
    (work / "build.sh").write_text(script, encoding="utf-8")
    for name in ("apt.conf", "debian.sources"):
        shutil.copy(cache / name, work / name)
