"""Real Heat in one process, without its servers: evaluates templates that it is given. Runs in Heat's Python.

usage: python heat_process.py < JOBS > RESULTS

A line in is a JSON map with ``template``, ``files``, ``environment`` and ``parameters``; the line out for it
has ``outputs``, or ``error``. The engine's code is Heat's own: stacks are created (no resource here needs a
cloud) in a database of their own; calls that would go to another engine over RPC come back to this one.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, TextIO

PATIENCE = 60
"""Seconds until a stack that does not come to an end is given up."""
OPTIONS = {
    "convergence_engine": False,
    "deferred_auth_method": "password",
    "keystone_backend": "heat.engine.clients.os.keystone.fake_keystoneclient.FakeKeystoneClient",
    "max_nested_stack_depth": 10,
    "default_deployment_signal_transport": "HEAT_SIGNAL",
    "heat_metadata_server_url": "http://127.0.0.1:1/",
}


def module(name: str) -> Any:
    """A module of Heat's environment, which this project's own does not have."""
    return importlib.import_module(name)


class Engine:
    """Heat's engine service with its database."""

    def __init__(self, database: Path) -> None:
        self._json = module("oslo_serialization.jsonutils")
        self._configure(database)
        self._database = module("heat.tests.utils")
        self._database.models.BASE.metadata.create_all(self._database.get_engine())
        module("heat.engine.resources").initialise()
        service = module("heat.engine.service")
        self._service = service.EngineService("host", "engine")
        self._service.thread_group_mgr = service.ThreadGroupManager()
        self._answer_rpc()

    def _configure(self, database: Path) -> None:
        for name in ("service", "clients", "hot.functions", "clients.os.keystone"):
            module(f"heat.engine.{name}")
        configuration = module("oslo_config.cfg").CONF
        configuration([], project="heat", default_config_files=[])
        for name, value in OPTIONS.items():
            configuration.set_override(name, value)
        configuration.set_override("memory_quota", 900_000, group="yaql")
        configuration.set_override("limit_iterators", 9_000, group="yaql")
        module("oslo_db.options").set_defaults(configuration, connection=f"sqlite:///{database}")
        module("heat.common.messaging").setup("fake://", optional=True)

    def _answer_rpc(self) -> None:
        """What is called over RPC is called here; between steps nothing waits."""

        def call(_client: Any, context: Any, message: Any, **_options: Any) -> Any:
            method, given = message
            return self._call(method, type(context).from_dict(context.to_dict()), self._plain(given))

        client = module("heat.rpc.client").EngineClient
        client.call = client.cast = call
        client.local_error_name = lambda _client, error: type(error).__name__
        sleep = module("eventlet").sleep
        module("heat.engine.scheduler").TaskRunner._sleep = lambda _runner, _time: sleep(0)

    def _plain(self, value: Any) -> Any:
        return self._json.loads(self._json.dumps(value))

    def _call(self, method: str, context: Any, given: dict[str, Any]) -> Any:
        expected = module("oslo_messaging.rpc.dispatcher").ExpectedException
        try:
            found = getattr(self._service, method)(context, **given)
        except expected as error:
            raise error.exc_info[1] from None
        return None if found is None else self._plain(found)

    def _context(self) -> Any:
        made = self._database.dummy_context(tenant_id="admin")
        return type(made).from_dict({**made.to_dict(), "user_id": "user"})

    def evaluate(self, job: dict[str, Any]) -> dict[str, Any]:
        """The outputs of one template, or the error."""
        try:
            return self._created(**_request(job))
        except Exception as error:  # noqa: BLE001 - Heat raises anything for a template that it refuses
            return {"error": f"{type(error).__name__}: {error}"}
        finally:
            self._database.reset_dummy_db()

    def _created(self, **request: Any) -> dict[str, Any]:
        identity = self._call("create_stack", self._context(), {"stack_name": "case", **self._plain(request)})
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            module("eventlet").sleep(0.01)
            (stack,) = self._call(
                "show_stack", self._context(), {"stack_identity": identity, "resolve_outputs": True}
            )
            if stack["stack_status"] == "COMPLETE":
                return _outputs(stack["outputs"])
            if stack["stack_status"] == "FAILED":
                return {"error": stack["stack_status_reason"]}
        return {"error": "the stack does not come to an end"}


def _outputs(listed: list[dict[str, Any]]) -> dict[str, Any]:
    failed = [str(each["output_error"]) for each in listed if each.get("output_error")]
    if failed:
        return {"error": "; ".join(failed)}
    return {"outputs": {each["output_key"]: each["output_value"] for each in listed}}


def _request(job: dict[str, Any]) -> dict[str, Any]:
    """What Heat's client would send: files read, paths made whole, environment merged."""
    client = module("heatclient.common.template_utils")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        texts = {"template.yaml": job["template"], **(job.get("files") or {})}
        environments = []
        if job.get("environment"):
            texts["environment.yaml"] = module("yaml").safe_dump(job["environment"], sort_keys=False)
            environments = [str(folder / "environment.yaml")]
        for name, text in texts.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        more, environment = client.process_multiple_environments_and_files(environments)
        files, template = client.get_template_contents(template_file=str(folder / "template.yaml"))
    params = {"parameters": {}, "encrypted_param_names": [], **(environment or {})}
    params["parameters"] = {**params["parameters"], **(job.get("parameters") or {})}
    return {"template": template, "params": params, "files": {**files, **more}, "args": {}}


def main(jobs: TextIO, results: TextIO) -> None:
    """Evaluate what comes in, line by line."""
    with tempfile.TemporaryDirectory() as place:
        engine = Engine(Path(place) / "heat.db")
        for line in jobs:
            results.write(json.dumps(engine.evaluate(json.loads(line)), default=str) + "\n")
            results.flush()


if __name__ == "__main__":
    importlib.import_module("eventlet").monkey_patch()
    # What Heat prints does not belong among the results.
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        main(sys.stdin, out)
