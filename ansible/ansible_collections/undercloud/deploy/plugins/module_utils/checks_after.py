"""Checks of a node that is deployed: containers, validations, virtual addresses, the cloud's endpoints."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.undercloud.deploy.plugins.module_utils import (
    checks_network,
    commands,
    validations,
)
from ansible_collections.undercloud.deploy.plugins.module_utils.checks_judge import Found
from ansible_collections.undercloud.deploy.plugins.module_utils.desired import validation
from ansible_collections.undercloud.deploy.plugins.module_utils.podman import Podman

ENDPOINT_WAIT = 10.0  # seconds for one answer
ENDPOINT_TRIES = 5
MOVE_WAIT = 30.0  # seconds that a virtual address may take to another node
SIDE_BY_SIDE = 8
Asked = Mapping[str, Any]


def gather(asked: Asked, demands: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """What the checks that are asked for show.

    ``asked``: ``builtin`` (addresses and endpoints), ``containers`` (names that shall run), ``validations``
    (entries of the desired state), ``moves`` (the container to stop for a while, or empty).
    """
    facts: dict[str, Any] = {}
    if asked.get("builtin"):
        facts["vips"] = _vips(demands)
        facts["endpoints"] = _side_by_side(_endpoint, demands.get("endpoints") or ())
    if asked.get("containers"):
        facts["containers"] = _containers(asked["containers"])
    checks = [validation(raw, secrets) for raw in asked.get("validations") or ()]
    facts["validations"] = _side_by_side(
        lambda check: validations.outcome(check, Podman(), retries=1), checks
    )
    if asked.get("moves"):
        facts["moves"] = _moves(demands, str(asked["moves"]))
    return facts


def judge(facts: Mapping[str, Any], demands: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The findings: pure. Those of validations have the last lines that were printed, as ``log``."""
    found = [one.as_dict() for look in (_of_containers, _of_vips, _of_moves) for one in look(facts, demands)]
    found += [one.as_dict() for one in _of_endpoints(facts)]
    return [*found, *(one for one in facts.get("validations") or () if one)]


def _side_by_side(ask: Callable[[Any], Any], things: Sequence[Any]) -> list[Any]:
    if not things:
        return []
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        return list(pool.map(ask, things))


def _containers(names: Sequence[str]) -> dict[str, str]:
    """How those of the containers are that are not as they must be."""
    known = Podman().containers()
    found = {}
    for name in names:
        fact = known.get(name)
        if fact is None:
            found[name] = "is not there"
        elif fact.state != "running":
            found[name] = f"is {fact.state}"
        elif fact.health == "unhealthy":
            found[name] = "is unhealthy"
    return found


def _of_containers(facts: Mapping[str, Any], _demands: Mapping[str, Any]) -> Iterator[Found]:
    for name, how in (facts.get("containers") or {}).items():
        fix = f"See why: podman logs {name}; the next deployment puts it right."
        yield Found("NODE-208", f"the container {name} {how}", fix)


def _vips(demands: Mapping[str, Any]) -> dict[str, Any]:
    """By network: whether the virtual address is here, and who else answers (None: cannot be asked)."""
    planned = demands.get("vips") or {}
    if not planned:
        return {}
    links, addresses = checks_network.addresses()
    found: dict[str, Any] = {}
    wanted = {}
    for network, vip in planned.items():
        own = addresses.get(demands["networks"][network]["address"])
        found[network] = {"here": vip["address"] in addresses, "answered": None}
        if own is not None and ":" not in vip["address"]:
            wanted[vip["address"]] = own["link"]
    answered = checks_network.claims(wanted, links)
    for network, vip in planned.items():
        if vip["address"] in wanted:
            found[network]["answered"] = answered.get(vip["address"], [])
    return found


def _of_vips(facts: Mapping[str, Any], demands: Mapping[str, Any]) -> Iterator[Found]:
    for network, seen in (facts.get("vips") or {}).items():
        address, answered = demands["vips"][network]["address"], seen["answered"]
        what = f"the virtual address {address} of the network {network}"
        if seen["here"] and answered:
            yield Found(
                "NODE-206",
                f"{what} is here and on {', '.join(answered)} too",
                "The load balancers do not hear each other: let VRRP (IP protocol 112) through.",
            )
        elif not seen["here"] and (answered == [] or len(demands["vips"][network]["holders"]) == 1):
            yield Found(
                "NODE-206",
                f"{what} is on no node",
                "See podman logs keepalived on the nodes that balance load.",
            )


