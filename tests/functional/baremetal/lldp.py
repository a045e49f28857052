"""A switch that says which port a cable is in (LLDP, IEEE 802.1AB), on a bridge of this machine."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TO_NEIGHBOURS = bytes.fromhex("0180c200000e")
_ETHERTYPE = 0x88CC
_LIFE = 120  # seconds that what is said holds


def frame(source: bytes, switch: bytes, port: str, system: str) -> bytes:
    """One announcement: the switch's MAC address, the name of the port and of the system."""
    parts = (
        (1, b"\x04" + switch),  # chassis, by MAC address
        (2, b"\x05" + port.encode()),  # port, by the interface's name
        (3, struct.pack("!H", _LIFE)),
        (5, system.encode()),
        (0, b""),
    )
    told = b"".join(struct.pack("!H", kind << 9 | len(value)) + value for kind, value in parts)
    return (_TO_NEIGHBOURS + source + struct.pack("!H", _ETHERTYPE) + told).ljust(60, b"\0")


@contextmanager
def switch(address: str, port: str, system: str, bridge: str) -> Iterator[None]:
    """Announce a port to all machines on a bridge, every other second, until the block ends.

    A bridge passes nothing on that is for neighbours alone, so that its ports are spoken to themselves.
    """
    over = threading.Event()
    said = frame(bytes.fromhex("02000000000e"), bytes.fromhex(address.replace(":", "")), port, system)

    def speak() -> None:
        while not over.wait(2):
            for link in Path(f"/sys/class/net/{bridge}/brif").iterdir():
                try:
                    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
                        raw.bind((link.name, 0))
                        raw.send(said)
                except OSError:  # its machine was just turned off
                    continue

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()
