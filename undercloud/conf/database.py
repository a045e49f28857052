"""Which database holds plans, states, deployments and locks."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

GROUP = "database"
OPTIONS = [
    cfg.StrOpt(
        "connection",
        default="",
        secret=True,
        help="SQLAlchemy URL (postgresql+psycopg://…, mysql+pymysql://…); empty: SQLite in state_dir.",
    ),
    cfg.IntOpt("busy_timeout", default=30, min=1, help="Seconds that a writer waits for another (SQLite)."),
]


@dataclass(frozen=True)
class Database:
    """``connection`` may hold a password; it is never shown."""

    connection: str
    busy_timeout: int

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Database:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(area.connection, area.busy_timeout)
