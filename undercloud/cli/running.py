"""What the commands share that start something on nodes: follow it, sum it up, say how it ended."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from undercloud.cli import base, errors, plugin, rendering
from undercloud.deploy.engine import Change, Deployment, Engine, Failure, Operation, Status
from undercloud.deploy.machines import WholeEngine
from undercloud.diagnostics import Finding, UndercloudError

Started = tuple[Deployment, int]
"""A deployment that runs, and the number of its last event that is old news (0: none)."""


class WithEngine(base.Ours):
    """A command that speaks to the engine."""

    @contextlib.contextmanager
    def engine(self) -> Iterator[WholeEngine]:
        """The engine, closed at the end."""
        engine = plugin.make_client(self.app.client_manager)
        try:
            yield engine
        finally:
            engine.close()


class Running(WithEngine):
    """A command that starts a deployment and stays until it is over."""

    def follow(self, start: Callable[[WholeEngine], Started], parsed_args: argparse.Namespace) -> int:
        """Start, show the progress, print the summary; the exit status."""
        from undercloud.cli import watch  # noqa: PLC0415  (start-up)

        as_json = parsed_args.formatter == "json"
        with self.engine() as engine:
            deployment, seen = start(engine)
            view = watch.view_for(
                self.app.stderr if as_json else self.app.stdout,
                f"{deployment.stack}: {deployment.operation}",
                quiet=self.app.options.verbose_level == 0,
            )
            view.progress.seq = seen
            ended, stopped = watch.to_end(engine, deployment, view)
            back = self._rolled_back(engine, ended, parsed_args)
            self.sum_up(engine, ended, back, as_json=as_json)
            if getattr(parsed_args, "reports", None):
                self._report(parsed_args, ended)
            if ended.status is Status.SUCCEEDED and ended.operation is Operation.DEPLOY:
                self._keep_credentials(engine, ended)
        if stopped:
            raise KeyboardInterrupt
        return errors.CLEAN if ended.status is Status.SUCCEEDED else errors.FOUND

    def _rolled_back(
        self, engine: Engine, failed: Deployment, parsed_args: argparse.Namespace
    ) -> Deployment | None:
        """Follow the rollback that the engine began after a failure; None where there is none."""
        from undercloud.cli import watch  # noqa: PLC0415  (start-up)

        if failed.status is not Status.FAILED or not getattr(parsed_args, "rollback_on_failure", False):
            return None
        newest = next(iter(engine.deployments(failed.stack, 1)), failed)
        if newest.rollback_of != failed.id:
            return None
        view = watch.view_for(
            self.app.stderr if parsed_args.formatter == "json" else self.app.stdout,
            f"{failed.stack}: rollback",
            quiet=self.app.options.verbose_level == 0,
        )
        return watch.to_end(engine, newest, view)[0]

    def _report(self, parsed_args: argparse.Namespace, deployment: Deployment) -> None:
        """Write the reports that were asked for: all that was found, of the plan and on the nodes."""
        from undercloud.cli import reporting  # noqa: PLC0415  (start-up)
        from undercloud.validation.reported import reported  # noqa: PLC0415

        title = f"{deployment.operation} of {deployment.stack}".capitalize()
        report = reported(title, deployment.findings, reporting.text_here)
        reporting.write(parsed_args, report)

    def _keep_credentials(self, engine: Engine, deployment: Deployment) -> None:
        """Write the files to use the cloud with; that the cloud stands does not depend on them."""
        from undercloud.cli import credentials  # noqa: PLC0415  (start-up)

        home = Path.home()
        try:
            given = engine.credentials(deployment.stack)
            written = credentials.keep(
                given, deployment.stack, clouds_file=home / credentials.CLOUDS_FILE, rc_directory=home
            )
        except UndercloudError as error:
            self.app.stderr.write(rendering.report_text(error.findings))
            return
        self.app.stderr.write(
            f"\nUse it:  openstack --os-cloud {given.cloud} token issue\n"
            f"(written to {' and '.join(str(file) for file in written)})\n"
        )

    def sum_up(
        self, engine: Engine, deployment: Deployment, back: Deployment | None = None, *, as_json: bool
    ) -> None:
        """Say how a deployment ended, and its rollback, where there was one."""
        from undercloud.cli import summary  # noqa: PLC0415  (start-up)

        failed = deployment.status is Status.FAILED
        failures = engine.failures(deployment.stack, deployment.id) if failed else ()
        dry = deployment.operation is Operation.DRY_RUN and deployment.status is Status.SUCCEEDED
        changes = engine.changes(deployment.id) if dry else ()
        out = self.app.stdout
        runs = [(run, engine.hosts(run.id)) for run in (deployment, back) if run is not None]
        if as_json:
            plain = [summary.deployment_plain(run, hosts) for run, hosts in runs]
            out.write(_json(deployment.findings, failures, changes, *plain))
            return
        width = rendering.width_of(out)
        if dry:
            out.write(summary.changes_text(changes) + "\n")
        told = {failure.finding for failure in failures}
        others = [finding for finding in deployment.findings if finding not in told]
        if others:
            out.write(rendering.brief_text(others, width=width) + "\n")
        if failures:
            out.write(summary.failures_text(failures, width=width) + "\n")
        for run, hosts in runs:
            if run is back:
                out.write(f"\nRolled back to version {back.version}:\n")
            out.write(summary.deployment_text(run, hosts))


def _json(
    findings: Sequence[Finding],
    failures: Sequence[Failure],
    changes: Sequence[Change],
    run: dict[str, Any],
    back: dict[str, Any] | None = None,
) -> str:
    from undercloud.deploy import wire  # noqa: PLC0415  (start-up)

    document = {
        "findings": [finding.as_dict() for finding in findings],
        "failures": wire.to_plain(failures),
        "changes": wire.to_plain(changes),
        "deployment": {key: value for key, value in run.items() if key != "findings"},
        **({"rollback": back} if back else {}),
    }
    return json.dumps(document, indent=2) + "\n"
