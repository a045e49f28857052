"""Where Debian packages come from: this machine's own apt sources, or what the operator names."""

from __future__ import annotations

import subprocess
from pathlib import Path

from undercloud.diagnostics import UndercloudError
from undercloud.images.recipe import SUITE

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
"""The keys that images trust; the same path on the machine and in an image."""

_SUITES = (SUITE, f"{SUITE}-updates", f"{SUITE}-security")
_FIELDS = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(CODENAME)|$(ORIGIN)"
_REACHING = (
    "Acquire::http::",
    "Acquire::https::",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::Retries",
)


def debian_sources(file: Path | None = None) -> str:
    """apt's deb822 text with the archives that images are made from.

    It is the text of ``file`` or else the Debian 12 ones among this machine's sources. Raises UndercloudError
    IMG-014 if the file cannot be read or there are none.
    """
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UndercloudError.of(
                "IMG-014",
                f"the apt sources {file} cannot be read: {error}",
                fix="Name a readable deb822 file.",
            ) from None
    # Release data tells Debian's own archives apart, but is only there once lists were fetched.
    archives = _archives() or _archives("--no-release-info")
    if not archives:
        raise UndercloudError.of(
            "IMG-014",
            f"this machine's apt sources name no Debian archive of the suite {SUITE}",
            fix="Add one to /etc/apt, or give a deb822 file with --apt-sources.",
        )
    return "\n".join(
        f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: {component}\nSigned-By: {KEYRING}\n"
        for uri, suite, component in archives
    )


def apt_settings() -> str:
    """How this machine reaches archives (proxies, checks of dates), as apt's configuration text."""
    dump = _output("apt-config", "dump", "--no-empty", "--format", '%f "%v";%n')
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith(_REACHING))


def _archives(*options: str) -> tuple[tuple[str, str, str], ...]:
    found: dict[tuple[str, str, str], None] = {}
    lines = _output(
        "apt-get", "indextargets", *options, "--format", _FIELDS, "Identifier: Packages"
    ).splitlines()
    for line in lines:
        uri, suite, component, codename, origin = line.split("|")
        known = origin == "Debian" if not options else True
        name = suite if options else codename
        if known and name in _SUITES and component == "main" and uri.startswith(("http://", "https://")):
            found[uri, suite, component] = None
    return tuple(found)


def _output(*words: str) -> str:
    try:
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip()
        raise UndercloudError.of(
            "IMG-014",
            f"apt's configuration cannot be read: {said}",
            fix="Images are built on a Debian machine; mend its apt.",
        ) from None
