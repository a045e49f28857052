"""The stage that turns machines into the nodes of a plan: placed, installed, answering SSH.

It may be repeated at any point: what is so already is left alone. A machine that fails stays as it is, for a
look; its node gets another one if a spare fits. Nothing is ever taken back because of an error.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from undercloud.baremetal import network_data
from undercloud.baremetal.config_drive import config_drive
from undercloud.baremetal.deploying import Image, Order, deploy
from undercloud.baremetal.fleet import Control, Pace, gone, travel
from undercloud.baremetal.ironic import provisioning_port
from undercloud.baremetal.service.settings import files_directory
from undercloud.db import host_keys as pins
from undercloud.db import machines as records
from undercloud.deploy import machine_records, node_images, own_key, placing
from undercloud.deploy.compiling import Node, Wanted
from undercloud.deploy.engine import EventKind, Failure, ResultStatus
from undercloud.deploy.failures import NodesError
from undercloud.deploy.machine_work import control_of
from undercloud.deploy.placing import Assigned
from undercloud.deploy.requests import DeployRequest
from undercloud.deploy.skipping import leave_out_by_limit
from undercloud.deploy.ssh import SSH_PORT
from undercloud.deploy.work import CancelledError, Turns, Work
from undercloud.diagnostics import Finding, Severity, UndercloudError

_LOG = logging.getLogger(__name__)
STAGE = "provision"
_WORKERS = 32
_PAUSE = 2.0


def needed(work: Work) -> bool:
    """Whether any node is a machine's; those that are there already need no Ironic."""
    return bool(work.result().machines)


def provision(work: Work, turns: Turns) -> None:
    """Provision the nodes that are not; NodesError names those that failed beyond their role's tolerance."""
    _ = turns
    leave_out_by_limit(work)
    area = work.settings.baremetal
    asked = work.request.concurrency if isinstance(work.request, DeployRequest) else 0
    control = control_of(work, Pace(asked or area.concurrency, area.deploy_timeout))
    run = _Provisioning(
        work, control, [one for one in work.result().machines if one.host not in work.skipped]
    )
    try:
        run.install()
        run.enter()
    finally:
        _keep(work, control)
    run.judge()


def _keep(work: Work, control: Control) -> None:
    """Write down what Ironic has now, while the stack is ours; a failure hides nothing that came before.

    The next work with machines writes it down anew.
    """
    try:
        with work.database.write() as session:
            work.lease.assert_held(session)
        machine_records.keep(work.database, control.ironic)
    except UndercloudError as error:
        _LOG.warning("the machines' records stay as they were: %s", error)


def foresee(work: Work, turns: Turns) -> None:
    """Say which machines would become nodes, as a dry run does; raises what would stop the deployment."""
    _ = turns
    leave_out_by_limit(work)
    wanted = [one for one in work.result().machines if one.host not in work.skipped]
    ironic = work.borders.ironic()
    have = placing.assigned(work, ironic, wanted)
    placed = placing.choose(work, [one for one in wanted if one.host not in have], ironic.machines())
    for one in placed.chosen:
        action = {"kind": "machine", "name": one.machine.name, "action": "install", "reason": one.why}
        work.recorder.emit(
            EventKind.RESULT,
            "",
            host=one.node,
            step=0,
            status=ResultStatus.SKIPPED,
            data={"task": STAGE, "actions": [action]},
        )
    if placed.findings:
        raise UndercloudError(*placed.findings)


