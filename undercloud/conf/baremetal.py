"""Where Ironic is, and the network that machines are installed on."""

from __future__ import annotations

from dataclasses import dataclass

from oslo_config import cfg

GROUP = "baremetal"
OPTIONS = [
    cfg.StrOpt(
        "endpoint",
        default="",
        help="URL of an Ironic elsewhere; empty: the undercloud's own, where it runs one.",
    ),
    cfg.StrOpt("username", default="", help="Who we are to it (http_basic); empty: it asks for nobody."),
    cfg.StrOpt("password", default="", secret=True, help="The password of that user."),
    cfg.StrOpt("ca_file", default="", help="The authority of its certificate (PEM); empty: the system's."),
    cfg.IntOpt("concurrency", default=20, min=1, help="Machines that are worked on at the same time."),
    cfg.StrOpt(
        "inspection_iprange",
        default="",
        help="FIRST,LAST: addresses of ramdisks, which inspect, clean and write machines; empty: DHCP.",
    ),
    cfg.StrOpt("cidr", default="192.168.24.0/24", help="The range of the provisioning network."),
    cfg.StrOpt(
        "node_iprange",
        default="",
        help="FIRST,LAST: addresses of nodes that we install and of virtual addresses, for plans that say "
        "nothing of the control plane; empty: plans have to.",
    ),
    cfg.StrOpt("gateway", default="", help="Its router; empty: none."),
    cfg.BoolOpt(
        "network_boot",
        default=False,
        help="Whether the undercloud answers the DHCP of the machines that boot over the network, with "
        "addresses of inspection_iprange (undercloud.conf: ipxe_enabled = true).",
    ),
    cfg.ListOpt(
        "undercloud_addresses",
        default=[],
        help="Addresses of the undercloud itself on that network, which no node gets.",
    ),
    cfg.StrOpt(
        "image", default="overcloud-full", help="The image of nodes whose deployment file names none."
    ),
    cfg.IntOpt("deploy_timeout", default=3600, min=60, help="Seconds in which a machine must be deployed."),
    cfg.IntOpt("ssh_timeout", default=900, min=10, help="Seconds in which a deployed node must answer SSH."),
]


@dataclass(frozen=True)
class Baremetal:
    """``password`` is never shown; times are seconds, ranges are (first, last) or empty."""

    endpoint: str
    username: str
    password: str
    ca_file: str
    concurrency: int
    inspection_iprange: tuple[str, ...]
    node_iprange: tuple[str, ...]
    cidr: str
    gateway: str
    network_boot: bool
    undercloud_addresses: tuple[str, ...]
    image: str
    deploy_timeout: int
    ssh_timeout: int

    @classmethod
    def read(cls, conf: cfg.ConfigOpts) -> Baremetal:
        """The values of a loaded configuration."""
        area = conf[GROUP]
        return cls(
            endpoint=area.endpoint.rstrip("/"),
            username=area.username,
            password=area.password,
            ca_file=area.ca_file,
            concurrency=area.concurrency,
            inspection_iprange=_range(area.inspection_iprange),
            node_iprange=_range(area.node_iprange),
            cidr=area.cidr,
            gateway=area.gateway,
            network_boot=area.network_boot,
            undercloud_addresses=tuple(area.undercloud_addresses),
            image=area.image,
            deploy_timeout=area.deploy_timeout,
            ssh_timeout=area.ssh_timeout,
        )


def _range(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
