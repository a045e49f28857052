"""What Ironic refuses, each kind an exception of its own that carries the request."""

from __future__ import annotations

from undercloud.diagnostics import Finding, UndercloudError


class IronicError(UndercloudError):
    """A request that Ironic did not carry out; ``request`` is what was asked (``inspect node-3``)."""

    code = "BM-102"
    message = "Ironic refused to {request}: {said}"
    fix = "Do what it says; its log says more."

    def __init__(self, request: str, said: str) -> None:
        self.request = request
        self.said = said
        text = self.message.format(request=request, said=said)
        super().__init__(Finding(self.code, text, self.fix))


class NotAnsweringError(IronicError):
    """Nobody answers where Ironic is to be."""

    code = "BM-100"
    message = "Ironic does not answer ({said}); it was asked to {request}"
    fix = "See that it runs; where it is, is said by [baremetal] endpoint or by the undercloud's own service."


class NotAllowedError(IronicError):
    """Ironic knows us not, or lets us not."""

    code = "BM-101"
    message = "Ironic does not let us {request}: {said}"
    fix = "Correct [baremetal] username and password."


class UnknownError(IronicError):
    """What is asked for is not there."""

    code = "BM-103"
    message = "Ironic could not {request}: {said}"
    fix = "See what there is: openstack overcloud node list"


class ConflictError(IronicError):
    """The machine is in another state, locked by other work, or something of that name is there already."""

    code = "BM-104"
    message = "Ironic could not {request} now: {said}"
    fix = "Wait until the other work is done, or see its state: openstack overcloud node show NODE"


class UnfitError(IronicError):
    """The machine's own data do not allow it."""

    code = "BM-126"
    message = "Ironic could not {request}: {said}"
    fix = "Correct the machine's entry in the file of machines, and import it again."
