"""The registry that the undercloud serves: Debian's docker-registry, configured by us."""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import yaml

from undercloud.diagnostics import UndercloudError
from undercloud.images.store import last_line

PORT = 8787
"""TripleO's registry port."""

_PROGRAM = "docker-registry"
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """What is served and how; images lie below ``storage``, which also holds configuration and log.

    ``certificate`` and ``key`` (PEM) make it TLS; ``htpasswd`` (bcrypt lines) asks for a password, to read
    and to write. An address that other machines reach wants all three, unless ``insecure``.
    """

    storage: Path
    address: str = "127.0.0.1"
    port: int = PORT
    certificate: Path | None = None
    key: Path | None = None
    htpasswd: Path | None = None
    insecure: bool = False

    @property
    def endpoint(self) -> str:
        """``ADDRESS:PORT`` as clients write it."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def htpasswd_line(username: str, password: str) -> str:
    """A line for the htpasswd file; docker-registry takes bcrypt only.

    The cost is that of htpasswd(1): every single request is checked, which takes a quarter of a second at a
    cost of 12. Let the password be long and random.
    """
    return f"{username}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=5)).decode()}\n"


def configuration(settings: RegistrySettings) -> str:
    """docker-registry's configuration file.

    Its format: https://distribution.github.io/distribution/about/configuration/. Raises UndercloudError
    IMG-025 for settings that are not safe.
    """
    _check(settings)
    http: dict[str, Any] = {
        "addr": settings.endpoint,
        "headers": {"X-Content-Type-Options": ["nosniff"]},
    }
    if settings.certificate and settings.key:
        http["tls"] = {
            "certificate": str(settings.certificate),
            "key": str(settings.key),
            "minimumtls": "tls1.2",
        }
    content: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(settings.storage / "data")},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": http,
    }
    if settings.htpasswd:
        content["auth"] = {"htpasswd": {"realm": "undercloud", "path": str(settings.htpasswd)}}
    # a certificate made anew is a changed configuration: it is read at the start only
    mark = hashlib.sha256(settings.certificate.read_bytes()).hexdigest() if settings.certificate else "none"
    return f"# certificate: {mark}\n{yaml.safe_dump(content, sort_keys=False)}"


class Server:
    """The registry as a process of its own, which outlives the command that starts it."""

    def __init__(self, settings: RegistrySettings) -> None:
        self.settings = settings
        self._configuration = settings.storage / "registry.yml"
        self._pid_file = settings.storage / "registry.pid"
        self.log = settings.storage / "registry.log"

    def configure(self) -> Path:
        """Write the configuration file and return where it is; raises UndercloudError IMG-025."""
        text = configuration(self.settings)
        try:
            self.settings.storage.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self._configuration.with_suffix(".new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._configuration)
        except OSError as error:
            raise UndercloudError.of(
                "IMG-025",
                f"the registry's storage {self.settings.storage} cannot be written: {error.strerror}",
                fix="Choose another place, or mend its permissions.",
            ) from None
        return self._configuration

    def pid(self) -> int | None:
        """The process that serves, None if there is none."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text(encoding="utf-8"))
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            # a number is given again: only a process with our configuration is ours
            if str(self._configuration).encode() in words:
                return pid
        return None

    def answers(self) -> bool:
        """Whether something listens where it is served: our process, or one that systemd keeps running."""
        return _listens(self.settings)

    def start(self) -> None:
        """Serve until :meth:`stop`; nothing happens if it serves already with the same configuration.

        Raises UndercloudError: IMG-011 without docker-registry, IMG-025 if it does not answer.
        """
        before = self._configuration.read_text(encoding="utf-8") if self._configuration.is_file() else ""
        if self.pid() is not None:
            if before == configuration(self.settings):
                return
            self.stop()
        path = self.configure()
        if _listens(self.settings):
            raise UndercloudError.of(
                "IMG-025",
                f"another program serves on {self.settings.endpoint}",
                fix="Stop it, or choose another port.",
            )
        with self.log.open("w", encoding="utf-8") as log:
            process = _spawn([_PROGRAM, "serve", str(path)], log.fileno())
        self._pid_file.write_text(f"{process.pid}\n", encoding="utf-8")
        self._await(process)

    def stop(self) -> None:
        """End the process, if it runs."""
        pid = self.pid()
        if pid is not None:
            for kind in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, kind)
                if _until(lambda: self.pid() is None, 5.0):
                    break
        self._pid_file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Serve while the block runs."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        ready = _until(lambda: process.poll() is not None or _listens(self.settings), _PATIENCE)
        if ready and process.poll() is None:
            return
        self.stop()
        said = _message(self.log.read_text(encoding="utf-8", errors="replace"))
        raise UndercloudError.of(
            "IMG-025",
            f"the registry on {self.settings.endpoint} did not start: {said}",
            fix=f"See {self.log}; the address must be this machine's.",
        )


def _check(settings: RegistrySettings) -> None:
    problems: list[str] = []
    if (settings.certificate is None) != (settings.key is None):
        problems.append("a certificate and its key belong together")
    files = (settings.certificate, settings.key, settings.htpasswd)
    problems += [f"{path} is not there" for path in files if path is not None and not path.is_file()]
    if not settings.insecure and not _is_loopback(settings.address):
        if settings.certificate is None:
            problems.append(f"{settings.address} is reached from outside: a certificate is needed")
        if settings.htpasswd is None:
            problems.append(f"{settings.address} is reached from outside: a password file is needed")
    if problems:
        raise UndercloudError.of(
            "IMG-025",
            f"the registry cannot be served: {'; '.join(problems)}",
            fix="Give certificate, key and htpasswd file, or say that it may be insecure.",
        )


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _listens(settings: RegistrySettings) -> bool:
    try:
        socket.create_connection((settings.address, settings.port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _spawn(words: list[str], log: int) -> subprocess.Popen[bytes]:
    # REGISTRY_… variables would override the file
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    try:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**environment, "OTEL_TRACES_EXPORTER": "none"},
            start_new_session=True,
        )
    except FileNotFoundError:
        raise UndercloudError.of(
            "IMG-011", f"the program {_PROGRAM} is not installed", fix=f"apt-get install {_PROGRAM}"
        ) from None


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _message(log: str) -> str:
    """The last thing that docker-registry said, out of its ``msg="…"``."""
    line = last_line(log)
    start = line.find('msg="')
    if start < 0:
        return line
    try:
        text, _ = json.JSONDecoder().raw_decode(line[start + 4 :])
    except ValueError:
        return line
    return str(text)
