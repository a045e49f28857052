"""What an undercloud on another machine does not do for us: its REST API has no such operation."""

from __future__ import annotations

from undercloud.diagnostics import UndercloudError


def not_over_there(what: str, fix: str) -> UndercloudError:
    """The error (CLI-045) of something that only the undercloud's own machine does."""
    return UndercloudError.of(
        "CLI-045", f"an undercloud on another machine takes no {what.removeprefix('a ')}", fix=fix
    )
