"""systemd, through systemctl."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ansible_collections.undercloud.deploy.plugins.module_utils import commands, errors
from ansible_collections.undercloud.deploy.plugins.module_utils.commands import Result
from ansible_collections.undercloud.deploy.plugins.module_utils.model import UnitFact

PROPERTIES = "Id,Names,LoadState,ActiveState,UnitFileState,NeedDaemonReload"
ACTIVE = ("active", "activating", "reloading")
TIMEOUT = 300.0


class Systemd:
    """The units of a node."""

    def __init__(self, run: Callable[..., Result] = commands.run) -> None:
        self._run = run

    def units(self, names: Iterable[str]) -> dict[str, UnitFact]:
        """Those of the units that systemd knows: one call."""
        wanted = sorted(names)
        if not wanted:
            return {}
        result = self._run(["systemctl", "show", f"--property={PROPERTIES}", "--", *wanted], timeout=TIMEOUT)
        if not result.ok:
            raise errors.NodeError.of(
                errors.UNIT,
                f"systemd cannot be asked about {', '.join(wanted)}: {result.last_error}",
                "The node must run systemd; look at 'systemctl status' there.",
            )
        blocks = [_properties(block) for block in result.output.strip("\n").split("\n\n")]
        # systemctl answers in the order asked.
        return {
            name: _fact(block)
            for name, block in zip(wanted, blocks)  # noqa: B905 - Python 3.9
            if block.get("LoadState") != "not-found"
        }

    def do(self, verb: str, unit: str = "") -> None:
        """``enable``, ``disable``, ``start``, ``stop``, ``restart``, ``daemon-reload``. Raises NodeError."""
        result = self._run(["systemctl", verb, *(["--", unit] if unit else [])], timeout=TIMEOUT)
        if result.ok:
            return
        log = self._run(
            ["journalctl", "--no-pager", "--lines=20", "--output=cat", f"--unit={unit}"], timeout=30
        )
        raise errors.NodeError.of(
            errors.UNIT,
            f"systemctl {verb} {unit} failed: {result.last_error}".replace("  ", " "),
            f"Look at 'systemctl status {unit}' on the node, and deploy again.",
            log=tuple(log.output.splitlines()[-20:]) if unit and log.ok else (),
        )


def _properties(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _fact(block: dict[str, str]) -> UnitFact:
    return UnitFact(
        load=block.get("LoadState", ""),
        active=block.get("ActiveState") in ACTIVE,
        enabled=block.get("UnitFileState", ""),
        reload=block.get("NeedDaemonReload") == "yes",
    )
