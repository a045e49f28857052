"""Options of the service, one file an area; the pure rooms take values and never see them."""

from undercloud.conf.settings import Settings, load

__all__ = ["Settings", "load"]
