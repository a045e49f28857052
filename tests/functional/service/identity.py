"""A real Keystone on SQLite, of the package in this environment: users, roles, tokens.

``python -m tests.functional.service.identity`` serves it, with the configuration that keystone's own variable
names, on a free port that it prints.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cheroot import wsgi
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

_ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "of nobody in particular"
ROLES = ("reader", "member", "admin", "stranger")
"""Of the users of these names; Keystone makes all but the last itself."""


class Identity:
    """Users named as their roles, in the project ``operations``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[str]] = []
        (directory / "fernet").mkdir(mode=0o700)
        self._manage("db_sync")
        self._manage(
            "fernet_setup", "--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())
        )
        self.url = self._serve(self._configured(3600))
        self._manage("bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-public-url", self.url,
                     "--bootstrap-internal-url", self.url, "--bootstrap-region-id", "here")  # fmt: skip
        self._people()

    def close(self) -> None:
        """End it."""
        for process in self._processes:
            process.terminate()
            process.wait(30)
            if process.stdout is not None:
                process.stdout.close()

    def auth(self, user: str, project: str = "operations") -> dict[str, Any]:
        """The ``auth`` of an entry of clouds.yaml, or the arguments of keystoneauth1's password plugin."""
        return {
            "auth_url": self.url,
            "username": user,
            "password": PASSWORD,
            "project_name": project,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }

    def token(self, user: str, project: str = "operations") -> str:
        """A token of a user."""
        return str(Session(v3.Password(**self.auth(user, project))).get_token())

    def short_token(self, user: str) -> str:
        """A token that holds for a second."""
        url = self._serve(self._configured(1))
        plugin = v3.Password(**{**self.auth(user), "auth_url": url})
        return str(Session(plugin).get_token())

    def revoke(self, token: str) -> None:
        """Take a token back."""
        self._admin().delete(f"{self.url}/auth/tokens", headers={"X-Subject-Token": token})

    def stop(self) -> None:
        """Let it answer no more."""
        self._processes[0].terminate()
        self._processes[0].wait(30)

    def _admin(self) -> Session:
        return Session(v3.Password(**self.auth("admin", "admin")))

    def _people(self) -> None:
        admin = self._admin()

        def made(kind: str, **fields: Any) -> str:
            answer = admin.post(f"{self.url}/{kind}s", json={kind: fields})
            return str(answer.json()[kind]["id"])

        made("role", name="stranger")
        roles = {role["name"]: role["id"] for role in admin.get(f"{self.url}/roles").json()["roles"]}
        project = made("project", name="operations")
        (known,) = admin.get(f"{self.url}/users?name=admin").json()["users"]
        for name in ROLES:
            user = known["id"] if name == "admin" else made("user", name=name, password=PASSWORD)
            admin.put(f"{self.url}/projects/{project}/users/{user}/roles/{roles[name]}")

    def _configured(self, expiration: int) -> Path:
        file = self._directory / f"keystone-{expiration}.conf"
        file.write_text(
            f"[DEFAULT]\nlog_file = {self._directory}/keystone.log\n"
            f"[database]\nconnection = sqlite:///{self._directory}/keystone.db\n"
            f"[fernet_tokens]\nkey_repository = {self._directory}/fernet\n"
            f"[token]\nexpiration = {expiration}\n"
            "[identity]\npassword_hash_rounds = 4\n"
            "[cache]\nenabled = false\n"
        )
        return file

    def _manage(self, *words: str) -> None:
        program = Path(sys.executable).with_name("keystone-manage")
        command = [str(program), "--config-file", str(self._configured(3600)), *words]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def _serve(self, configuration: Path) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.service.identity"],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(_ROOT),
                "OS_KEYSTONE_CONFIG_FILES": str(configuration),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._processes.append(process)
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, (self._directory / "keystone.log").read_text()
        return f"http://127.0.0.1:{port}/v3"


def main() -> None:
    """Serve until the end."""
    from keystone.server.wsgi import initialize_public_application

    sys.argv[1:] = []
    server = wsgi.Server(("127.0.0.1", 0), initialize_public_application(), numthreads=4)
    server.prepare()
    sys.stdout.write(f"{server.bind_addr[1]}\n")
    sys.stdout.flush()
    server.serve()


if __name__ == "__main__":
    main()
