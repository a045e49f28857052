"""The node image: built from Debian packages alone when its definition, or the packages' source, changed."""

import hashlib
import io
import json
import shlex
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import yaml

from tools.lab.commands import run
from tools.lab.errors import LabError
from tools.lab.model import Lab
from tools.lab.store import podman

DEFINITION = Path(__file__).parent / "images" / "lab-node.yaml"
REPOSITORY = "localhost/undercloud-lab/node"
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))


def apt_sources() -> Path:
    """This host's own list of Debian mirrors."""
    for path in SOURCES:
        if path.exists():
            return path
    raise LabError("this host has no list of Debian mirrors", f"write {SOURCES[0]}")


def reference(sources: Path) -> str:
    """The image's name: its tag follows from everything it is built of."""
    digest = hashlib.sha256(sources.read_bytes())
    for path in sorted(DEFINITION.parent.iterdir()):
        digest.update(path.read_bytes())
    return f"{REPOSITORY}:{digest.hexdigest()[:12]}"


def ensure(lab: Lab) -> tuple[str, bool]:
    """Build the image unless the lab's store has it. Returns its name and whether it was built."""
    sources = apt_sources()
    name = reference(sources)
    if podman(lab, "images", "--quiet", name):
        return name, False
    definition = yaml.safe_load(DEFINITION.read_text())
    with tempfile.TemporaryDirectory(prefix="lab-image-", dir=lab.directory) as directory:
        root = Path(directory) / "root.tar"
        files = Path(directory) / "files.tar"
        files.write_bytes(_pack(definition))
        run(
            bootstrap_command(definition, files, sources, root),
            timeout=1800,
            fix="does `apt-get update` work here?",
        )
        changes = [f"CMD {json.dumps(definition['command'])}"]
        changes += [f"STOPSIGNAL {definition['stop_signal']}"]
        changes += [f"ENV {key}={value}" for key, value in definition["environment"].items()]
        podman(
            lab,
            "import",
            "--quiet",
            *(f"--change={change}" for change in changes),
            str(root),
            name,
            timeout=600,
        )
    return name, True


def bootstrap_command(definition: dict[str, Any], files: Path, sources: Path, target: Path) -> list[str]:
    """The mmdebstrap command that makes the node's root file system as a tar file."""
    command = ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--components=main"]
    command += ['--aptopt=APT::Install-Recommends "false"']
    command += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("man", "doc", "locale")]
    command += [f"--include={','.join(definition['packages'])}", f"--essential-hook=tar-in {files} /"]
    for line in definition["run"]:
        command.append(f'--customize-hook=chroot "$1" sh -e -c {shlex.quote(line)}')
    return [*command, "bookworm", str(target), str(sources)]


def _pack(definition: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, file in definition["files"].items():
            content = (
                file["content"].encode()
                if "content" in file
                else (DEFINITION.parent / file["source"]).read_bytes()
            )
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode = len(content), int(file.get("mode", "0644"), 8)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
