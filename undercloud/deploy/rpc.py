"""The engine behind oslo.messaging: calls that change something travel, what only reads asks the database.

In one process the driver is in memory; several processes need RabbitMQ. Whoever calls needs the database,
too: status reads, by far the most, then cost no engine anything.

What is asked and what is answered holds passwords (of BMCs, of a stack that is exported, in an operator's
files), and RabbitMQ may keep it on a disk and carry it in the clear. So both are sealed with the key of the
database, which every side has.
"""

from __future__ import annotations

import hashlib
import logging
import typing
from collections.abc import Callable, Mapping
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts as messaging_opts

from undercloud.conf import Settings
from undercloud.db.database import Database
from undercloud.deploy import versions, wire
from undercloud.deploy.engine import Deployment, Explained, Exported, Validated
from undercloud.deploy.local import LocalEngine
from undercloud.deploy.machines import (
    Discovered,
    DiscoverRequest,
    MachineDetail,
    MachineInfo,
    MachinesRequest,
    ProvisionedNode,
    UnprovisionRequest,
    WholeEngine,
)
from undercloud.deploy.reading import Reading
from undercloud.deploy.requests import (
    BackupRequest,
    CheckRequest,
    DeleteRequest,
    DeployRequest,
    GivenFiles,
    PlanRef,
    RollbackRequest,
)
from undercloud.diagnostics import Finding, UndercloudError, internal
from undercloud.diskimages.built import Built
from undercloud.plan.bundle import Bundle

_LOG = logging.getLogger(__name__)
_RABBIT = "oslo_messaging_rabbit"
_TOPIC = "undercloud-engine"
_VERSION = "2.0"
_METHODS = (
    "deploy",
    "delete",
    "check",
    "backup",
    "resume",
    "rollback",
    "cancel",
    "validate_plan",
    "compare_plans",
    "explain_plan",
    "export_stack",
    "delete_plan",
    "forget_host_key",
    "prepare_machines",
    "allocate",
    "addresses",
    "provision",
    "unprovision",
    "provisioned",
    "discover_machines",
    "machines",
    "machine",
    "disk_images",
    "set_maintenance",
    "forget_machines",
)
_SLOW = frozenset(
    {
        "validate_plan",
        "compare_plans",
        "explain_plan",
        "export_stack",
        "discover_machines",
        "machines",
        "forget_machines",
    }
)


def open_transport(settings: Settings) -> Any:
    """oslo.messaging's transport; DEP-032 for a URL that names no driver."""
    # The process' own options, not a set of ours: oslo.messaging registers some of its options only there.
    conf = cfg.CONF
    conf(args=[], project="undercloud", default_config_files=[settings.file] if settings.file else [])
    _keep_through_restarts(conf)
    url = settings.messaging.transport_url or "fake://"
    try:
        return oslo_messaging.get_rpc_transport(conf, url=url)
    except (oslo_messaging.DriverLoadFailure, oslo_messaging.InvalidTransportURL) as error:
        raise UndercloudError.of(
            "DEP-032",
            "[messaging] transport_url cannot be used: it names no driver that is installed",
            fix="Write rabbit://USER:PASSWORD@HOST:5672/, or leave it out for a single process.",
        ) from error


def _keep_through_restarts(conf: cfg.ConfigOpts) -> None:
    """Queues outlive RabbitMQ: a call that comes before its engine has found the new broker waits for it."""
    for group, options in messaging_opts.list_opts():
        if str(group) == _RABBIT:
            conf.register_opts(options, group=_RABBIT)
    conf.set_default("amqp_durable_queues", True, group=_RABBIT)


def topic_of(settings: Settings) -> str:
    """Where engines listen; in memory, where a process has one exchange, by their state directory."""
    if settings.messaging.transport_url:
        return _TOPIC
    return f"{_TOPIC}.{hashlib.sha256(str(settings.paths.state_dir).encode()).hexdigest()[:12]}"


