"""What a network card's firmware asks (RFC 2131, 4578), on an interface without an address."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

UEFI, BIOS = 7, 0
DISCOVER, OFFER, REQUEST, ACK = 1, 2, 3, 5
_COOKIE = b"\x63\x82\x53\x63"
_KIND, _WANTED, _SERVER, _ARCHITECTURE, _IPXE = 53, 50, 54, 93, 175
_ROUTER, _LOADER = 3, 67
_HEADERS = 42  # Ethernet, IP, UDP
_NUMBER = 0x75636C64


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    kind: int
    address: str
    server: str
    options: dict[int, bytes]

    @property
    def loader(self) -> str:
        """The file to boot, a name on TFTP or a URL."""
        return self.options.get(_LOADER, b"").rstrip(b"\0").decode()

    @property
    def router(self) -> str:
        """The router, empty for none."""
        return socket.inet_ntoa(self.options[_ROUTER]) if _ROUTER in self.options else ""


def lease(
    interface: str, mac: str, architecture: int = UEFI, *, ipxe: bool = False, seconds: float = 4.0
) -> Answer | None:
    """Ask for an address and take it; None where nobody answers in time."""
    offer = _ask(interface, mac, DISCOVER, architecture, ipxe, seconds)
    if offer is None:
        return None
    taken = {_WANTED: socket.inet_aton(offer.address), _SERVER: socket.inet_aton(offer.server)}
    return _ask(interface, mac, REQUEST, architecture, ipxe, seconds, taken)


def _ask(
    interface: str,
    mac: str,
    kind: int,
    architecture: int,
    ipxe: bool,
    seconds: float,
    more: dict[int, bytes] | None = None,
) -> Answer | None:
    options = {
        _KIND: bytes([kind]),
        _ARCHITECTURE: struct.pack("!H", architecture),
        55: bytes([1, 3, 66, 67]),
    }
    options |= {_IPXE: b"\x01\x01\x01"} if ipxe else {}
    card = bytes.fromhex(mac.replace(":", ""))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as wire:
        wire.bind((interface, 0))
        wire.settimeout(0.2)
        wire.send(_packet(card, options | (more or {})))
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                frame = wire.recv(2048)
            except TimeoutError:
                continue
            if frame[23] == socket.IPPROTO_UDP and frame[34:38] == struct.pack("!HH", 67, 68):
                answer = _read(frame[_HEADERS:])
                if answer and frame[_HEADERS + 28 : _HEADERS + 34] == card:
                    return answer
    return None


def _packet(card: bytes, options: dict[int, bytes]) -> bytes:
    everybody, broadcast = b"\xff" * 6, 0x8000
    bootp = struct.pack("!4BIHH16s16s192s", 1, 1, 6, 0, _NUMBER, 0, broadcast, b"", card, b"")
    body = bootp + _COOKIE
    body += b"".join(bytes([code, len(value)]) + value for code, value in options.items()) + b"\xff"
    udp = struct.pack("!4H", 68, 67, 8 + len(body), 0) + body
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, b"", b"\xff" * 4)
    total = sum(struct.unpack("!10H", ip))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return everybody + card + b"\x08\x00" + ip[:10] + struct.pack("!H", checksum) + ip[12:] + udp


def _read(body: bytes) -> Answer | None:
    if struct.unpack("!I", body[4:8])[0] != _NUMBER:
        return None
    options: dict[int, bytes] = {}
    rest = body[240:]
    while rest and rest[0] != 0xFF:
        if rest[0]:
            options[rest[0]] = rest[2 : 2 + rest[1]]
        rest = rest[2 + rest[1] :] if rest[0] else rest[1:]
    server = socket.inet_ntoa(options[_SERVER])
    return Answer(options[_KIND][0], socket.inet_ntoa(body[16:20]), server, options)
