"""How the API and the engines speak to each other."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

GROUP = "messaging"
OPTIONS = [
    cfg.StrOpt(
        "transport_url",
        default="",
        secret=True,
        help="oslo.messaging URL (rabbit://user:password@host:5672/) where API and engines are processes of "
        "their own; empty: one process, in memory.",
    ),
    cfg.IntOpt("timeout", default=60, min=1, help="Seconds to wait for an engine's answer."),
    cfg.IntOpt(
        "validation_timeout", default=900, min=1, help="Seconds to wait for an engine to validate a plan."
    ),
]


@dataclass(frozen=True)
class Messaging:
    """``transport_url`` may hold a password; it is never shown. Times are seconds."""

    transport_url: str
    timeout: int
    validation_timeout: int

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Messaging:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(area.transport_url, area.timeout, area.validation_timeout)
