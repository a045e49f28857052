"""Every check of a node before a deployment: its codes, what they say, how heavy. Imports nothing."""

from __future__ import annotations

ERROR = "error"
WARNING = "warning"
INFO = "info"

CATALOGUE: dict[str, tuple[str, str, str]] = {
    "NODE-003": ("stack", ERROR, "the node belongs to another stack"),
    "NODE-101": ("python", ERROR, "Python is too old"),
    "NODE-102": ("time", ERROR, "the clock differs from the undercloud's"),
    "NODE-103": ("time", WARNING, "no time server answers"),
    "NODE-104": ("dns", ERROR, "a name cannot be resolved"),
    "NODE-105": ("disk", ERROR, "too little disk space is free"),
    "NODE-106": ("disk", ERROR, "a file system has no inodes left"),
    "NODE-107": ("memory", ERROR, "too little memory for the services of the role"),
    "NODE-108": ("cpu", ERROR, "the CPU cannot virtualise"),
    "NODE-109": ("addresses", ERROR, "a planned address is on no interface"),
    "NODE-110": ("addresses", WARNING, "an address has another prefix length than its network"),
    "NODE-111": ("addresses", ERROR, "the interface of a planned address is down"),
    "NODE-112": ("mtu", ERROR, "an interface's MTU is below its network's"),
    "NODE-113": ("mtu", ERROR, "packets of the network's full size do not arrive"),
    "NODE-114": ("peers", WARNING, "another node does not answer on a network"),
    "NODE-115": ("duplicates", ERROR, "another machine has the node's address"),
    "NODE-116": ("duplicates", ERROR, "a machine outside the cloud has a virtual address"),
    "NODE-117": ("ports", ERROR, "a port is taken by something that is not ours"),
    "NODE-118": ("registry", ERROR, "the registry cannot be reached"),
    "NODE-119": ("registry", ERROR, "an image is not in the registry"),
    "NODE-120": ("podman", ERROR, "podman is missing or too old"),
    "NODE-121": ("addresses", WARNING, "an interface carries another VLAN than planned"),
    "NODE-015": ("validations", ERROR, "a validation of a service failed"),
    "NODE-201": ("validations", ERROR, "the database cluster lacks members"),
    "NODE-202": ("validations", ERROR, "the message bus lacks members"),
    "NODE-203": ("validations", ERROR, "memcached does not answer"),
    "NODE-204": ("validations", ERROR, "Keystone does not answer through the load balancer"),
    "NODE-205": ("validations", ERROR, "no token can be had"),
    "NODE-206": ("vips", ERROR, "a virtual address is on no node, or on two"),
    "NODE-207": ("endpoints", ERROR, "an endpoint does not answer"),
    "NODE-208": ("containers", ERROR, "a container is not there, does not run, or is unhealthy"),
    "NODE-209": ("vip-moves", ERROR, "a virtual address does not move to another node"),
    "NODE-210": ("vip-moves", INFO, "a virtual address moved to another node"),
    "NODE-130": ("system", INFO, "what the node is"),
    "NODE-131": ("system", INFO, "the node calls itself by another name than the plan"),
    "NODE-132": ("system", WARNING, "a check did not come to its end"),
}
"""Code → the check it belongs to, its severity, and its title."""
