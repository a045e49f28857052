"""Locks and heartbeats of deployments."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

GROUP = "deployment"
OPTIONS = [
    cfg.FloatOpt("heartbeat", default=5.0, min=0.1, help="Seconds between two signs of life of a writer."),
    cfg.FloatOpt(
        "lease",
        default=60.0,
        min=1.0,
        help="Seconds without a sign of life after which a writer counts as dead. One whose process is known "
        "to have ended on this machine is followed at once.",
    ),
]


@dataclass(frozen=True)
class Deployment:
    """``heartbeat`` and ``lease`` are seconds."""

    heartbeat: float
    lease: float

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Deployment:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(area.heartbeat, area.lease)
