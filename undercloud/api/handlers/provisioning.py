"""Nodes of stacks: machines that become them, are given back, and the addresses that they have."""

from __future__ import annotations

from undercloud.api.calls import Answer, Call, Handler, page, started
from undercloud.api.handlers.deployments import deploy_request
from undercloud.deploy import wire
from undercloud.deploy.machines import UnprovisionRequest


def nodes(call: Call) -> Answer:
    """A page of a stack's nodes that have a machine."""
    found = call.service.engine.provisioned(call["stack"])
    return Answer({"nodes": wire.to_plain(page(found, lambda node: node.host, call))})


def provision(call: Call) -> Answer:
    """Begin to turn machines into nodes."""
    return started(call.service.engine.provision(deploy_request(call, call["stack"])))


def unprovision(call: Call) -> Answer:
    """Begin to give machines back."""
    request = wire.from_plain(UnprovisionRequest, {**call.body, "stack": call["stack"]})
    return started(call.service.engine.unprovision(request))


def addresses(call: Call) -> Answer:
    """The addresses that a plan has."""
    return Answer({"addresses": wire.to_plain(call.service.engine.addresses(call["stack"]))})


def allocate(call: Call) -> Answer:
    """Begin to give a plan its addresses."""
    return started(call.service.engine.allocate(deploy_request(call, call["stack"])))


OPERATIONS: dict[str, Handler] = {
    "listStackNodes": nodes,
    "provisionNodes": provision,
    "unprovisionNodes": unprovision,
    "getAddresses": addresses,
    "allocateAddresses": allocate,
}
