"""From the operator's undercloud.conf to the configuration file of our own service.

What TripleO's options say about addresses, names and certificates is written; everything else keeps its
default. Settings of the service itself (RabbitMQ, a database on a server, limits) stand in files of their
own in ``undercloud.conf.d`` beside it, which win and are never touched.
"""

from __future__ import annotations

import configparser
import dataclasses
import io
import tempfile
from pathlib import Path

from undercloud import durable
from undercloud.conf import Settings, load
from undercloud.conf.settings import CONFIG_FILE, overrides_beside
from undercloud.images.registry import PORT
from undercloud.install.part import Say
from undercloud.install.site import LOOPBACK, Site, address_of, certificate_file, names_of
from undercloud.topology.networks import is_address
from undercloud.validation.undercloud_conf import UndercloudConf

FILE = Path(CONFIG_FILE).name
_FORMER = "00-before-install.conf"
_MADE = "# Made by `openstack undercloud install`"
_HEAD = """\
{made} from {source}, which writes it anew.
# Put settings of your own into files of undercloud.conf.d (NAME.conf) beside it: they win over these.
"""


def site(conf: UndercloudConf, state_dir: Path, config_dir: Path, running: frozenset[str]) -> Site:
    """What an installation of ``conf`` is told, with the processes that run already; nothing is written.

    Raises DEP-020 for an operator's file in ``undercloud.conf.d`` that is wrong.
    """
    file = config_dir / FILE
    with tempfile.TemporaryDirectory() as directory:
        draft = Path(directory) / FILE
        draft.write_text(rendered(conf, state_dir), encoding="utf-8")
        overrides = overrides_beside(file)
        if overrides.is_dir():
            overrides_beside(draft).symlink_to(overrides)
        settings: Settings = load(str(state_dir), str(draft), environment={})
    return Site(conf, dataclasses.replace(settings, file=str(file)), config_dir, running)


def write(site: Site, say: Say) -> None:
    """Put the file in its place; one that the operator wrote there goes on to hold, moved aside."""
    file = Path(site.settings.file)
    if file.is_file() and not file.read_text(encoding="utf-8").startswith(_MADE):
        former = overrides_beside(file) / _FORMER
        say(f"your settings of {file} go to {former}")
        former.parent.mkdir(exist_ok=True)
        file.rename(former)
    durable.write(file, rendered(site.conf, site.state_dir), 0o644)


def rendered(conf: UndercloudConf, state_dir: Path) -> str:
    """The text of the file."""
    address = address_of(conf)
    certificate = certificate_file(state_dir, "api")
    bundle = conf.get("undercloud_service_certificate")
    config = configparser.RawConfigParser()
    config["paths"] = {"state_dir": str(state_dir)}
    config["api"] = {
        "host": address,
        "certificate": bundle or str(certificate),
        # TripleO's option names one file with both in it.
        "key": bundle or str(certificate.with_suffix(".key")),
    }
    config["registry"] = {"address": f"[{address}]:{PORT}" if ":" in address else f"{address}:{PORT}"}
    subnet = conf.local_subnet
    config["baremetal"] = {
        name: str(conf.get(name, subnet) or "") for name in ("cidr", "gateway", "inspection_iprange")
    }
    config["baremetal"]["network_boot"] = str(conf.network_boot).lower()
    first: list[str] = conf.get("dhcp_start", subnet) or []
    last: list[str] = conf.get("dhcp_end", subnet) or []
    if len(first) == len(last) == 1:  # TripleO allows several ranges
        config["baremetal"]["node_iprange"] = f"{first[0]},{last[0]}"
    config["baremetal"]["undercloud_addresses"] = ",".join(_addresses(conf))
    text = io.StringIO()
    config.write(text)
    return _HEAD.format(made=_MADE, source=conf.file) + text.getvalue()


def _addresses(conf: UndercloudConf) -> list[str]:
    """The undercloud's own addresses on its networks."""
    return [name for name in names_of(conf) if is_address(name) and name not in LOOPBACK]
