"""One archive with all that an undercloud cannot be made again without: databases, keys, certificates, files.

A gzipped tar, mode 0600, since the key of the secrets is in it. ``manifest.json`` comes first and names every
other member with its size, mode and SHA-256; members lie below ``state/`` and ``config/`` as they do below
the two directories. Container images are not in it: they are built or pushed again.
"""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from undercloud import durable
from undercloud.conf.settings import overrides_beside
from undercloud.db import dumps, schema
from undercloud.db.database import open_database
from undercloud.diagnostics import UndercloudError
from undercloud.install.installation import Installation, alone
from undercloud.install.part import Kept, Say

MANIFEST = "manifest.json"
STATE, CONFIG = "state", "config"
DUMP = f"{STATE}/database.sql"
FORMAT = 1
_CHUNK = 1 << 20
_TRIES = 3
_UNREADABLE = (OSError, EOFError, tarfile.TarError, zlib.error)


@dataclass(frozen=True)
class Member:
    """A file of an archive; ``size`` in bytes."""

    size: int
    mode: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an archive says of itself; ``created`` is ISO 8601 in UTC.

    ``databases`` are names of members that are SQLite's; ``dump`` is that of a copy of the database on a
    server, empty for none.
    """

    created: str
    schema: str
    state_dir: str
    config_dir: str
    databases: tuple[str, ...]
    members: dict[str, Member]
    dump: str = ""
    format: int = FORMAT

    def text(self) -> str:
        """As it stands in the archive."""
        return json.dumps(asdict(self), indent=1) + "\n"


def usual_name() -> str:
    """The file name of a backup that is made now."""
    return f"undercloud-backup-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}.tar.gz"


def write(installation: Installation, file: Path, say: Say) -> Manifest:
    """Write a backup to ``file``, while the undercloud runs; what is there already is not replaced.

    It is read again and compared before this returns. Raises INST-030 where it cannot be written, INST-031,
    DB-007 or DB-008 where a database cannot be copied, INST-012 while another command is at it.
    """
    if file.exists():
        raise _unwritable(file, "it is there already")
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            alone(installation.site.state_dir),
            tempfile.TemporaryDirectory(dir=file.parent, prefix=".undercloud-backup.") as directory,
        ):
            stage = Path(directory)
            manifest = _collected(installation, stage, say)
            say("archive")
            archive = stage / file.name
            _pack(manifest, stage, archive)
            compare(archive, manifest)
            archive.rename(file)
            durable.sync_directory(file.parent)
    except OSError as error:
        raise _unwritable(file, error.strerror or str(error)) from error
    return manifest


def opened(file: Path) -> tuple[Manifest, Iterator[tuple[str, IO[bytes]]]]:
    """An archive's manifest, and its members one after the other. Raises INST-032 for what is no backup."""
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(tarfile.open(file, "r|gz"))
            manifest = _manifest(archive)
        except (*_UNREADABLE, ValueError, KeyError, TypeError, AttributeError) as error:
            raise damaged(file, str(error)) from error
        stack.pop_all()
    return manifest, _members(file, archive, manifest)


def _manifest(archive: tarfile.TarFile) -> Manifest:
    """The first member; one of the usual exceptions of wrong data where it is no manifest of ours."""
    first = archive.next()
    if first is None or first.name != MANIFEST:
        raise ValueError("it does not begin with its manifest")
    stream = archive.extractfile(first)
    told = json.loads(stream.read() if stream else b"")
    if told["format"] != FORMAT:
        raise ValueError(f"its format is {told['format']}, this program reads {FORMAT}")
    members = {name: Member(**each) for name, each in told["members"].items()}
    return Manifest(**{**told, "members": members, "databases": tuple(told["databases"])})


def compare(file: Path, manifest: Manifest) -> None:
    """Read an archive to its end and hold it against a manifest; raises INST-032."""
    found, members = opened(file)
    if found != manifest:
        raise damaged(file, "its manifest is another one")
    for _name, stream in members:
        while stream.read(_CHUNK):
            pass


def damaged(file: Path, why: str) -> UndercloudError:
    """A file that is no backup of ours, or not what was once written (INST-032)."""
    return UndercloudError.of(
        "INST-032",
        f"{file} cannot be used as a backup: {why}",
        fix="Take another backup; nothing was changed.",
    )


class _Checked(io.RawIOBase):
    """Passes bytes on and raises at the end unless they are what the manifest says."""

    def __init__(self, stream: IO[bytes], file: Path, name: str, member: Member) -> None:
        self._stream, self._file, self._name, self._member = stream, file, name, member
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size)
        except _UNREADABLE as error:
            raise damaged(self._file, f"{self._name}: {error}") from error
        self._digest.update(data)
        if not data and self._digest.hexdigest() != self._member.sha256:
            raise damaged(self._file, f"{self._name} is not what was written")
        return data


def _members(file: Path, archive: tarfile.TarFile, manifest: Manifest) -> Iterator[tuple[str, IO[bytes]]]:
    """Each member once; INST-032 for one that is strange, damaged or missing."""
    left = dict(manifest.members)
    try:
        with archive:
            for entry in iter(archive.next, None):
                member = left.pop(entry.name, None)
                stream = archive.extractfile(entry) if entry.isreg() else None
                if member is None or stream is None or not _is_inside(entry.name):
                    raise damaged(file, f"{entry.name} does not belong into it")
                yield entry.name, _Checked(stream, file, entry.name, member)  # type: ignore[misc]
    except _UNREADABLE as error:
        raise damaged(file, str(error)) from error
    if left:
        raise damaged(file, f"{', '.join(sorted(left)[:3])} is missing in it")


