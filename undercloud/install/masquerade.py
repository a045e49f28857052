"""Masquerading: machines of the provisioning network reach the world by the undercloud's address.

``python -m undercloud.install.masquerade RECORD SOURCES NETWORKS`` is the process that keeps it, as
``bridge`` keeps the bridge: a table of nft(8) that is ours alone, and the kernel's forwarding. Both stay when
it ends, so that an upgrade interrupts nobody; ``remove`` takes them away. Filters of other tables hold: who
drops what is forwarded has to let it pass.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from undercloud import durable
from undercloud.install import commands, keeping

TABLE = "undercloud"
"""The name of our table of nft, in the family ``ip``."""
_ANEW = f"add table ip {TABLE}\ndelete table ip {TABLE}\n"  # whether it is there or not
_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
_ON = "1"
_LONGEST = 15  # seconds that nft may take


@dataclass(frozen=True)
class Masquerade:
    """What shall be: packets of ``sources`` that leave ``networks`` get the address they leave by.

    Both are IPv4 networks as ``192.168.24.0/24``. ``record`` is a file that is there from before the first
    change until ``remove``; it holds what the kernel's switch of forwarding said then.
    """

    sources: tuple[str, ...]
    networks: tuple[str, ...]
    record: Path

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the process that keeps it."""
        return str(self.record), ",".join(self.sources), ",".join(self.networks)

    @classmethod
    def read(cls, words: Sequence[str]) -> Masquerade:
        """The opposite of ``words``."""
        record, sources, networks = words
        return cls(tuple(sources.split(",")), tuple(networks.split(",")), Path(record))


def table(wanted: Masquerade) -> str:
    """The table, but for white space as ``nft list table`` shows it."""
    rules = []
    for source in wanted.sources:
        rules += [f"ip saddr {source} ip daddr {each} return" for each in wanted.networks]
        rules.append(f"ip saddr {source} masquerade")
    chain = ["type nat hook postrouting priority srcnat; policy accept;", *rules]
    return "\n".join([f"table ip {TABLE} {{", "chain postrouting {", *chain, "}", "}"]) + "\n"


def missing(wanted: Masquerade) -> tuple[str, ...]:
    """What is not as it shall be, in a few words each; raises OSError."""
    found = []
    if _forwarding() != _ON:
        found.append("net.ipv4.ip_forward")
    if _listed().split() != table(wanted).split():
        found.append(f"nft table ip {TABLE}")
    return tuple(found)


def ensure(wanted: Masquerade) -> tuple[str, ...]:
    """Bring it to what is wanted; what was missing. Raises OSError."""
    if not wanted.record.exists():
        wanted.record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(wanted.record, _forwarding())
    found = missing(wanted)
    for each in found:
        if each == "net.ipv4.ip_forward":
            _FORWARDING.write_text(f"{_ON}\n", encoding="ascii")
        else:
            _nft(_ANEW + table(wanted))
    return found


def remove(record: Path) -> None:
    """Delete the table, and forward no more if we began it; done again it does nothing. Raises OSError."""
    if shutil.which("nft"):
        _nft(_ANEW)
    if record.exists():
        if record.read_text(encoding="ascii") != _ON:
            _FORWARDING.write_text("0\n", encoding="ascii")
        record.unlink()


def _forwarding() -> str:
    return _FORWARDING.read_text(encoding="ascii").strip()


def _listed() -> str:
    done = commands.run(["nft", "list", "table", "ip", TABLE], _LONGEST)
    if done.status and "No such file or directory" not in done.err:
        raise OSError(done.err.strip())
    return done.out


def _nft(text: str) -> None:
    commands.output(["nft", text], _LONGEST)


def main() -> None:
    """Keep it until this process is ended; it stays then."""
    wanted = Masquerade.read(sys.argv[1:])
    keeping.keep("masquerade", lambda: ensure(wanted))


if __name__ == "__main__":
    main()