class Server:
    """Answers calls with an engine of this process."""

    def __init__(self, settings: Settings, transport: Any, engine: LocalEngine, name: str) -> None:
        target = oslo_messaging.Target(topic=topic_of(settings), server=name)
        endpoint = _Endpoint(engine)
        self._server = oslo_messaging.get_rpc_server(transport, target, [endpoint])

    def start(self) -> None:
        """Answer from now on."""
        self._server.start()

    def stop(self) -> None:
        """Answer no new calls; those that are being answered are."""
        self._server.stop()
        self._server.wait()


class _Endpoint:
    """What oslo.messaging calls: one method for all, since their types say how they travel."""

    target = oslo_messaging.Target(version=_VERSION)

    def __init__(self, engine: LocalEngine) -> None:
        self._vault = engine.vault
        self._methods = {name: getattr(engine, name) for name in _METHODS}

    def call(self, _context: Mapping[str, Any], name: str, sealed: str) -> dict[str, Any]:
        """Carry out a method with sealed arguments; its sealed result, or the findings of its error."""
        try:
            if name not in self._methods:
                raise internal(f"the engine has no method {name}")
            hints = typing.get_type_hints(getattr(WholeEngine, name))
            arguments = self._vault.open_json(sealed.encode())
            given = {key: wire.from_plain(hints[key], value) for key, value in arguments.items()}
            result = wire.to_plain(self._methods[name](**given))
            return {"sealed": self._vault.seal_json(result).decode()}
        except UndercloudError as error:
            return {"findings": wire.to_plain(error.findings)}
        except Exception as fault:  # noqa: BLE001 - a border: the caller is told, the engine lives on
            _LOG.exception("call of %s", name)
            return {"findings": wire.to_plain(internal(f"{type(fault).__name__} in the engine").findings)}


