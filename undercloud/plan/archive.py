"""A plan's files as one tar: how a client hands them to an undercloud on another machine.

The archive holds regular files and directories, nothing else:

- ``plan.json``: a JSON object with ``root`` (where the template tree lay, for messages), ``named``,
  ``environments``, ``single``, ``parameters`` and ``playbooks_read`` as
  :class:`~undercloud.plan.bundle.Bundle` has them. It may be left out; then the archive is a template tree
  with its default files.
- ``tree/PATH``: a file of the template tree. Without ``plan.json`` every path is one of the tree.
- ``outside/PATH``: a file that lay elsewhere; ``outside/home/me/site.yaml`` was ``/home/me/site.yaml``.

Nothing is ever written to a disk on its way in, so that no name and no link can lead out of anywhere; odd
ones are refused all the same, because they are no plan's.
"""

from __future__ import annotations

import gzip
import io
import json
import posixpath
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, Protocol

from undercloud.diagnostics import Location, UndercloudError
from undercloud.plan.bundle import Bundle, default_files
from undercloud.plan.nodes import MAX_BYTES

MANIFEST = "plan.json"
_TREE, _OUTSIDE = "tree/", "outside/"
_PATH_LENGTH = 700  # characters that a kept path may have
_GZIP = b"\x1f\x8b"
# Bytes that may come between the contents of two files, with the 10 KiB that tarfile reads ahead. Older
# tarfiles search a header in a time that grows with its square (CVE-2024-6232).
_HEADERS = 32 << 10
_FIELDS = {
    "root": str,
    "named": dict,
    "environments": list,
    "single": str,
    "parameters": dict,
    "playbooks_read": bool,
}
_UNREADABLE = (
    *(tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError),
    *(ValueError, OverflowError),  # tarfile's own about headers that make no sense
)
_KINDS = ("roles", "networks", "vips", "baremetal", "plan_environment")


@dataclass(frozen=True)
class Limits:
    """What an archive may be at most, unpacked: bytes of its files, bytes around them, how many entries."""

    total: int = 256 << 20
    overhead: int = 64 << 20
    entries: int = 50_000

    @property
    def unpacked(self) -> int:
        """Bytes of the whole tar."""
        return self.total + self.overhead


def pack(bundle: Bundle, stream: IO[bytes]) -> None:
    """Write a bundle as a gzipped tar; what is generated stays behind, the receiver makes its own."""
    manifest: dict[str, Any] = {
        "root": bundle.root,
        "named": dict(bundle.named),
        "environments": list(bundle.environments),
        "single": bundle.single,
        "parameters": dict(bundle.parameters),
    }
    if bundle.playbooks_read:  # an older undercloud takes archives of plans without playbooks
        manifest["playbooks_read"] = True
    with tarfile.open(fileobj=stream, mode="w|gz", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, MANIFEST, json.dumps(manifest, sort_keys=True).encode())
        for path, data in sorted(bundle.files.items()):
            name = _OUTSIDE + path.lstrip("/") if path.startswith("/") else _TREE + path
            _add(archive, name, data)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    archive.addfile(entry, io.BytesIO(data))


