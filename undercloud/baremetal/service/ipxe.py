"""What iPXE is told, and the certificate authority that a ramdisk from the network knows Ironic by.

Commands: https://ipxe.org/cmd. The braces are Ironic's to fill, which writes a script for every machine that
it wants something of, under ``pxelinux.cfg``, and exchanges the line that begins with ``goto``.
"""

from __future__ import annotations

from collections.abc import Iterator

BOOT_SCRIPT = "boot.ipxe"
"""The script that every machine begins with, by its name on the file server."""
AUTHORITY = "authority.cpio"
"""The archive with the certificate authority, by its name on the file server."""

BEGIN = """\
#!ipxe
chain {{ ipxe_for_mac_uri }}${netX/mac:hexhyp} || echo Ironic wants nothing of this machine: on to its disk
exit
"""
"""Every machine: what Ironic has for it, else what its firmware tries next."""

_MACHINE = """\
#!ipxe
set tries:int32 0
goto deploy

:deploy
imgfree
kernel {{ pxe_options.deployment_aki_path }} {{ pxe_options.pxe_append_params|default("", true) }} \
BOOTIF=${netX/mac} initrd=%(name)s \
initrd={{ pxe_options.initrd_filename|default("deploy_ramdisk", true) }} || goto again
initrd %(url)s || goto again
initrd {{ pxe_options.deployment_ari_path }} || goto again
boot

:again
inc tries
iseq ${tries} 10 && goto over ||
echo It cannot be fetched: another try in ${tries} seconds
sleep ${tries}
goto deploy

:over
echo It cannot be fetched; the machine is turned off
sleep 10
poweroff

:boot_ramdisk
imgfree
kernel {{ pxe_options.aki_path }} root=/dev/ram0 {{ pxe_options.pxe_append_params|default("", true) }} \
{{ pxe_options.ramdisk_opts|default("", true) }} initrd=ramdisk || goto boot_ramdisk
initrd {{ pxe_options.ari_path }} || goto boot_ramdisk
boot

:boot_whole_disk
sanboot --no-describe || exit 0
"""

_CERTIFICATE = "etc/ironic-python-agent/ironic.crt"
_SETTINGS = ("etc/ironic-python-agent.d/ironic-tls.conf", f"[DEFAULT]\ncafile = /{_CERTIFICATE}\n")
_DIRECTORY, _FILE = 0o040755, 0o100644
_BLOCK = 4


def machine_script(files_url: str) -> str:
    """The template of a machine's script; the authority lies before the ramdisk, as plain archives must."""
    return _MACHINE % {"name": AUTHORITY, "url": f"{files_url}/{AUTHORITY}"}


def authority_archive(certificate: bytes) -> bytes:
    """A ramdisk (cpio, format newc) that makes the agent trust an authority (PEM), as boot media do."""
    settings, text = _SETTINGS
    directories = ("etc", "etc/ironic-python-agent", "etc/ironic-python-agent.d")
    members = [
        *((name, _DIRECTORY, b"") for name in directories),
        (_CERTIFICATE, _FILE, certificate),
        (settings, _FILE, text.encode()),
        ("TRAILER!!!", 0, b""),
    ]
    return b"".join(part for number, member in enumerate(members) for part in _member(number, *member))


def _member(number: int, name: str, mode: int, content: bytes) -> Iterator[bytes]:
    """Header, name and content of a file; format: kernel's Documentation, initramfs buffer format."""
    links = 2 if mode == _DIRECTORY else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    for part in (header, content):
        yield part + bytes(-len(part) % _BLOCK)
