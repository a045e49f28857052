"""How Ansible is run."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

GROUP = "runner"
OPTIONS = [
    cfg.IntOpt("forks", default=50, min=1, help="Nodes that Ansible works on at the same time."),
    cfg.IntOpt("keep_runs", default=10, min=1, help="How many deployments of a stack keep their logs."),
    cfg.IntOpt(
        "control_persist", default=300, min=0, help="Seconds that an SSH connection stays open unused."
    ),
    cfg.ListOpt(
        "pass_environment",
        default=[],
        help="Names of environment variables that Ansible gets besides PATH, HOME, LANG and SSH_AUTH_SOCK.",
    ),
]


@dataclass(frozen=True)
class Runner:
    """``forks`` and ``keep_runs`` are counts, ``control_persist`` seconds."""

    forks: int
    keep_runs: int
    control_persist: int
    pass_environment: tuple[str, ...]

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Runner:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(area.forks, area.keep_runs, area.control_persist, tuple(area.pass_environment))
