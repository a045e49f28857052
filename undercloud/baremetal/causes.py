"""From what Ironic says of a machine that failed to a finding that helps."""

from __future__ import annotations

from undercloud.diagnostics import Finding
from undercloud.diagnostics.causes import cause, known

RESTARTED = "BM-119"
"""It is nobody's fault: what Ironic was about when it died may be tried again at once."""
_LONGEST = 400

# The first that fits wins.
_CAUSES = (
    cause(
        "BM-112",
        r"\b401\b|unauthorized|access ?error|invalid credential|authentication (failed|error)|"
        r"(wrong|invalid|incorrect|expired) password|password (is )?(wrong|invalid|incorrect|expired)",
        "the BMC of {machine} does not take the user name or the password",
        "Correct pm_user and pm_password in the file of machines and import it again.",
    ),
    cause(
        "BM-131",
        r"\bipmi call failed",
        "the BMC of {machine} does not let Ironic in by IPMI: it is silent, or the password is wrong",
        "This says which: openstack overcloud node discover --protocol ipmi --ip ADDRESS --credentials U:P",
    ),
    cause(
        "BM-132",
        r"certificate_verify_failed|certificate verify failed|sslcertverificationerror",
        "the certificate of the BMC of {machine} is not trusted",
        "Let redfish_verify_ca name the file of its authority, or be false, and import the machine again.",
    ),
    cause(
        "BM-113",
        r"unable to connect|connection (refused|error|reset)|no route to host|timed out.*(redfish|connect)|"
        r"max retries exceeded|name or service not known|failed to connect|http \d+ .*(redfish)",
        "the BMC of {machine} does not answer",
        "See that pm_addr is right, that the BMC has power and that the undercloud reaches its network.",
    ),
    cause(
        "BM-114",
        r"failed to (change|set) .*power|power state.*(timed? ?out|timeout)|wait_for_power|PowerStateFailure|"
        r"did not (reach|change).*power",
        "the power of {machine} does not change",
        "Look at the machine and at its BMC; then give the command again.",
    ),
    cause(
        "BM-115",
        r"timeout reached while waiting for callback|timed out waiting for|inspection timeout|callback time",
        "the ramdisk of {machine} does not call back",
        "See that it has power, and look at its console: virtual media, boot order, the address of "
        "the ramdisk. Then give the command again.",
    ),
    cause(
        "BM-116",
        r"root device hints|no suitable device|unable to find.*disk|no disk",
        "{machine} has no disk that its root device hint means",
        "See its disks with 'openstack overcloud node show NODE' and correct root_device.",
    ),
    cause(
        "BM-117",
        r"checksum|does not match the expected|image verification",
        "the image that {machine} got is not the one that was meant",
        "Build or upload the image again: openstack overcloud image build",
    ),
    cause(
        "BM-118",
        r"too small|not enough space|no space left on device|exceeds|larger than",
        "the disk of {machine} is too small for the image",
        "Give it another root_device, or choose a machine with a larger disk.",
    ),
    cause(
        RESTARTED,
        r"can't be resumed by conductor|conductor (restart|was restarted)|aborted.*(restart|take ?over)",
        "Ironic was started anew while it worked on {machine}",
        "Give the command again.",
    ),
)


def explain(machine: str, what: str, said: str) -> Finding:
    """Why a machine could not go its way; BM-110 where the cause is not known."""
    short = " ".join(said.split())
    short = short if len(short) <= _LONGEST else short[:_LONGEST] + "…"
    found = known(_CAUSES, said)
    if found:
        return Finding(found.code, f"{found.message.format(machine=machine)} ({what}: {short})", found.fix)
    fix = "Mend what it says, then give the command again; its state is kept."
    return Finding("BM-110", f"{machine} could not {what}: {short}", fix)