class RpcEngine(Reading):
    """Implements ``machines.WholeEngine``: with an engine over a transport, and the shared database."""

    def __init__(
        self, settings: Settings, database: Database, transport: Any, on_close: Callable[[], None]
    ) -> None:
        super().__init__(database, settings.deployment, succession=True)
        self._settings = settings
        target = oslo_messaging.Target(topic=topic_of(settings), version=_VERSION)
        self._client = oslo_messaging.get_rpc_client(transport, target)
        self._on_close = on_close

    def deploy(self, request: DeployRequest) -> Deployment:
        """Start a deployment or a dry run; refused (DEP-001) while another writes the same stack."""
        return self._deployment("deploy", request=request)

    def delete(self, request: DeleteRequest) -> Deployment:
        """Start to undo a stack on its nodes."""
        return self._deployment("delete", request=request)

    def check(self, request: CheckRequest) -> Deployment:
        """Start the checks of a deployed cloud."""
        return self._deployment("check", request=request)

    def backup(self, request: BackupRequest) -> Deployment:
        """Start to copy what a deployed cloud cannot be made again without, or to put it back."""
        return self._deployment("backup", request=request)

    def resume(self, deployment: str, limit: str = "", skip: tuple[str, ...] = ()) -> Deployment:
        """Go on with an interrupted or failed deployment at its first unfinished stage."""
        return self._deployment("resume", deployment=deployment, limit=limit, skip=skip)

    def rollback(self, request: RollbackRequest) -> Deployment:
        """Start to deploy the last good version again, or an earlier one; DEP-034 where there is none."""
        return self._deployment("rollback", request=request)

    def cancel(self, deployment: str, reason: str = "") -> None:
        """Ask a running deployment to stop."""
        self._call("cancel", deployment=deployment, reason=reason)

    def keep_plan(self, bundle: Bundle) -> int:
        """Keep a plan's files as its newest version, without deploying it; the version's number."""
        return versions.keep(self._settings, self._database, bundle)

    def validate_plan(self, stack: str, version: int = 0, given: GivenFiles | None = None) -> Validated:
        """Validate a version of a plan (0: the newest) against what is deployed; nothing is kept."""
        answer = self._call("validate_plan", stack=stack, version=version, given=given)
        return wire.from_plain(Validated, answer)

    def compare_plans(self, before: PlanRef, after: PlanRef) -> Mapping[str, Any]:
        """What differs between two plans, secrets masked; nothing is kept."""
        found: Mapping[str, Any] = self._call("compare_plans", before=before, after=after)
        return found

    def explain_plan(
        self, plan: PlanRef, name: str, *, effects: bool = True, everything: bool = False
    ) -> Explained:
        """Where a value of a kept plan comes from and what it leads to, secrets masked."""
        told = self._call("explain_plan", plan=plan, name=name, effects=effects, everything=everything)
        return wire.from_plain(Explained, told)

    def export_stack(self, stack: str) -> Exported:
        """What another plan needs of a deployed stack, passwords among it."""
        return wire.from_plain(Exported, self._call("export_stack", stack=stack))

    def delete_plan(self, stack: str) -> None:
        """Forget a plan with its versions, passwords and history; refused (DEP-006) while it is on nodes."""
        self._call("delete_plan", stack=stack)

    def forget_host_key(self, address: str, port: int = 22) -> bool:
        """Let the next contact with an address be the first one; False when it was never met."""
        return bool(self._call("forget_host_key", address=address, port=port))

    def prepare_machines(self, request: MachinesRequest) -> Deployment:
        """Start work with machines; refused (DEP-001) while other such work goes on."""
        return self._deployment("prepare_machines", request=request)

    def allocate(self, request: DeployRequest) -> Deployment:
        """Start to give a plan its addresses, and nothing more."""
        return self._deployment("allocate", request=request)

    def addresses(self, stack: str) -> Mapping[str, Mapping[str, str]]:
        """Network → owner → address, as a plan has them."""
        found: Mapping[str, Mapping[str, str]] = self._call("addresses", stack=stack)
        return found

    def provision(self, request: DeployRequest) -> Deployment:
        """Start to provision the nodes of a plan, and nothing more."""
        return self._deployment("provision", request=request)

    def unprovision(self, request: UnprovisionRequest) -> Deployment:
        """Start to give machines of a stack back."""
        return self._deployment("unprovision", request=request)

    def provisioned(self, stack: str) -> tuple[ProvisionedNode, ...]:
        """The nodes of a stack that have a machine, by name."""
        return wire.from_plain(tuple[ProvisionedNode, ...], self._call("provisioned", stack=stack))

    def discover_machines(self, request: DiscoverRequest) -> Discovered:
        """Look for BMCs, and what is behind those that let us in."""
        return wire.from_plain(Discovered, self._call("discover_machines", request=request))

    def machines(self) -> tuple[MachineInfo, ...]:
        """All machines by name."""
        return wire.from_plain(tuple[MachineInfo, ...], self._call("machines"))

    def machine(self, name: str) -> MachineDetail:
        """One machine by name or UUID."""
        return wire.from_plain(MachineDetail, self._call("machine", name=name))

    def disk_images(self) -> tuple[Built, ...]:
        """The images that machines are handed, by name."""
        return wire.from_plain(tuple[Built, ...], self._call("disk_images"))

    def set_maintenance(self, names: tuple[str, ...], on: bool, reason: str = "") -> None:
        """Put machines into maintenance, or take them out."""
        self._call("set_maintenance", names=names, on=on, reason=reason)

    def forget_machines(self, names: tuple[str, ...]) -> None:
        """Let Ironic forget machines."""
        self._call("forget_machines", names=names)

    def close(self) -> None:
        """Free what is held; deployments go on where their engine is another process."""
        self._on_close()

    def _deployment(self, method: str, **arguments: Any) -> Deployment:
        return wire.from_plain(Deployment, self._call(method, **arguments))

    def _call(self, method: str, **arguments: Any) -> Any:
        slow = method in _SLOW
        seconds = self._settings.messaging.validation_timeout if slow else self._settings.messaging.timeout
        sealed = self.vault.seal_json(wire.to_plain(arguments)).decode()
        try:
            answer = self._client.prepare(timeout=seconds).call({}, "call", name=method, sealed=sealed)
        except (oslo_messaging.MessagingTimeout, oslo_messaging.MessageDeliveryFailure) as error:
            raise UndercloudError.of(
                "DEP-031",
                f"no engine answered within {seconds} seconds",
                fix="See that an engine and RabbitMQ run. The call may still have come through: look at "
                "`openstack overcloud status` before you repeat it.",
            ) from error
        if "findings" in answer:
            raise UndercloudError(*wire.from_plain(tuple[Finding, ...], answer["findings"]))
        return self.vault.open_json(answer["sealed"].encode())
