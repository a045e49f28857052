"""The undercloud's own Ironic, as far as undercloud.conf of TripleO has no words for it."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

GROUP = "ironic"
OPTIONS = [
    cfg.StrOpt(
        "connection",
        default="",
        secret=True,
        help="SQLAlchemy URL of Ironic's database (postgresql://, mysql+pymysql://); empty: SQLite in the "
        "state directory.",
    ),
    cfg.StrOpt(
        "transport_url",
        default="",
        secret=True,
        help="oslo.messaging URL (rabbit://user:password@host:5672/) for Ironic's API and conductors; empty: "
        "one process.",
    ),
    cfg.BoolOpt(
        "fast_track",
        default=True,
        help="Whether a machine whose ramdisk runs already is not booted again between inspection, cleaning "
        "and deployment.",
    ),
    cfg.IntOpt(
        "lldp_seconds",
        default=0,
        min=0,
        help="How long inspection listens for what switches say of themselves (LLDP), in seconds; they speak "
        "every 30 seconds, so 45 hears them. 0: not at all.",
    ),
    cfg.IntOpt(
        "ramdisk_timeout",
        default=1800,
        min=60,
        help="How many seconds a machine's ramdisk may be silent, also from power-on; real servers take ten "
        "minutes to a kernel. After that its inspection, cleaning or deployment has failed.",
    ),
    cfg.StrOpt(
        "kernel_arguments",
        default="console=tty0 console=ttyS0,115200",
        help="Arguments of the ramdisk's kernel, as the console that the machines have.",
    ),
    cfg.BoolOpt("debug", default=False, help="Whether Ironic's log has every detail."),
]


@dataclass(frozen=True)
class Ironic:
    """``connection`` and ``transport_url`` may hold passwords; they are never shown."""

    connection: str
    transport_url: str
    fast_track: bool
    lldp_seconds: int
    ramdisk_timeout: int
    kernel_arguments: str
    debug: bool

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Ironic:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(**{option.dest: area[option.dest] for option in OPTIONS})