def _is_inside(name: str) -> bool:
    parts = name.split("/")
    return parts[0] in {STATE, CONFIG} and len(parts) > 1 and not {"", ".", ".."} & set(parts)


def _collected(installation: Installation, stage: Path, say: Say) -> Manifest:
    """Copy everything into ``stage``; the key and the database that it belongs to are of the same moment."""
    site = installation.site
    kept = [part.kept for part in installation.parts]
    key = site.settings.paths.key_file
    for _ in range(_TRIES):
        before = key.read_bytes() if key.is_file() else b""
        for each in (STATE, CONFIG):
            shutil.rmtree(stage / each, ignore_errors=True)
        databases = tuple(_databases(installation, kept, stage, say))
        dump = _dump(installation, stage, say)
        say("files")
        _files(installation, kept, stage)
        if (key.read_bytes() if key.is_file() else b"") == before:
            break
    _prove(installation, stage)
    return Manifest(
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        schema=schema.HEAD,
        state_dir=str(site.state_dir),
        config_dir=str(site.config_dir),
        databases=databases,
        dump=dump,
        members={name: _member(stage / name) for name in _names(stage)},
    )


def _databases(installation: Installation, kept: list[Kept], stage: Path, say: Say) -> Iterator[str]:
    for database in (file for each in kept for file in each.databases if file.is_file()):
        say(f"database {database.name}")
        target = _place(installation, database, stage)
        try:
            with closing(_readable(database)) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a journal beside it
        except sqlite3.Error as error:
            raise UndercloudError.of(
                "INST-031",
                f"the database {database} cannot be copied: {error}",
                fix="See that it is whole and that there is room, then run it again.",
            ) from error
        target.chmod(0o600)
        yield str(target.relative_to(stage))


def _dump(installation: Installation, stage: Path, say: Say) -> str:
    """Copy the database on a server; the member's name, empty where there is none."""
    connection = installation.site.settings.database.connection
    if not connection:
        return ""
    say("database on its server")
    (stage / STATE).mkdir(mode=0o700, parents=True, exist_ok=True)
    dumps.save(connection, stage / DUMP)
    return DUMP


def _readable(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=60)


def _files(installation: Installation, kept: list[Kept], stage: Path) -> None:
    site = installation.site
    common = (
        installation.file,
        site.authority,
        site.state_dir / "secrets",
        overrides_beside(Path(site.settings.file)),
    )
    for path in (*common, *(file for each in kept for file in each.files)):
        target = _place(installation, path, stage)
        if path.is_dir() and not path.is_symlink():
            shutil.copytree(path, target, ignore=_special, copy_function=_copied, dirs_exist_ok=True)
        elif path.is_file():
            shutil.copy2(path, target)


def _copied(source: str, target: str) -> None:
    """A file that a deployment has removed meanwhile was of no use any more."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def _special(directory: str, names: list[str]) -> set[str]:
    """Sockets, pipes and links are of no use elsewhere."""
    return {
        name
        for name in names
        if (path := Path(directory) / name).is_symlink() or not (path.is_dir() or path.is_file())
    }


def _place(installation: Installation, path: Path, stage: Path) -> Path:
    """Where a path is staged; its directory is made."""
    site = installation.site
    if path.is_relative_to(site.state_dir):
        target = stage / STATE / path.relative_to(site.state_dir)
    else:
        target = stage / CONFIG / path.relative_to(site.config_dir)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return target


def _prove(installation: Installation, stage: Path) -> None:
    """See that the copied key opens the copied database; VAULT-004 and the like when it does not."""
    settings = installation.site.settings
    connection, paths = settings.database.connection, settings.paths
    database = _place(installation, paths.database, stage)
    if connection or database.is_file():
        key = _place(installation, paths.key_file, stage)
        open_database(connection, database, key, upgrade=False).close()
        for left in database.parent.glob(f"{database.stem}.lock"):
            left.unlink()


def _names(stage: Path) -> list[str]:
    found = sorted(path for each in (STATE, CONFIG) for path in (stage / each).rglob("*") if path.is_file())
    return [str(path.relative_to(stage)) for path in found]


def _member(path: Path) -> Member:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while data := stream.read(_CHUNK):
            digest.update(data)
    status = path.stat()
    return Member(status.st_size, status.st_mode & 0o777, digest.hexdigest())


def _pack(manifest: Manifest, stage: Path, archive: Path) -> None:
    handle = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6) as tar:
            text = manifest.text().encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size, entry.mode = len(text), 0o600
            tar.addfile(entry, io.BytesIO(text))
            for name, member in manifest.members.items():
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = member.size, member.mode
                with (stage / name).open("rb") as content:
                    tar.addfile(entry, content)
        stream.flush()
        os.fsync(stream.fileno())


def _unwritable(file: Path, why: str) -> UndercloudError:
    return UndercloudError.of(
        "INST-030",
        f"the backup {file} cannot be written: {why}",
        fix="Name another file with room on its disk.",
    )