class _Provisioning:
    def __init__(self, work: Work, control: Control, wanted: Sequence[Wanted]) -> None:
        self._work = work
        self._control = control
        self._wanted = wanted
        self._failed: dict[str, Finding] = {}
        self._useless: set[str] = set()

    def install(self) -> None:
        """Give every node a machine that runs; a machine that fails is replaced once a spare fits."""
        left = [one.host for one in self._wanted]
        first = True
        while left:
            self._choose(left, strict=first)
            first = False
            ready = self._assigned()
            todo = [ready[host] for host in left if host in ready and not ready[host].runs]
            left = self._deploy(todo)

    def _assigned(self) -> dict[str, Assigned]:
        found = placing.assigned(self._work, self._control.ironic, self._wanted)
        return {host: one for host, one in found.items() if one.machine.uuid not in self._useless}

    def _choose(self, hosts: Sequence[str], *, strict: bool) -> None:
        """Find machines for those that have none; at first all must have one, before anything is done."""
        have = self._assigned()
        lacking = [one for one in self._wanted if one.host in hosts and one.host not in have]
        if not lacking:
            return
        # A machine that failed under one node is not tried under another; a pinned one has no other.
        known = self._control.ironic.machines()
        placed = placing.choose(self._work, lacking, known, self._useless)
        if strict and placed.findings:
            raise UndercloudError(*placed.findings)
        for one in placed.chosen:
            self._failed.pop(one.node, None)
            text = f"{one.node} becomes the machine {one.machine.name}: {one.why}"
            self._work.recorder.emit(EventKind.TASK, text, host=one.node)
        placing.keep(self._work, placed.chosen)

    def _deploy(self, todo: Sequence[Assigned]) -> list[str]:
        """Install machines; the nodes whose machine failed, to be tried with another."""
        if not todo:
            return []
        control = self._control
        settings, endpoint = self._work.settings, control.ironic.access.endpoint
        files = files_directory(settings.paths.state_dir)
        images = node_images.choose(files, endpoint, settings.baremetal.image, [one.wanted for one in todo])
        given: list[Assigned] = []
        known = {one.name: one for one in control.ironic.allocations()}
        cards = self._cards()
        for one in todo:
            if not cards.get(one.machine.uuid):
                self._lost(one, _no_port(one.machine.title))
                continue
            why = placing.allocate(control.ironic, self._work.stack, one, known)
            if why is None:
                given.append(one)
            else:
                self._lost(one, why)
        orders = {
            one.machine.uuid: self._order(one, images[one.wanted.host], cards[one.machine.uuid])
            for one in given
        }
        self._pin(given)
        by_uuid = {one.machine.uuid: one for one in given}
        journey = deploy(control.ironic, orders)
        for outcome in travel(control, [one.machine for one in given], journey):
            if outcome.finding:
                self._lost(by_uuid[outcome.machine.uuid], outcome.finding)
        if control.cancelled():
            raise CancelledError
        return [one.wanted.host for one in todo if one.wanted.host in self._failed]

    def _cards(self) -> dict[str, str]:
        """Machine's UUID → the MAC address of the card that it is provisioned over."""
        with self._work.database.read() as session:
            made_of = machine_records.facts(session)
        ports = self._control.ironic.ports()
        return {uuid: provisioning_port(cards, made_of.get(uuid)) for uuid, cards in ports.items()}

    def _lost(self, one: Assigned, why: Finding) -> None:
        self._useless.add(one.machine.uuid)
        self._failed[one.wanted.host] = why
        text = f"{one.wanted.host} on {one.machine.title}: {why.message}"
        self._work.recorder.finding(
            replace(why, message=text, severity=Severity.WARNING), host=one.wanted.host
        )

    def _order(self, one: Assigned, image: Image, mac: str) -> Order:
        wanted, state_dir = one.wanted, self._work.settings.paths.state_dir
        network = network_data.static(mac, wanted.attachments, dns=wanted.dns)
        drive = config_drive(
            wanted.host,
            wanted.domain,
            one.machine.uuid,
            network=network,
            host_key=one.key,
            user=wanted.user,
            authorized=own_key.authorized(state_dir, self._work.request.ssh, wanted.ssh_keys),
            given=wanted.config_drive,
        )
        return Order(wanted.host, image, drive, wanted.root_size, wanted.capabilities, wanted.traits)

    def _pin(self, given: Iterable[Assigned]) -> None:
        """The keys that the nodes will show are known before they do."""
        with self._work.database.write() as session:
            self._work.lease.assert_held(session)
            for one in given:
                pins.forget(session, one.wanted.address, SSH_PORT)
                pins.pin(session, one.wanted.address, SSH_PORT, [(one.key.kind, one.key.blob)])

    def enter(self) -> None:
        """Wait until every installed node shows the host key that we gave it."""
        assigned = self._assigned()
        for host in (wanted.host for wanted in self._wanted):
            if host not in assigned and host not in self._failed:
                self._failed[host] = gone(f"the machine of {host}")
        ready = [one for one in assigned.values() if one.runs and not one.deployed]
        if not ready:
            return
        with ThreadPoolExecutor(min(_WORKERS, len(ready)), thread_name_prefix=STAGE) as pool:
            found = list(pool.map(self._answers, ready))
        if self._control.cancelled():
            raise CancelledError
        with self._work.database.write() as session:
            self._work.lease.assert_held(session)
            good = {one.wanted.host for one, why in zip(ready, found, strict=True) if why is None}
            for row in records.placed(session, self._work.stack):
                if row.host in good:
                    row.status = records.DEPLOYED
        for one, why in zip(ready, found, strict=True):
            if why is not None:
                self._failed[one.wanted.host] = why
            else:
                self._control.tell(one.wanted.host, f"answers at {one.wanted.address}", "ok")

    def _answers(self, one: Assigned) -> Finding | None:
        node = Node(one.wanted.host, one.wanted.address, one.wanted.role, one.wanted.user)
        deadline = time.monotonic() + self._work.settings.baremetal.ssh_timeout
        shown: Mapping[str, str] = {}
        while time.monotonic() < deadline and not self._control.cancelled():
            shown = self._work.borders.ssh.scan(
                node, self._work.request.ssh.connect_timeout, self._control.cancelled
            )
            if shown.get(one.key.kind) == one.key.blob:
                return None
            time.sleep(_PAUSE)
        if shown:
            what = f"{node.name} ({one.machine.title}) at {node.address}"
            text = f"{what} shows another SSH host key than that of its config drive"
            fix = "Another machine has the address, or the image's cloud-init does not read config drives."
            return Finding("BM-145", text, f"{fix} {_way_out(self._work.stack, one)}")
        text = f"{node.name} ({one.machine.title}) is installed and does not answer SSH at {node.address}"
        fix = "Look at its console: did it boot from the disk, does its network card have the address?"
        return Finding("BM-144", text, f"{fix} {_way_out(self._work.stack, one)}")

    def judge(self) -> None:
        """Leave failed nodes out where their role tolerates it; else the stage fails, naming them all."""
        if not self._failed:
            return
        work = self._work
        roles: dict[str, list[Wanted]] = {}
        for one in self._wanted:
            roles.setdefault(one.role, []).append(one)
        failures = []
        for members in roles.values():
            lost = [one for one in members if one.host in self._failed]
            if lost and 100 * len(lost) <= members[0].tolerance * len(members):
                for one in lost:
                    work.recorder.finding(_left_out(one, self._failed[one.host]), host=one.host)
                continue
            failures += [
                Failure(work.deployment, STAGE, -1, one.host, "", "", self._failed[one.host]) for one in lost
            ]
        if failures:
            raise NodesError(failures)


def _no_port(machine: str) -> Finding:
    text = f"{machine} has no port: nobody knows which of its network cards the node's addresses are for"
    fix = "Add its MAC address to the file of machines (mac, ports) and import it again, or introspect it."
    return Finding("BM-135", text, fix)


def _way_out(stack: str, one: Assigned) -> str:
    return (
        f"When it is mended, go on: openstack overcloud resume {stack}. To get another machine: openstack "
        f"overcloud node maintenance set {one.machine.title}, overcloud node delete {one.wanted.host}, "
        "deploy again."
    )


def _left_out(one: Wanted, why: Finding) -> Finding:
    text = f"{one.host} is left out, as {one.role}MaxFailPercentage ({one.tolerance}) allows: {why.message}"
    return Finding("BM-146", text, "Deploy again when its machine is mended.", Severity.WARNING)
