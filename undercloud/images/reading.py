"""Reading definition files: small YAML documents, held against a JSON Schema, all mistakes told at once."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import jsonschema

from undercloud.diagnostics import Finding, Location, Report, UndercloudError, raise_for
from undercloud.plan import documents

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Format:
    """What a kind of definition looks like: a schema among a package's ``schemas``, and the page about it."""

    package: str
    schema: str
    guide: str

    def validator(self) -> jsonschema.Draft202012Validator:
        """The schema, read once."""
        return _validator(self.package, self.schema)


def read(directories: Iterable[Path], form: Format, make: Callable[[documents.Document], _T]) -> list[_T]:
    """What ``make`` makes of every ``*.yaml`` of the directories (not of those below them), by name.

    Raises UndercloudError with all mistakes of all files: what ``documents.parse`` raises, IMG-001 not as the
    schema has it, IMG-005 nothing to read, and what ``make`` raises.
    """
    report = Report()
    found: list[_T] = []
    for directory in directories:
        files = sorted(directory.glob("*.yaml"))
        if not files:
            message = f"{directory} holds no image definitions (*.yaml)"
            report.add(Finding("IMG-005", message, "Name a directory of definitions."))
        for file in files:
            try:
                found.append(make(_read(file, form)))
            except UndercloudError as error:
                report.extend(error.findings)
    raise_for(report)
    return found


@functools.cache
def _validator(package: str, schema: str) -> jsonschema.Draft202012Validator:
    text = resources.files(package).joinpath("schemas", schema).read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def _read(file: Path, form: Format) -> documents.Document:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UndercloudError.of(
            "IMG-005",
            f"the definition cannot be read: {error.strerror}",
            fix="Mend the file's permissions, or move it away.",
            location=Location(str(file)),
        ) from None
    document = documents.parse(data, str(file))
    findings = [
        _finding(error, document, form.guide) for error in form.validator().iter_errors(document.value)
    ]
    if findings:
        raise UndercloudError(*findings)
    return document


def _finding(error: jsonschema.ValidationError, document: documents.Document, guide: str) -> Finding:
    path = list(error.absolute_path)
    message = error.message
    if error.validator == "additionalProperties" and isinstance(error.schema, dict):
        known: dict[str, Any] = error.schema["properties"]
        given: Any = error.instance
        unknown = sorted({str(key) for key in given} - set(known))
        path.append(unknown[0])
        message = f"unknown key {', '.join(map(repr, unknown))}; known are {', '.join(known)}"
    elif error.validator == "pattern":
        message = f"{error.instance!r} does not have the form {error.validator_value}"
    elif error.validator == "oneOf":
        message = "a file has either content or source"
    return Finding(
        "IMG-001",
        message,
        f"See {guide} for what a definition may hold.",
        locations=(document.locate(*path),),
        path=tuple(map(str, path)),
    )
