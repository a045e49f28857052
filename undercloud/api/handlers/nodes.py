"""Machines: looked at, made known, worked on, forgotten. No answer holds a password of a BMC."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from undercloud.api.calls import Answer, Call, Handler, page, started
from undercloud.baremetal import instackenv
from undercloud.baremetal.discovery.places import expanded
from undercloud.deploy import logins, profiles, wire
from undercloud.deploy.machines import (
    AT_ONCE,
    DiscoverRequest,
    MachineFilter,
    MachineInfo,
    MachinesRequest,
    MachineWork,
)
from undercloud.diagnostics import UndercloudError


def listing(call: Call) -> Answer:
    """A page of the machines by name."""
    found = MachineFilter(call["state"], call["profile"], call["stack"]).of(_paged(call))
    return Answer({"nodes": wire.to_plain(page(found, lambda one: one.title, call))})


def _paged(call: Call) -> list[MachineInfo]:
    """All machines by title: Ironic can neither sort nor go on by that, since some have no name."""
    found = call.service.machines.of(call.service.engine.machines, anew=not call["marker"])
    return sorted(found, key=lambda one: one.title)


def show(call: Call) -> Answer:
    """One machine."""
    return Answer(wire.to_plain(call.service.engine.machine(call["node"])))


def enrol(call: Call) -> Answer:
    """Begin to make machines known; a file with mistakes begins nothing."""
    file = call.body["file"]
    instackenv.read(file["text"], file["path"])
    return _begun(call, [MachineWork.ENROL, *call.body.get("work", [MachineWork.MANAGE])])


def discover(call: Call) -> Answer:
    """Look for BMCs. Instead of a login it is said which of the caller's fits."""
    asked = wire.from_plain(DiscoverRequest, call.body)
    places = expanded(asked.addresses)
    if len(places) > AT_ONCE:
        raise UndercloudError.of(
            "API-001",
            f"addresses: these are {len(places)}, and {AT_ONCE} are looked at in one request",
            fix="Ask for them one part after the other.",
        )
    found = call.service.engine.discover_machines(replace(asked, addresses=tuple(places)))
    return Answer(logins.without(found, asked.credentials))


def work(call: Call) -> Answer:
    """Begin work with machines."""
    return _begun(call, call.body["work"])


def _begun(call: Call, parts: list[str]) -> Answer:
    asked = {**call.body, "work": parts, "machines": call.body.get("nodes", [])}
    return started(call.service.engine.prepare_machines(wire.from_plain(MachinesRequest, asked)))


def set_maintenance(call: Call) -> Answer:
    """Put machines in, or take them out."""
    body = call.body
    call.service.engine.set_maintenance(tuple(body["nodes"]), body["on"], body.get("reason", ""))
    return Answer(status=HTTPStatus.NO_CONTENT)


def unregister(call: Call) -> Answer:
    """Forget machines."""
    call.service.engine.forget_machines(tuple(call.body["nodes"]))
    return Answer(status=HTTPStatus.NO_CONTENT)


def delete(call: Call) -> Answer:
    """Forget one."""
    call.service.engine.forget_machines((call["node"],))
    return Answer(status=HTTPStatus.NO_CONTENT)


def list_profiles(call: Call) -> Answer:
    """What each machine is meant for."""
    shown = page([profiles.profile_of(one) for one in _paged(call)], lambda one: one.title, call)
    return Answer({"profiles": wire.to_plain(shown)})


def match_profiles(call: Call) -> Answer:
    """Who would get which profile."""
    known = [profiles.profile_of(one) for one in call.service.engine.machines()]
    return Answer(wire.to_plain(profiles.match(known, call.body["scale"])))


def disk_images(call: Call) -> Answer:
    """What machines are handed."""
    return Answer({"images": wire.to_plain(call.service.engine.disk_images())})


OPERATIONS: dict[str, Handler] = {
    "listNodes": listing,
    "getNode": show,
    "enrolNodes": enrol,
    "discoverNodes": discover,
    "createNodeWork": work,
    "setMaintenance": set_maintenance,
    "unregisterNodes": unregister,
    "deleteNode": delete,
    "listProfiles": list_profiles,
    "matchProfiles": match_profiles,
    "listDiskImages": disk_images,
}
