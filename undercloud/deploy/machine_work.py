"""The stages of work with machines: what cannot be done with one of them is told, the others go on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from undercloud.baremetal import configuration, instackenv, preparing
from undercloud.baremetal.deploying import give_back
from undercloud.baremetal.enrolment import enrol, manage
from undercloud.baremetal.fleet import Control, Journey, Pace, travel
from undercloud.baremetal.instackenv import Entry
from undercloud.baremetal.ironic import Ironic, Machine
from undercloud.db import events
from undercloud.deploy import machine_records, ramdisk_addresses
from undercloud.deploy.engine import EventKind, Failure, ResultStatus
from undercloud.deploy.machines import MachinesRequest, MachineWork
from undercloud.deploy.masking import Masker
from undercloud.deploy.work import CancelledError, Stage, Turns, Work
from undercloud.diagnostics import Finding, Severity, UndercloudError, internal
from undercloud.plan.secrets import SECRET_WORDS
from undercloud.topology.facts import Facts, root_disk

_IDLE = frozenset({"manageable", "inspect failed", "clean failed"})
_MANAGEABLE = _IDLE | {"inspecting", "inspect wait", "cleaning", "clean wait"}
_BEGINNINGS = frozenset({"enroll", "verifying"})
_IN_USE = frozenset({"active", "deploying", "wait call-back", "deploy failed", "deleting", "error", "rescue"})
_FAILED = frozenset({"deploy failed", "error"})
_BEGUN = "begun"
_FROM_AVAILABLE = frozenset({MachineWork.INTROSPECT, MachineWork.CLEAN, MachineWork.BIOS, MachineWork.RAID})


def control_of(work: Work, pace: Pace) -> Control:
    """How machines are worked on for a deployment: its record hears of every change."""

    def tell(machine: str, message: str, status: str) -> None:
        if status in {_BEGUN, "running"}:
            work.recorder.emit(EventKind.TASK, f"{machine}: {message}", host=machine, status=status)
            if status == _BEGUN:
                work.recorder.flush()  # who goes on after us has to know
            return
        result = ResultStatus.OK if status == "ok" else ResultStatus.FAILED
        work.recorder.count(machine, result)
        data = {"task": message if status == "ok" else work.recorder.stage}
        work.recorder.emit(EventKind.RESULT, message, host=machine, status=result, data=data)

    return Control(work.borders.ironic(), tell, pace, lambda: work.lease.cancelled)


def _request(work: Work) -> MachinesRequest:
    if not isinstance(work.request, MachinesRequest):
        raise internal(f"{work.operation} is no work with machines")
    return work.request


def _control(work: Work) -> Control:
    request = _request(work)
    limit = request.concurrency or work.settings.baremetal.concurrency
    return control_of(work, Pace(limit, request.timeout))


def _entries(work: Work) -> list[Entry]:
    file = _request(work).file
    if file is None:
        return []
    entries = instackenv.read(file.text, file.path)
    secrets = (
        str(value)
        for entry in entries
        for key, value in entry.values["driver_info"].items()
        if any(word in key for word in SECRET_WORDS)
    )
    work.recorder.masker = Masker(secrets)
    return entries


def _chosen(work: Work, ironic: Ironic) -> list[Machine]:
    """The machines that are meant and have not failed."""
    request, known = _request(work), ironic.machines()
    names: Iterable[str] = request.machines
    if request.file is not None:
        registered = {one.name for one in known}
        names = [entry.name for entry in _entries(work) if entry.name in registered]
    elif not request.machines:
        names = [one.uuid for one in known if one.provision_state in _MANAGEABLE]
    failed = {failure.host for failure in work.partial}
    return [one for one in machine_records.named(known, names) if one.title not in failed]


def _enrol(work: Work, turns: Turns) -> None:
    _ = turns
    control = _control(work)
    entries = _entries(work)
    enrolled = enrol(control, entries)
    _record(work, enrolled.findings)
    machine_records.keep(work.database, control.ironic)
    ramdisk_addresses.on_media(work.database, work.settings, control.ironic, enrolled.machines)
    for title, finding in ramdisk_addresses.unanswered(work.settings, enrolled.machines):
        work.recorder.finding(finding, host=title)
    if work.lease.cancelled:
        raise CancelledError


def _manage(work: Work, turns: Turns) -> None:
    """Up to manageable: from enrolment, and back from available where the work wants it."""
    _ = turns
    control, request = _control(work), _request(work)
    back = bool(_FROM_AVAILABLE & set(request.work)) and request.file is None
    machines = _chosen(work, control.ironic)
    with work.database.read() as session:
        nodes = machine_records.nodes(session)
    # What failed under a node that has got another machine since then is nobody's any more.
    stranded = [one for one in machines if one.provision_state in _FAILED and one.uuid not in nodes]
    if request.machines and stranded:
        _go(work, control, stranded, give_back(control.ironic))
        machines = _chosen(work, control.ironic)
    busy = [one for one in machines if one.provision_state in _IN_USE and (back or request.machines)]
    _record(work, ((one.title, _in_use(one)) for one in busy))
    begin = {*_BEGINNINGS, "clean failed", "inspect failed"} | ({"available"} if back else set())
    _go(work, control, [one for one in machines if one.provision_state in begin], manage(control.ironic))
    machine_records.keep(work.database, control.ironic)
    ramdisk_addresses.by_dhcp(work.database, work.settings, control.ironic)


def _in_use(machine: Machine) -> Finding:
    text = f"{machine.title} is {machine.provision_state}: it is somebody's node, and stays as it is"
    return Finding("BM-108", text, "Take it off its stack first: openstack overcloud node delete HOST")


def _configure(work: Work, turns: Turns) -> None:
    _ = turns
    control, wanted = _control(work), _request(work).configuration
    with work.database.read() as session:
        made_of = machine_records.facts(session)
    failed: list[tuple[str, Finding]] = []
    boot = {"boot_mode": wanted.boot_mode} if wanted.boot_mode else {}
    for one in _chosen(work, control.ironic):
        try:
            patch = configuration.capabilities(one, {**boot, **wanted.capabilities})
            patch += configuration.ramdisk(one, wanted.deploy_kernel, wanted.deploy_ramdisk)
            patch += configuration.root_device(
                one,
                made_of.get(one.uuid),
                wanted.root_device,
                least=wanted.least_root,
                overwrite=wanted.overwrite,
            )
            control.ironic.update(one.title, patch)
            control.tell(one.title, "configured" if patch else "as it was", "ok")
        except UndercloudError as error:
            failed += [(one.title, finding) for finding in error.findings]
    _record(work, failed)
    machine_records.keep(work.database, control.ironic)


def _introspect(work: Work, turns: Turns) -> None:
    _ = turns
    control, request = _control(work), _request(work)
    done = _go_once(work, control, preparing.inspect(control.ironic, request.retries))
    machine_records.keep(work.database, control.ironic, done)
    with work.database.read() as session:
        made_of = machine_records.facts(session)
    titles = {one.uuid: one.title for one in control.ironic.machines()}
    for one in done:
        facts = made_of.get(one.uuid)
        if facts and facts.disks and root_disk(facts, one.root_device) is None:
            work.recorder.finding(_no_root(one, facts), host=one.title)
    owners: dict[str, str] = {}
    for uuid, facts in made_of.items():
        for mac in {nic.mac for nic in facts.nics if nic.mac}:
            if owners.setdefault(mac, uuid) != uuid:
                work.recorder.finding(_twice(mac, titles.get(owners[mac], ""), titles.get(uuid, "")))


def _no_root(machine: Machine, facts: Facts) -> Finding:
    disks = ", ".join(map(str, facts.disks))
    text = f"the root device hint of {machine.title} means none of its disks: {disks}"
    fix = "Correct root_device in the file of machines and import it again."
    return Finding("BM-123", text, fix, Severity.WARNING)


def _twice(mac: str, first: str, second: str) -> Finding:
    text = f"{first} and {second} both have a network card {mac}"
    fix = "They are one machine behind two BMCs, or a card was cloned: only one of them can be deployed."
    return Finding("BM-124", text, fix, Severity.WARNING)


def _clean(work: Work, turns: Turns) -> None:
    _ = turns
    control = _control(work)
    _go_once(work, control, preparing.clean(control.ironic, preparing.ERASE_METADATA))


def _bios(work: Work, turns: Turns) -> None:
    _ = turns
    control, wanted = _control(work), _request(work).bios
    steps = preparing.BIOS_RESET if wanted is None else preparing.bios_steps(wanted)
    _go_once(work, control, preparing.clean(control.ironic, steps, "set the BIOS"))


def _raid(work: Work, turns: Turns) -> None:
    _ = turns
    control = _control(work)
    wanted = _request(work).raid
    _go_once(work, control, preparing.clean(control.ironic, preparing.RAID_STEPS, "make the RAID", wanted))


def _provide(work: Work, turns: Turns) -> None:
    _ = turns
    control = _control(work)
    _go_once(work, control, preparing.provide(control.ironic))


def _power(work: Work, turns: Turns) -> None:
    _ = turns
    control, request = _control(work), _request(work)
    journey = preparing.power(control.ironic, request.power, soft=request.soft)
    _go_once(work, control, journey, whatever_state=True)


def _go_once(
    work: Work, control: Control, journey: Journey, *, whatever_state: bool = False
) -> list[Machine]:
    """Send the machines on their way that are free for it or on it already, each once in this work.

    Those that an earlier attempt at the stage sent, and that have arrived since then, are not sent again.
    """
    chosen = _chosen(work, control.ironic)
    told = _last_words(work)
    there = [
        one
        for one in chosen
        if told.get(one.title) == ResultStatus.OK or (told.get(one.title) == _BEGUN and journey.there(one))
    ]
    passed = {one.uuid for one in there}
    free = [
        one
        for one in chosen
        if whatever_state
        or one.provision_state in _IDLE
        or (journey.has_begun(one) and one.provision_state != journey.goal)
    ]
    return there + _go(work, control, [one for one in free if one.uuid not in passed], journey)


def _last_words(work: Work) -> dict[str, str]:
    """Machine → how far it came in this stage: begun, or the last result."""
    with work.database.read() as session:
        return {
            event.host: event.status
            for event in events.of_stage(session, work.deployment, work.recorder.stage)
            if event.host and (event.kind == EventKind.RESULT or event.status == _BEGUN)
        }


def _go(work: Work, control: Control, machines: Sequence[Machine], journey: Journey) -> list[Machine]:
    """Send them on their way; those that arrived, as they are then."""
    outcomes = travel(control, machines, journey)
    _record(work, [(one.machine.title, one.finding) for one in outcomes if one.finding])
    if work.lease.cancelled:
        raise CancelledError
    arrived = [one.machine.uuid for one in outcomes if not one.finding]
    return machine_records.named(control.ironic.machines(), arrived)


def _record(work: Work, failed: Iterable[tuple[str, Finding]]) -> None:
    """Tell what failed with single machines; at the end the whole work counts as failed."""
    for machine, finding in failed:
        work.fail_partly(Failure(work.deployment, work.recorder.stage, -1, machine, "", "", finding))


def _stage(part: MachineWork, action: Callable[[Work, Turns], None]) -> Stage:
    return Stage((str(part),), action, lambda work: part in _request(work).work)


PREPARE = (
    _stage(MachineWork.ENROL, _enrol),
    _stage(MachineWork.MANAGE, _manage),
    _stage(MachineWork.CONFIGURE, _configure),
    _stage(MachineWork.INTROSPECT, _introspect),
    _stage(MachineWork.CLEAN, _clean),
    _stage(MachineWork.BIOS, _bios),
    _stage(MachineWork.RAID, _raid),
    _stage(MachineWork.PROVIDE, _provide),
    _stage(MachineWork.POWER, _power),
)
