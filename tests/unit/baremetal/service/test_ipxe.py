"""What iPXE is told, and the archive that makes a ramdisk trust the undercloud."""

from __future__ import annotations

import subprocess
from pathlib import Path

import jinja2

from undercloud.baremetal.service import ipxe

PEM = b"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


def test_the_archive_is_one_that_cpio_reads(tmp_path: Path) -> None:
    archive = ipxe.authority_archive(PEM)
    assert len(archive) % 4 == 0, "the kernel looks for the next archive at such a place"
    subprocess.run(["cpio", "-i", "--quiet"], input=archive, cwd=tmp_path, check=True)
    assert (tmp_path / "etc/ironic-python-agent/ironic.crt").read_bytes() == PEM
    settings = (tmp_path / "etc/ironic-python-agent.d/ironic-tls.conf").read_text()
    assert settings == "[DEFAULT]\ncafile = /etc/ironic-python-agent/ironic.crt\n"
    assert ipxe.authority_archive(PEM) == archive


def rendered(template: str, **values: object) -> str:
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template).render(**values)


def test_a_machine_gets_kernel_authority_and_ramdisk() -> None:
    options = {
        "deployment_aki_path": "http://192.0.2.1:8088/u/deploy_kernel",
        "deployment_ari_path": "http://192.0.2.1:8088/u/deploy_ramdisk",
        "pxe_append_params": "console=ttyS0",
        "aki_path": "k",
        "ari_path": "r",
    }
    lines = rendered(ipxe.machine_script("http://192.0.2.1:8088"), pxe_options=options).splitlines()
    assert lines[:3] == ["#!ipxe", "set tries:int32 0", "goto deploy"], "Ironic exchanges the goto"
    kernel, *initrds = (line for line in lines if line.startswith(("kernel http", "initrd http")))
    assert kernel == (
        "kernel http://192.0.2.1:8088/u/deploy_kernel console=ttyS0 BOOTIF=${netX/mac} "
        "initrd=authority.cpio initrd=deploy_ramdisk || goto again"
    )
    assert [line.split()[1] for line in initrds] == [
        "http://192.0.2.1:8088/authority.cpio",
        "http://192.0.2.1:8088/u/deploy_ramdisk",
    ]
    assert {":deploy", ":boot_ramdisk", ":boot_whole_disk"} <= set(lines)


def test_a_machine_that_ironic_wants_nothing_of_goes_on_to_its_disk() -> None:
    lines = rendered(ipxe.BEGIN, ipxe_for_mac_uri="pxelinux.cfg/").splitlines()
    assert lines[1].startswith("chain pxelinux.cfg/${netX/mac:hexhyp} || ")
    assert lines[-1] == "exit"
