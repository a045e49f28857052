"""Images from the store to a registry; what is there already is not sent again."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from undercloud.diagnostics import Finding, Report, UndercloudError, raise_for
from undercloud.images.build import BuildSettings, stored_references
from undercloud.images.catalogue import image_references
from undercloud.images.definitions import Definitions
from undercloud.images.remote import Registry
from undercloud.images.store import Store, last_line


@dataclass(frozen=True, slots=True)
class PushedImage:
    """An image that the registry has under ``reference``; ``pushed`` is False if it had it before."""

    name: str
    reference: str
    pushed: bool
    seconds: float


Progress = Callable[[str, Literal["present", "started", "pushed"], float], None]
"""Called with the image's name, what happened, and the seconds it took."""


def push(
    definitions: Definitions,
    names: Sequence[str],
    settings: BuildSettings,
    registry: Registry,
    progress: Progress | None = None,
) -> tuple[PushedImage, ...]:
    """Push the named images (all, if none is named) with what they stand on, as their definitions are now.

    Raises UndercloudError: IMG-008 an unknown name, IMG-020 to IMG-022 as :class:`remote.Registry`, IMG-023 a
    push that failed, IMG-024 for each image that is not built.
    """
    tell = progress or (lambda *_: None)
    store = Store(settings.store)
    selected = definitions.select(names)
    local = stored_references(definitions, settings)
    remote = image_references(definitions, registry.endpoint, settings.namespace, settings.edition)
    _check_built(selected, local, store)
    registry.check()
    store.prepare()
    done: list[PushedImage] = []
    with tempfile.TemporaryDirectory(dir=store.root / "tmp", prefix="push-") as place:
        options = _options(registry, store, Path(place))
        for name in selected:
            tag = remote[name].rpartition(":")[2]
            began = time.monotonic()
            there = registry.has(f"{settings.namespace}/{name}", tag)
            if not there:
                tell(name, "started", 0.0)
                _push_one(store, local[name], remote[name], options)
            seconds = time.monotonic() - began
            tell(name, "present" if there else "pushed", seconds)
            done.append(PushedImage(name, remote[name], not there, seconds))
    return tuple(done)


def _check_built(names: Sequence[str], references: dict[str, str], store: Store) -> None:
    present = store.images()
    report = Report()
    for name in names:
        if references[name] not in present:
            message = f"the image {name!r} is not built as its definition is now ({references[name]})"
            report.add(Finding("IMG-024", message, "Build it: openstack overcloud container image build"))
    raise_for(report)


def _options(registry: Registry, store: Store, place: Path) -> list[str]:
    """buildah's options for the registry; the password is in a file that only root reads.

    Fetching and unpacking zstd costs a node a fifth less of its processors than gzip (docs/performance.md).
    """
    auth = place / "auth.json"
    with os.fdopen(os.open(auth, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(registry.auth_file())
    options = ["--compression-format=zstd", f"--authfile={auth}"]
    options.append(f"--signature-policy={store.root / 'policy.json'}")
    if registry.plain:
        options.append("--tls-verify=false")
    elif registry.authority:
        certificates = place / "certs"
        certificates.mkdir()
        (certificates / "ca.crt").symlink_to(registry.authority.resolve())
        options.append(f"--cert-dir={certificates}")
    return options


def _push_one(store: Store, local: str, remote: str, options: Sequence[str]) -> None:
    log = store.root / "logs/push.log"
    try:
        with log.open("w", encoding="utf-8") as file:
            failed = store.run(["buildah", "push", *options, local, f"docker://{remote}"], file)
    except BaseException:
        store.stop()
        raise
    if failed:
        said = last_line(log.read_text(encoding="utf-8", errors="replace"))
        raise UndercloudError.of(
            "IMG-023",
            f"{remote} could not be pushed: {said}",
            fix="What was pushed stays. Mend the registry (disk, certificate, password) and push again.",
        )
