"""Making one image: what is given to mmdebstrap and buildah, and where what they say goes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from undercloud.diagnostics import Finding, UndercloudError
from undercloud.images import sources
from undercloud.images.definitions import ImageDefinition
from undercloud.images.recipe import SUITE, WORK, Recipe, recipe
from undercloud.images.store import COMMAND, Store

Isolation = Literal["chroot", "oci"]

_TAIL = 15
"""How many last lines of a log are shown."""


class ToolFailedError(Exception):
    """A tool failed; the image's log says why."""


@dataclass(frozen=True)
class Assembly:
    """Makes images in one store, which is locked meanwhile; ``references`` are their names there."""

    store: Store
    references: Mapping[str, str]
    isolation: Isolation

    def prepare(self, apt_sources: Path | None) -> None:
        """Clear away what a build that was killed left, and write where packages come from."""
        shutil.rmtree(self.store.root / "tmp", ignore_errors=True)
        self.store.prepare()
        if self.store.output("buildah", "containers", "--quiet").strip():
            self.store.output("buildah", "rm", "--all")
        settings = (
            f"{sources.apt_settings()}"
            f'Dir::Etc::SourceList "{WORK}/debian.sources";\nDir::Etc::SourceParts "/dev/null";\n'
            'Acquire::Languages "none";\nDpkg::Use-Pty "false";\n'
        )
        self._cache("debian.sources").write_text(sources.debian_sources(apt_sources), encoding="utf-8")
        self._cache("apt.conf").write_text(settings, encoding="utf-8")

    def update_lists(self) -> None:
        """Fetch the archives' lists once for all images, with the machine's own apt.

        Raises UndercloudError IMG-015 if an archive cannot be read.
        """
        log = self.store.root / "logs/apt-update.log"
        options = {
            "Dir::Etc::SourceList": self._cache("debian.sources"),
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::State::Lists": self._cache("lists"),
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
            raise UndercloudError.of(
                "IMG-015",
                f"the Debian archives cannot be read; apt's last words:\n{tail(log)}",
                fix="See whether this machine reaches the archives in its apt sources.",
            )

    def log(self, name: str) -> Path:
        """Where the tools' words about an image go."""
        return self.store.root / "logs" / f"{name}-{self.references[name].rpartition(':')[2]}.log"

    def last_word(self, name: str) -> str:
        """The last line of an image's log so far; empty if it says nothing yet."""
        log = self.log(name)
        return tail(log, 1).strip() if log.exists() else ""

    def bootstrap(self, definition: ImageDefinition, place: Path, log: TextIO) -> None:
        """A bare Debian as ``root.tar``; needs no lists, so it may run while they are fetched."""
        made = recipe(definition)
        settings = [f"--aptopt={line.rstrip(';')}" for line in sources.apt_settings().splitlines()]
        target = [SUITE, str(place / "root.tar"), str(self._cache("debian.sources"))]
        self._tool(["mmdebstrap", *made.bootstrap, *settings, *target], log)

    def assemble(self, definition: ImageDefinition, place: Path, log: TextIO) -> None:
        """The image itself, committed under its name when all went well."""
        made = recipe(definition)
        self._write_work(made, place / "work")
        start = ["FROM scratch", "ADD root.tar /"]
        if definition.parent is not None:
            start = [f"FROM {self.references[definition.parent]}", "USER root"]
        lines = [*start, f'RUN ["/bin/sh", "{WORK}/build.sh"]', *made.instructions, ""]
        (place / "Containerfile").write_text("\n".join(lines), encoding="utf-8")
        (place / ".containerignore").write_text("work\n", encoding="utf-8")
        self._tool(self._bud(definition.name, place), log)

    def workplace(self, name: str) -> tempfile.TemporaryDirectory[str]:
        """A directory for one image that goes away with the block."""
        return tempfile.TemporaryDirectory(dir=self.store.root / "tmp", prefix=f"{name}-")

    def finding(self, definition: ImageDefinition) -> Finding:
        """What to tell of an image that failed."""
        log = self.log(definition.name)
        said = tail(log)
        fix = f"The whole log is {log}. Mend the definition or the archive and build again."
        if "No space left on device" in said:
            fix = f"The disk of {self.store.root} is full: make room and build again."
        message = f"the image {definition.name!r} could not be built; the log ends with:\n{said}"
        return Finding("IMG-010", message, fix, locations=(definition.location,))

    def _cache(self, name: str) -> Path:
        return self.store.root / "cache" / name

    def _write_work(self, made: Recipe, work: Path) -> None:
        """What the build sees at :data:`recipe.WORK`."""
        (work / "files").mkdir(parents=True)
        for number, file in enumerate(made.files):
            (work / "files" / str(number)).write_bytes(file.content)
        script = f"export APT_CONFIG={WORK}/apt.conf\n{made.script}"
        (work / "build.sh").write_text(script, encoding="utf-8")
        for name in ("apt.conf", "debian.sources"):
            shutil.copy(self._cache(name), work / name)

    def _bud(self, name: str, place: Path) -> list[str]:
        # An archive directory an image: apt locks it, and images are built side by side.
        archives = self._cache("archives") / name
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        mounts = {
            place / "work": f"{WORK}:ro",
            self._cache("lists"): "/var/lib/apt/lists:ro",
            archives: "/var/cache/apt/archives:rw",
        }
        return [
            "buildah",
            "bud",
            "--layers=false",
            "--pull-never",
            f"--isolation={self.isolation}",
            "--network=host",
            f"--signature-policy={self.store.root / 'policy.json'}",
            *(f"--volume={source}:{target}" for source, target in mounts.items()),
            f"--tag={self.references[name]}",
            str(place),
        ]

    def _tool(self, words: Sequence[str], log: TextIO) -> None:
        if self.store.run(words, log):
            raise ToolFailedError(words[0])


def tail(log: Path, count: int = _TAIL) -> str:
    """The last lines of a log, without the long command lines that we write there."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    shown = [line for line in lines if not line.startswith(COMMAND)]
    return "\n".join(f"    {line}" for line in shown[-count:])
