"""Finding Ironic: the one that the configuration names, or the undercloud's own."""

from __future__ import annotations

import json
from pathlib import Path

from undercloud.baremetal.ironic import Access, Ironic
from undercloud.baremetal.service.settings import ironic_directory
from undercloud.conf import Settings
from undercloud.diagnostics import UndercloudError

_FILE = "client.json"  # where the undercloud's own Ironic says how it is reached (mode 0600)


def is_known(settings: Settings) -> bool:
    """Whether there is an Ironic at all."""
    return bool(settings.baremetal.endpoint) or _own(settings).exists()


def no_ironic() -> Ironic:
    """Raises BM-106."""
    raise UndercloudError.of(
        "BM-106",
        "no Ironic is known",
        fix="Install the undercloud's own, or name one with [baremetal] endpoint, username and password.",
    )


def open_ironic(settings: Settings) -> Ironic:
    """The client of the Ironic that there is; BM-106 where there is none."""
    area, own = settings.baremetal, _own(settings)
    if area.endpoint:
        return Ironic(Access(area.endpoint, area.username, area.password, area.ca_file))
    try:
        told = json.loads(own.read_text(encoding="utf-8"))
        access = Access(told["endpoint"], told["username"], told["password"], told.get("ca_file") or "")
    except FileNotFoundError:
        return no_ironic()
    except (OSError, ValueError, KeyError) as error:
        fix = "Start the undercloud's Ironic anew: it writes the file."
        raise UndercloudError.of("BM-106", f"{own} cannot be read: {error}", fix=fix) from None
    return Ironic(access)


def _own(settings: Settings) -> Path:
    return ironic_directory(settings.paths.state_dir) / _FILE
