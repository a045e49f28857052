"""The registry that the undercloud serves and the nodes pull from."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

GROUP = "registry"
OPTIONS = [
    cfg.StrOpt("address", default="", help="HOST:PORT as the nodes reach it; empty: what the command says."),
]


@dataclass(frozen=True)
class Registry:
    """Where nodes pull images."""

    address: str

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Registry:
        """The values of a loaded configuration."""
        return cls(conf[GROUP].address)
