"""The file server: files by their exact names, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from undercloud.baremetal.service.fileserver import Server


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    served = tmp_path / "files"
    (served / "redfish").mkdir(parents=True)
    (served / "agent-1.kernel").write_bytes(b"kernel")
    (served / "agent.kernel").symlink_to("agent-1.kernel")
    (served / ".agent.kernel.new").write_bytes(b"half")
    (served / "redfish/boot-secret.iso").write_bytes(b"iso")
    (tmp_path / "secret").write_bytes(b"secret")
    with Server("127.0.0.1", 0, served) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


FOUND = {
    "/agent.kernel": b"kernel",
    "/redfish/boot-secret.iso": b"iso",
    "/agent.kernel?mac=1": b"kernel",
    "/": None,
    "/redfish": None,
    "/redfish/": None,
    "/.agent.kernel.new": None,
    "/redfish/.new": None,
    "/%2eagent.kernel.new": None,
    "/..%2fsecret": None,
    "/%2e%2e/secret": None,
    "/none": None,
}


@pytest.mark.parametrize(("path", "content"), FOUND.items())
def test_only_files_are_served(url: str, path: str, content: bytes | None) -> None:
    request = requests.Request("GET", url).prepare()
    request.url = url + path  # as it stands: requests would tidy it up
    with requests.Session() as session:
        session.trust_env = False
        answer = session.send(request, timeout=5)
    assert answer.status_code == (404 if content is None else 200)
    if content is not None:
        assert answer.content == content
        assert int(answer.headers["Content-Length"]) == len(content)
