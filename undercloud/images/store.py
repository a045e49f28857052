"""A container store of our own: buildah and skopeo with their settings, and nothing of the host's."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from undercloud import durable
from undercloud.diagnostics import UndercloudError

_NOTHING: Mapping[str, str] = MappingProxyType({})

COMMAND = "$ "
"""How a log's lines begin that say which tool was run."""

LOCAL = "localhost"
"""The registry part of a name that stands for no registry, only for this store."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where images are kept: everything below ``root``, short-lived state below ``runroot``."""

    root: Path
    runroot: Path | None = None
    driver: str = "overlay"


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image of the store; ``size`` counts bytes with all layers, ``reference`` is NAME:TAG."""

    reference: str
    identifier: str
    size: int
    created: str


@dataclass
class Store:
    """Runs the container tools on one store."""

    settings: StoreSettings
    _running: set[subprocess.Popen[str]] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _held: tuple[int, ...] = ()

    @property
    def root(self) -> Path:
        """The directory of everything that is kept."""
        return self.settings.root

    @property
    def runroot(self) -> Path:
        """The directory of locks and mounts."""
        return self.settings.runroot or self.root / "run"

    @property
    def location(self) -> str:
        """The store as skopeo and podman name it: ``DRIVER@ROOT+RUNROOT``."""
        return f"{self.settings.driver}@{self.root / 'storage'}+{self.runroot}"

    def prepare(self) -> None:
        """Make the directories and the tools' settings; raises UndercloudError IMG-016 if that fails."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for directory in ("logs", "tmp", "cache/lists/partial", "cache/archives"):
                (self.root / directory).mkdir(parents=True, exist_ok=True)
            for name, text in self._files().items():
                _write(self.root / name, text)
        except OSError as error:
            raise UndercloudError.of(
                "IMG-016",
                f"the image store {self.root} cannot be written: {error.strerror}",
                fix="Choose another place with --store, or mend its permissions.",
            ) from None

    def environment(self) -> dict[str, str]:
        """The environment in which the tools use this store and these settings only."""
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.root / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.root / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self.root / "registries.conf"),
            "TMPDIR": str(self.root / "tmp"),
            "LC_ALL": "C.UTF-8",
        }

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One builder a store; raises UndercloudError IMG-013 if another one is at work.

        The tools inherit the lock: those of a builder that was killed hold it until they end.
        """
        with (self.root / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UndercloudError.of(
                    "IMG-013",
                    f"another build is at work in the image store {self.root}",
                    fix="Wait until it is done, or choose another store with --store.",
                ) from None
            self._held = (file.fileno(),)
            try:
                yield
            finally:
                self._held = ()

    def run(self, words: Sequence[str], log: TextIO, extra: Mapping[str, str] = _NOTHING) -> int:
        """Run a tool, its words to ``log``; the exit status. ``extra`` is added to its environment.

        It has a process group of its own, so that :meth:`stop` ends it with all that it started.
        Raises UndercloudError IMG-011 if there is no such tool.
        """
        log.write(f"{COMMAND}{' '.join(words)}\n")
        log.flush()
        with self._guard:
            process = _start(words, {**self.environment(), **extra}, log, self._held)
            self._running.add(process)
        try:
            return process.wait()
        finally:
            with self._guard:
                self._running.discard(process)

    def stop(self) -> None:
        """End all tools that are running, first kindly, then surely."""
        for kind, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
            with self._guard:
                running = list(self._running)
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, kind)
            for process in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(patience)

    def images(self) -> dict[str, StoredImage]:
        """All named images by their reference; none if nothing was ever stored here.

        Raises UndercloudError IMG-016 if the store cannot be read.
        """
        if not (self.root / "storage.conf").is_file():
            return {}
        listed: list[Mapping[str, Any]] = json.loads(self.output("buildah", "images", "--json")) or []
        return {
            reference: StoredImage(reference, image["id"], _bytes(image["size"]), image["createdatraw"])
            for image in listed
            for reference in image.get("names") or ()
        }

    def output(self, *words: str) -> str:
        """What a tool says; raises UndercloudError IMG-011 if it is missing, IMG-016 if it fails."""
        try:
            done = subprocess.run(words, capture_output=True, text=True, env=self.environment(), check=True)
        except FileNotFoundError:
            raise _missing(words[0]) from None
        except subprocess.CalledProcessError as error:
            raise UndercloudError.of(
                "IMG-016",
                f"`{' '.join(words[:2])}` failed on the image store {self.root}: {last_line(error.stderr)}",
                fix="See whether the store's disk is full or its files belong to someone else.",
            ) from None
        return done.stdout

    def _files(self) -> dict[str, str]:
        storage = {"driver": self.settings.driver, "graphroot": str(self.root / "storage")}
        storage["runroot"] = str(self.runroot)
        lines = "".join(f"{key} = {json.dumps(value)}\n" for key, value in storage.items())
        return {
            "storage.conf": f"[storage]\n{lines}",
            # No limits are asked for: one above the machine's hard limit needs CAP_SYS_RESOURCE.
            "containers.conf": '[containers]\ndefault_ulimits = []\n[engine]\nruntime = "runc"\n'
            'cgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
            "registries.conf": 'unqualified-search-registries = []\nshort-name-mode = "disabled"\n',
            "policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}\n',
        }


def last_line(text: str) -> str:
    """The last line that says something, without the tools' own decoration."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error: ") if lines else "it said nothing"


def _start(
    words: Sequence[str], environment: Mapping[str, str], log: TextIO, keep: tuple[int, ...]
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            text=True,
            start_new_session=True,
            pass_fds=keep,
        )
    except FileNotFoundError:
        raise _missing(words[0]) from None


def _missing(tool: str) -> UndercloudError:
    return UndercloudError.of(
        "IMG-011",
        f"the program {tool} is not installed",
        fix="apt-get install buildah docker-registry mmdebstrap skopeo",
    )


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    durable.write(path, text, 0o644)


_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _bytes(shown: str) -> int:
    """buildah's rounded size, as ``127 MB``."""
    number, unit = shown.split()
    return round(float(number) * _UNITS[unit.upper()])