def _endpoint(endpoint: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with an endpoint as its clients see it; an empty problem for nothing."""
    problem = ""
    for attempt in range(ENDPOINT_TRIES):
        try:
            problem = _answer(endpoint)
        except (OSError, http.client.HTTPException) as error:
            problem = str(getattr(error, "strerror", "") or error) or type(error).__name__
        if not problem:
            break
        if attempt < ENDPOINT_TRIES - 1:
            time.sleep(1)
    return {"name": endpoint["name"], "at": f"{endpoint['address']}:{endpoint['port']}", "problem": problem}


def _answer(endpoint: Mapping[str, Any]) -> str:
    where = (endpoint["address"], endpoint["port"])
    if endpoint["mode"] != "http":
        with socket.create_connection(where, timeout=ENDPOINT_WAIT):
            return ""
    connection: http.client.HTTPConnection
    if endpoint["tls"]:
        # Whether something answers is asked; whose certificate it is, its clients see.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        connection = http.client.HTTPSConnection(*where, timeout=ENDPOINT_WAIT, context=context)
    else:
        connection = http.client.HTTPConnection(*where, timeout=ENDPOINT_WAIT)
    try:
        connection.request("GET", endpoint["path"] or "/")
        status = connection.getresponse().status
    finally:
        connection.close()
    return f"it answers with status {status}" if status >= 500 else ""


def _of_endpoints(facts: Mapping[str, Any]) -> Iterator[Found]:
    for endpoint in facts.get("endpoints") or ():
        if endpoint["problem"]:
            yield Found(
                "NODE-207",
                f"the endpoint {endpoint['name']} does not answer at {endpoint['at']}: {endpoint['problem']}",
                "Look at the load balancer (podman logs haproxy) and at the service behind it.",
            )


def _moves(demands: Mapping[str, Any], container: str) -> dict[str, Any]:
    """Stop the holder here for a while: by network seconds until another node has it, None for never."""
    before = _vips(demands)
    here = [network for network, seen in before.items() if seen["here"]]
    if not here or any(len(demands["vips"][network]["holders"]) < 2 for network in here):
        return dict.fromkeys(here, "alone")
    begin = time.monotonic()
    taken: dict[str, Any] = dict.fromkeys(here)
    try:
        commands.run(["podman", "stop", container], timeout=60)
        while time.monotonic() - begin < MOVE_WAIT and None in taken.values():
            for network, seen in _vips(demands).items():
                if network in taken and taken[network] is None and not seen["here"] and seen["answered"]:
                    taken[network] = round(time.monotonic() - begin, 1)
    finally:
        commands.run(["podman", "start", container], timeout=60)
    return taken


def _of_moves(facts: Mapping[str, Any], demands: Mapping[str, Any]) -> Iterator[Found]:
    for network, taken in (facts.get("moves") or {}).items():
        address = demands["vips"][network]["address"]
        if taken == "alone":
            fix = "Give the role that balances load a second node."
            yield Found(
                "NODE-209", f"{address} of the network {network} has no other node to go to", fix, "warning"
            )
        elif taken is None:
            yield Found(
                "NODE-209",
                f"{address} of the network {network} was on no other node after {MOVE_WAIT:g} s",
                "See podman logs keepalived on the other nodes that balance load.",
            )
        else:
            message = f"{address} of the network {network} was on another node after {taken} s, and came back"
            yield Found("NODE-210", message, "")


def asked_of(document: Mapping[str, Any], host: str, task: Mapping[str, Any]) -> dict[str, Any]:
    """What a task asks of a host, out of its desired state: pure.

    ``task``: ``groups`` and ``names`` (all when empty), ``final`` (the end of a deployment, whose steps have
    run the validations already).
    """
    groups, names = set(task.get("groups") or ()), set(task.get("names") or ())
    if task.get("final"):
        return {"builtin": True}
    usual = not groups or POST in groups
    steps = (((document.get("hosts") or {}).get(host) or {}).get("steps") or {}).values()
    entries = [raw for step in steps for raw in step.get("validations") or ()]
    chosen = [raw for raw in entries if (raw.get("group") in groups if raw.get("group") else usual)]
    if names:
        chosen = [raw for raw in entries if {raw["name"], raw.get("code") or "NODE-015"} & names]
    containers = {name: entry for step in steps for name, entry in (step.get("containers") or {}).items()}
    holder = [n for n, entry in containers.items() if (entry.get("origin") or {}).get("service") == HOLDER]
    services = sorted(name for name, entry in containers.items() if entry.get("kind") != "once")
    return {
        "builtin": bool(names & BUILTIN) if names else usual,
        "containers": services if (("NODE-208" in names) if names else usual) else [],
        "validations": chosen,
        "moves": holder[0] if holder and (MOVES in groups or "NODE-209" in names) else "",
    }


POST = "post-deployment"
MOVES = "vip-moves"
HOLDER = "keepalived"
BUILTIN = frozenset({"NODE-206", "NODE-207"})


def plain(asked: Mapping[str, Any]) -> str:
    """For the module's parameter: one text, so that Ansible hides it as a whole."""
    return json.dumps(dict(asked))
