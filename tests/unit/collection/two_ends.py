"""Run as root in a network namespace of its own: a cable to another machine, and what the checks make of it.

``two_ends.py CASE`` prints what was found as JSON.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[3] / "ansible"))
from ansible_collections.undercloud.deploy.plugins.module_utils import checks_network as network

Ip = Callable[..., None]


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def sizes(there: Ip) -> Any:
    """Packets of two sizes, before and after the far end gets smaller."""
    here = {"mtu": 3000, "peers": ["192.0.2.2"]}
    first = network.echoes({"good": here, "big": {"mtu": 3001, "peers": ["192.0.2.2", "192.0.2.9"]}})
    there("link", "set", "far0", "mtu", "1500")
    return [first, network.echoes({"cut": here})]


def owners(there: Ip) -> Any:
    """The other machine has our address, too, and another one that we ask for."""
    network.echoes({"n": {"mtu": 1500, "peers": ["192.0.2.2"]}})
    near = network.neighbours()
    for address in ("192.0.2.1/24", "192.0.2.100/32"):
        there("address", "add", address, "dev", "far0")
    links, addresses = network.addresses()
    found = network.claims(dict.fromkeys(["192.0.2.1", "192.0.2.100", "192.0.2.50"], "near0"), links)
    return [found, near, addresses["192.0.2.1"], links["near0"]["mtu"]]


def main() -> None:
    """Lay the cable, look, and say what was seen."""
    with subprocess.Popen(["unshare", "--net", "sleep", "60"], stdout=subprocess.DEVNULL) as other:

        def there(*words: str) -> None:
            subprocess.run(["nsenter", "-t", str(other.pid), "-n", "ip", *words], check=True)

        try:
            own = Path("/proc/self/ns/net").readlink()
            while Path(f"/proc/{other.pid}/ns/net").readlink() == own:
                time.sleep(0.01)
            ip("link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", str(other.pid))
            for change, end, address in ((ip, "near0", "192.0.2.1/24"), (there, "far0", "192.0.2.2/24")):
                change("address", "add", address, "dev", end)
                change("link", "set", end, "mtu", "3000", "up")
            print(json.dumps({"sizes": sizes, "owners": owners}[sys.argv[1]](there)))
        finally:
            other.kill()


main()
