"""Writing what an operator asked for: to a temporary name first, then renamed."""

from __future__ import annotations

from pathlib import Path

from undercloud import durable
from undercloud.cli import errors
from undercloud.diagnostics import UndercloudError


def free(path: Path, *, replace: bool, option: str) -> Path:
    """The path itself; raises UndercloudError (CLI-002) where a file is that ``option`` does not let go."""
    if path.exists() and not replace:
        raise errors.usage(f"{path} is there already", f"name another one, or give {option}")
    return path


def write(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Put ``content`` at ``path`` in one step, with the given mode; directories above it are made (0700).

    Raises UndercloudError (CLI-005) where that is impossible; what was there stays as it was.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(path, content, mode)
    except OSError as problem:
        raise UndercloudError.of(
            "CLI-005",
            f"{path} cannot be written: {problem.strerror}",
            fix="choose a directory that you may write to and that has room",
        ) from problem
