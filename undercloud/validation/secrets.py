"""Secrets that stand in the clear in files that others than the operator may read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from undercloud.diagnostics import Finding, Severity
from undercloud.validation.composition import Composition, is_operators

_OTHERS = 0o077


def check(composition: Composition, modes: Mapping[str, int]) -> Iterator[Finding]:
    """VAL-020: a hidden parameter or a password in a file that group or others may read.

    ``modes`` is path as the tree spells it → the file's permission bits.
    """
    for layer in composition.environment.layers:
        mode = modes.get(layer.path, 0)
        if not is_operators(layer.path) or not mode & _OTHERS:
            continue
        found = [
            name
            for section in ("parameter_defaults", "parameters")
            for name, value in layer.section(section).items()
            if isinstance(name, str) and value not in (None, "") and composition.is_hidden(name)
        ]
        if not found:
            continue
        listed = ", ".join(found[:5]) + (" …" if len(found) > 5 else "")
        text = f"{listed} stand in a file that others may read (mode {mode & 0o777:04o})"
        fix = f"chmod 600 {layer.document.file}"
        places = (layer.document.locate("parameter_defaults", found[0]),)
        yield Finding("VAL-020", text, fix, Severity.WARNING, places, tuple(found))
