"""Locks and heartbeats of deployments, and how many of them are kept."""

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
    cfg.IntOpt(
        "keep_deployments",
        default=100,
        min=0,
        help="How many deployments of a stack are kept, with their events, of each kind (deploy, check, …); "
        "0: all. What runs, the last one and what a rollback without a version goes back to always stay; "
        "a rollback to a version finds only what is still kept. Forgetting begins an hour after the start.",
    ),
]


@dataclass(frozen=True)
class Deployment:
    """``heartbeat`` and ``lease`` are seconds; ``keep_deployments`` is a number, 0 for no limit."""

    heartbeat: float
    lease: float
    keep_deployments: int

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Deployment:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(area.heartbeat, area.lease, area.keep_deployments)
