"""The stages of a deployment, from the operator's files to a cloud one can log in to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from undercloud.conf import installed
from undercloud.db import locks, plans, states
from undercloud.db.models import Deployment, PlanVersion
from undercloud.deploy import compiled, credentials, failures, gate, leaving, own_key, skipping
from undercloud.deploy.compiling import STEPS, Compiled, Node
from undercloud.deploy.engine import Failure
from undercloud.deploy.events import FINAL_CHECKS, FINISH, NODE_CHECKS, Translator
from undercloud.deploy.masking import Masker
from undercloud.deploy.preflight import Preflight
from undercloud.deploy.recorder import step_stages
from undercloud.deploy.requests import DeployRequest
from undercloud.deploy.runner import Ending, Run
from undercloud.deploy.work import CancelledError, Turns, Work, deploy_request
from undercloud.deploy.workspace import LeftError, write_tree
from undercloud.diagnostics import internal

PLAYBOOK = "deploy_steps_playbook.yaml"
ADDRESSES = "all addresses"
"""The name of the lock under which stacks take addresses one after the other; no stack can be called so."""
STEP_STAGES = (NODE_CHECKS, *step_stages(STEPS), FINISH, FINAL_CHECKS)


def read_plan(work: Work, turns: Turns) -> None:
    """Read the operator's files and keep them as the plan's newest version, or take up one that is kept."""
    _ = turns
    loaded = work.loaded = gate.read_request(work)
    number = deploy_request(work).version
    with work.database.write() as session:
        work.lease.assert_held(session)
        if not number:
            plan = plans.ensure(session, work.stack)
            number = plans.add_version(session, work.database.vault, plan, loaded.files, loaded.source).number
        _deployment(work, session).version = number


def validate_plan(work: Work, turns: Turns) -> None:
    """The gate, over the version that the stage before kept."""
    _reload(work)
    gate.validate_plan(work, turns)


def compile_plan(work: Work, turns: Turns) -> None:
    """Keep what was compiled, the new state before all, ere anything else is done with it."""
    _ = turns
    _reload(work)
    made, before = work.compiled or gate.compile_anew(work), None
    while not _keep(work, made, before):
        made, before = gate.compile_anew(work), made
    work.compiled = made


def _keep(work: Work, made: Compiled, before: Compiled | None) -> bool:
    """Keep a compilation; False where another stack has got one of its addresses since it was made.

    Where that one changed nothing about them (``before``), the compiler means them to be shared.
    """
    vault, addresses = work.database.vault, made.state.get("addresses")
    with work.database.write() as session:
        work.lease.assert_held(session)
        locks.alone(session, ADDRESSES)
        taken = gate.clash(made, gate.reserved(session, vault, work.stack))
        if taken and (before is None or before.state.get("addresses") != addresses):
            return False
        plan = plans.ensure(session, work.stack)
        state = states.current(session, plan.id)
        kept = states.commit(session, vault, plan.id, made.state, state.number if state else 0)
        left = leaving.of(session, work.stack, made)
        work.compilation = compiled.keep(session, vault, _version(work, session), kept, made, left=left)
        _deployment(work, session).compilation_id = work.compilation
    return True


def _reload(work: Work) -> None:
    """What an earlier engine read, out of what was kept of it."""
    if work.loaded is None:
        vault = work.database.vault
        with work.database.read() as session:
            version = _version(work, session)
            files = plans.version_files(session, vault, version.id)
            source = vault.open_json(version.sealed_source)
        work.loaded = work.borders.compiler().reload(files, source)


def check_nodes(work: Work, turns: Turns) -> None:
    """See that every node lets us in, is who it was, and has what is needed."""
    _ = turns
    skipping.leave_out(work)
    work.report_failures(look_at_nodes(work))


def look_at_nodes(work: Work) -> list[Failure]:
    """What is wrong with the nodes; host keys of new ones are pinned."""
    preflight = preflight_of(work)
    nodes = work.nodes()
    silent = preflight.trust(nodes, pin=not work.short_lived)
    names = {failure.host for failure in silent}
    found = silent + preflight.look([node for node in nodes if node.name not in names])
    if work.lease.cancelled:
        raise CancelledError
    return found


def write_directory(work: Work, turns: Turns) -> None:
    """Write the playbook directory."""
    _ = turns
    write_tree(work.directory, work.result().files)
    if not work.short_lived:
        with work.database.write() as session:
            work.lease.assert_held(session)
            _deployment(work, session).directory = str(work.directory)


def run_steps(work: Work, turns: Turns) -> None:
    """Run the steps that are not done yet, all in one ansible-playbook, because its start takes time."""
    started_anew = len(turns.names) == len(STEP_STAGES)
    if not work.skipped:
        skipping.leave_out(work)  # the look at the nodes was an earlier attempt's, or was left out
    run = run_of(work, PLAYBOOK, "steps" if len(turns.action) > 1 else turns.action[0])
    run = replace(run, limit=skipping.pattern(work), tags=() if started_anew else tags_of(turns))
    run_playbook(work, turns, run)


def tags_of(turns: Turns) -> tuple[str, ...]:
    """The tags of the plays that are left: ``step3`` … and ``finish``."""
    return tuple(name.replace("-", "") for name in turns.names)


def write_credentials(work: Work, turns: Turns) -> None:
    """Write clouds.yaml and the rc file beside the playbook directory."""
    _ = turns
    access = work.result().access
    if access.auth_url:
        credentials.write(work.stack_dir, credentials.of(work.stack, access))


def playbook_of_ours(name: str) -> str:
    """The path of a playbook of our collection."""
    return str(installed.data_directory() / "ansible/ansible_collections/undercloud/deploy/playbooks" / name)


def run_of(work: Work, playbook: str, purpose: str, directory: Path | None = None) -> Run:
    """A run of one of the directory's playbooks, with the secrets in place; see Run for its purpose.

    Another ``directory`` than the stack's own is written like that where it is not there.
    """
    result = work.result()
    directory = directory or work.directory
    if not directory.exists():
        write_tree(directory, result.files)
    if not work.workspace.known_hosts.exists():
        # The look at the nodes was an earlier engine's; who does not answer now is told by Ansible.
        preflight_of(work).trust(work.nodes(), pin=not work.short_lived)
    work.workspace.write_secrets(result.secrets)
    work.recorder.masker = Masker(result.sensitive)
    access = work.access
    variables: dict[str, Any] = {
        "undercloud_secrets_file": str(work.workspace.secrets_file),
        "undercloud_fence": work.lease.fence,
    }
    if isinstance(work.request, DeployRequest):
        variables["undercloud_gate"] = {
            "force": list(work.request.force),
            "errors_pass": work.request.errors_pass,
            "warnings_stop": work.request.warnings_stop,
        }
    if access.user:
        variables["ansible_user"] = access.user
    return Run(
        purpose=purpose,
        directory=directory,
        playbook=playbook,
        artifacts=work.settings.paths.artifacts(work.stack),
        ident=work.deployment,
        mark=work.mark,
        workspace=work.workspace,
        access=access,
        collections=installed.data_directory() / "ansible",
        variables=variables,
        mask=work.recorder.masker.text,
        timeout=work.request.timeout,
        verbosity=work.request.verbosity,
    )


def run_playbook(work: Work, turns: Turns, run: Run, nodes: Sequence[Node] = ()) -> None:
    """Run it, recording what happens; raises NodesError with what failed.

    ``nodes`` are those that it runs on, where they are not the plan's.
    """
    addresses = {node.name: node.address for node in nodes or work.result().nodes}
    operator = work.request.operator if isinstance(work.request, DeployRequest) else ""
    translator = Translator(work.recorder, turns.to, addresses, operator or "?")

    key = work.run_key(run.purpose)
    run = replace(run, seen=work.seen(key))

    def take(event: Mapping[str, Any]) -> None:
        number = int(event.get("counter", 0))
        if number and number <= run.seen:
            translator.remember(event)
            return
        with work.recorder.together(key, number):
            translator.take(event)

    def cancelled() -> bool:
        work.recorder.flush()
        if work.lease.leaving:
            raise LeftError
        return work.lease.cancelled

    result = work.borders.runner.run(run, take, cancelled)
    work.recorder.flush()
    if result.ending is Ending.SUCCESSFUL:
        return
    if result.ending is Ending.CANCELLED:
        raise CancelledError
    timed_out = result.ending is Ending.TIMED_OUT
    found = [] if timed_out else translator.failures
    ended = failures.of_playbook(work.deployment, turns.name, result.output, timed_out=timed_out)
    raise failures.NodesError(found or [ended])


def preflight_of(work: Work) -> Preflight:
    """The look at nodes, as this deployment may reach them."""
    if not work.access.private_key:
        own_key.let_in(work.settings.paths.state_dir, work.workspace, work.installed())
    return Preflight(
        work.database,
        work.borders.ssh,
        work.access,
        work.workspace,
        work.deployment,
        lambda: work.lease.cancelled,
    )


def _deployment(work: Work, session: Session) -> Deployment:
    row = session.get(Deployment, work.deployment)
    if row is None:
        raise internal(f"deployment {work.deployment} is gone")
    return row


def _version(work: Work, session: Session) -> PlanVersion:
    plan = plans.find(session, work.stack)
    version = plans.numbered(session, plan, _deployment(work, session).version) if plan else None
    if version is None:
        raise internal(f"the version of plan {work.stack} that deployment {work.deployment} uses is gone")
    return version