class Readable(Protocol):
    """A stream that goes forward only."""

    def read(self, size: int = ..., /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


def unpack(
    stream: Readable,
    name: str,
    *,
    generated: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Bundle:
    """The bundle of a tar, plain or gzipped, read from a stream that cannot seek.

    Raises UndercloudError: PLAN-100 no archive, or a damaged one; PLAN-101 an entry that is no file, or whose
    name leads elsewhere; PLAN-102 larger than the limits; PLAN-103 a ``plan.json`` that says nothing usable.
    """
    files = _read(stream, limits or Limits())
    if MANIFEST not in files:
        named = {kind: path for kind, path in default_files(files).items() if path}
        return Bundle(name, "/plan", files, named=named, generated=generated or {})
    manifest = _manifest(files.pop(MANIFEST))
    placed = {_placed(path): data for path, data in files.items()}
    named, environments = dict(manifest.get("named", {})), tuple(manifest.get("environments", ()))
    for path in (*named.values(), *environments):
        if not isinstance(path, str):
            raise _unusable("its paths are not all texts")
    root = manifest.get("root") or "/plan"
    return Bundle(
        name,
        root,
        placed,
        named=named,
        environments=environments,
        single=manifest.get("single", ""),
        real_root=root,
        generated=generated or {},
        parameters=manifest.get("parameters", {}),
        playbooks_read=manifest.get("playbooks_read", False),
    )


def _read(stream: Readable, limits: Limits) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = limits.total
    head = _Peeked(stream)
    try:
        plain = gzip.GzipFile(fileobj=head) if head.start == _GZIP else head
        counted = _Counted(plain, limits)
        with tarfile.open(fileobj=counted, mode="r|") as archive:
            for count, entry in enumerate(archive, 1):
                if count > limits.entries:
                    raise _too_large(f"more than {limits.entries} entries")
                if entry.isdir():
                    continue
                path = _checked(entry)
                left -= entry.size
                if entry.size > MAX_BYTES or left < 0:
                    raise _too_large(
                        f"{path} and what came before it are larger than {limits.total >> 20} MiB in all, or "
                        f"{MAX_BYTES >> 20} MiB by itself"
                    )
                counted.expect(entry.size)
                content = archive.extractfile(entry)
                files[path] = content.read() if content else b""
                counted.expect(0)
    except _UNREADABLE as error:
        raise UndercloudError.of(
            "PLAN-100",
            f"this is no tar, or a damaged one: {error}",
            fix="Send a tar, plain or gzipped, as `tar -cz` makes it.",
        ) from None
    return files


class _Peeked(io.RawIOBase):
    """A stream of which the first two bytes are known before it is read."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.start = stream.read(2)
        self._ahead = self.start

    def read(self, size: int = -1, /) -> bytes:
        if self._ahead:
            ahead, self._ahead = self._ahead, b""
            return ahead + self._stream.read(max(size - len(ahead), 0) if size >= 0 else -1)
        return self._stream.read(size)


class _Counted(io.RawIOBase):
    """What is unpacked, counted while tarfile reads it: that takes headers of any length into memory."""

    def __init__(self, plain: Readable, limits: Limits) -> None:
        self._plain = plain
        self._left = self._limit = limits.unpacked
        self.expect(0)

    def expect(self, content: int) -> None:
        """So many bytes of a file come next."""
        self._next = content + _HEADERS

    def read(self, size: int = -1, /) -> bytes:
        data = self._plain.read(size)
        self._left -= len(data)
        self._next -= len(data)
        if self._left < 0:
            raise _too_large(f"more than {self._limit >> 20} MiB with what describes its files")
        if self._next < 0:
            raise _too_large(f"more than {_HEADERS >> 10} KiB between two files")
        return data


def _checked(entry: tarfile.TarInfo) -> str:
    path = posixpath.normpath(entry.name)
    why = ""
    if not entry.isreg():
        why = "is a link" if entry.issym() or entry.islnk() else "is neither a file nor a directory"
    elif entry.name.startswith("/") or path.startswith("../") or path in {"..", "."}:
        why = "leads out of the archive"
    elif len(path) > _PATH_LENGTH:
        why = f"has a name longer than {_PATH_LENGTH} characters"
    elif any(ord(char) < 32 or "\ud800" <= char <= "\udfff" for char in path):
        why = "has a name that is not text"
    if not why:
        return path
    raise UndercloudError.of(
        "PLAN-101",
        f"an entry of the archive {why}",
        fix="Pack files and directories only, by names below the archive's own top (tar --dereference).",
        location=Location(entry.name.encode("utf-8", "backslashreplace").decode()[:_PATH_LENGTH]),
    )


def _too_large(what: str) -> UndercloudError:
    return UndercloudError.of(
        "PLAN-102", f"the archive is too large: {what}", fix="Send the plan's files only."
    )


def _manifest(data: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        raise _unusable("it is not valid JSON") from None
    if not isinstance(manifest, dict):
        raise _unusable("it is no object")
    for key, value in manifest.items():
        if key not in _FIELDS:
            raise _unusable(f"it has an unknown key: {key}")
        if not isinstance(value, _FIELDS[key]):
            raise _unusable(f"{key} is no {_FIELDS[key].__name__}")
    unknown = sorted(set(manifest.get("named", {})) - set(_KINDS))
    if unknown:
        raise _unusable(f"named has unknown keys: {', '.join(unknown)}")
    return manifest


def _unusable(why: str) -> UndercloudError:
    return UndercloudError.of(
        "PLAN-103",
        f"{MANIFEST} of the archive cannot be used: {why}",
        fix="Let the command line pack the plan, or leave the file out and send a template tree alone.",
        location=Location(MANIFEST),
    )


def _placed(path: str) -> str:
    if path.startswith(_TREE):
        return path.removeprefix(_TREE)
    if path.startswith(_OUTSIDE):
        return "/" + path.removeprefix(_OUTSIDE)
    raise UndercloudError.of(
        "PLAN-101",
        "an entry of the archive is neither below tree/ nor below outside/",
        fix="Let the command line pack the plan.",
        location=Location(path),
    )
