"""A set of source files: the template tree as it stands after rendering, and what lies outside it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import posixpath
from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Severity, UndercloudError
from undercloud.plan.documents import Document, Origin, decode, mapped, parse


@dataclasses.dataclass(frozen=True, slots=True)
class SourceFile:
    """One text of a tree.

    ``path`` is relative to the template root, absolute for a file outside of it. A rendered file names its
    template in ``template`` and maps its lines back to it with ``origin``.
    """

    path: str
    text: str
    template: str = ""
    origin: Origin | None = dataclasses.field(default=None, compare=False)


def normalise(path: str) -> str:
    """The one spelling of a path under which a tree keeps a file: no ``.``, ``..`` or ``file://``."""
    return posixpath.normpath(path.removeprefix("file://"))


def beside(file: str, reference: str) -> str:
    """The path that ``reference``, standing in ``file``, names when it is relative to that file."""
    return normalise(posixpath.join(posixpath.dirname(file), reference.removeprefix("file://")))


class Tree(Mapping[str, SourceFile]):
    """Files by path; never changed once made, so that what is derived from it can be kept.

    Contents may be given as text, as bytes (decoded when first asked for) or as SourceFile.
    """

    def __init__(
        self, files: Mapping[str, str | bytes | SourceFile] | None = None, root: str = "", real_root: str = ""
    ) -> None:
        """``root`` is how the template root is shown in locations, ``real_root`` that without links."""
        self.root = root
        self.real_root = real_root
        self._files: dict[str, str | bytes | SourceFile] = {
            normalise(path): content for path, content in (files or {}).items()
        }
        self._documents: dict[str, Document] = {}

    def __getitem__(self, path: str) -> SourceFile:
        """The file; raises KeyError if there is none, UndercloudError PLAN-004 if it is not UTF-8 text."""
        path = normalise(path)
        content = self._files[path]
        if isinstance(content, bytes):
            content = decode(content, self.shown(path))
        if isinstance(content, str):
            content = SourceFile(path, content)
            self._files[path] = content
        return content

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and normalise(path) in self._files

    def shown(self, path: str) -> str:
        """The path as an operator knows it: with the template root in front."""
        return posixpath.join(self.root, path)

    def relative(self, path: str) -> str:
        """The tree's spelling of a path that may be absolute, ``file://`` or relative to the root."""
        path = normalise(path)
        for root in filter(None, (self.root, self.real_root)):
            prefix = root.rstrip("/") + "/"
            if path.startswith(prefix):
                return path[len(prefix) :]
        return path

    def find(self, reference: str, file: str = "") -> str | None:
        """The path of the file that ``reference`` means in ``file``: beside it, else under the root."""
        for candidate in (beside(file, reference), normalise(reference)):
            path = self.relative(candidate)
            if path in self._files:
                return path
        return None

    def document(self, path: str) -> Document:
        """The parsed file, the same object each time; raises KeyError or UndercloudError as ``parse`` does.

        A key that stands twice is a warning here: TripleO's own templates have some. Locations in a
        rendered file are those of its template.
        """
        path = normalise(path)
        if path not in self._documents:
            self._documents[path] = self._parse(self[path])
        return self._documents[path]

    def _parse(self, source: SourceFile) -> Document:
        try:
            document = parse(source.text, self.shown(source.path), duplicate_keys=Severity.WARNING)
        except UndercloudError as error:
            if not source.origin:
                raise
            raise UndercloudError(
                *(_at_origin(finding, source.origin) for finding in error.findings)
            ) from None
        return document.with_origin(source.origin) if source.origin else document

    def with_files(self, files: Mapping[str, str | bytes | SourceFile]) -> Tree:
        """A new tree that has these files too; they replace those of the same path."""
        tree = Tree(files, self.root, self.real_root)
        tree._files = {**self._files, **tree._files}
        return tree

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 over all paths and contents, in hexadecimal."""
        total = hashlib.sha256()
        for path, content in sorted(self._files.items()):
            text = content.text if isinstance(content, SourceFile) else content
            data = text if isinstance(text, bytes) else _encoded(text)
            name = _encoded(path)
            total.update(b"%d:%b:%d:%b" % (len(name), name, len(data), data))
        return total.hexdigest()


def _encoded(text: str) -> bytes:
    """UTF-8, whatever Python holds in a text."""
    return text.encode("utf-8", "surrogatepass")


def _at_origin(finding: Finding, origin: Origin) -> Finding:
    return dataclasses.replace(finding, locations=tuple(mapped(place, origin) for place in finding.locations))
