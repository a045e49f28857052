"""Stands for buildah, mmdebstrap, apt-get, apt-config and what packs disk images, run under their names.

It keeps what it is told in $FAKE (calls, images), and does as the files there say: `fail-TEXT` and
`slow-TEXT` are about calls in which TEXT occurs.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

STATE = Path(os.environ["FAKE"])
STORE = Path(os.environ.get("CONTAINERS_STORAGE_CONF", "/nowhere/x")).parent
SOURCES = "http://deb.example.org/debian/|{0}|main|{0}|Debian\nhttp://other.example.org/|{0}|main|{0}|Other\n"


def main(tool: str, words: list[str]) -> int:
    call = {"tool": tool, "words": words, "began": time.monotonic()}
    if tool == "buildah" and words[0] == "bud":
        context = Path(words[-1])
        call["containerfile"] = (context / "Containerfile").read_text()
        call["script"] = (context / "work/build.sh").read_text()
        call["apt"] = (context / "work/apt.conf").read_text()
        call["tar"] = (context / "root.tar").is_file()
    status = 0
    text = " ".join(words)
    for rule in STATE.glob("*-*"):
        kind, _, what = rule.name.partition("-")
        if what in text and kind == "slow":
            time.sleep(float(rule.read_text()))
        if what in text and kind == "fail":
            print(rule.read_text())
            status = 1
    if not status:
        answer(tool, words)
    call["ended"] = time.monotonic()
    with (STATE / "calls").open("a") as file:
        file.write(json.dumps(call) + "\n")
    return status


def answer(tool: str, words: list[str]) -> None:
    images = STATE / "images"
    match [tool, *words[:1]]:
        case ["mmdebstrap", *_]:
            Path(words[-2]).write_text("tar")
        case ["apt-get", "indextargets"]:
            print(SOURCES.format("bookworm"), end="")
        case ["apt-config", *_]:
            print('Acquire::http::Proxy "http://proxy.example.org:3128";\nAcquire::cdrom::mount "/media";')
        case ["buildah", "images"]:
            names = images.read_text().split() if images.is_file() else []
            entry = {"id": "1", "size": "1.5 MB", "createdatraw": "2025-11-20T00:00:00Z"}
            print(json.dumps([{**entry, "names": [name]} for name in names]))
        case ["buildah", "bud"]:
            (STORE / "storage").mkdir(exist_ok=True)
            with images.open("a") as file:
                file.write(next(word for word in words if word.startswith("--tag="))[6:] + "\n")
        case ["buildah", "from"]:
            print("working-container")
        case ["buildah", "mount"]:
            print(STATE / "tree")
        case ["buildah", "containers"]:
            print((STATE / "left").read_text() if (STATE / "left").is_file() else "", end="")
        case _:
            pack(tool, words)


def pack(tool: str, words: list[str]) -> None:
    match tool:
        case "grub-mkimage":
            Path(words[words.index("-o") + 1]).write_text(words[words.index("-c") + 1])
        case "dumpe2fs":
            print("Inode count:              16\nGroup 0:\n  Free inodes: 12, 14-16")
        case "debugfs":
            (STATE / "times").write_text(Path(words[words.index("-f") + 1]).read_text())
        case "bash":
            Path(words[-1]).write_text("initramfs")


if __name__ == "__main__":
    sys.exit(main(os.environ["FAKE_TOOL"], sys.argv[1:]))
