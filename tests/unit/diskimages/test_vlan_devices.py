"""The devices of a node's VLANs: what cloud-init's renderer for systemd-networkd leaves out."""

from __future__ import annotations

import subprocess
from pathlib import Path

from undercloud.conf import installed

SCRIPT = installed.data_directory() / "disk-images/trees/files/vlan_devices.sh"
VLANS = ("ens3.20", "ens3.4094", "enp1s0f0.7")


def run(directory: Path) -> dict[str, str]:
    """What the directory holds afterwards."""
    subprocess.run(["sh", str(SCRIPT), str(directory)], check=True, capture_output=True)
    return {str(one.relative_to(directory)): one.read_text() for one in directory.rglob("*") if one.is_file()}


def test_each_vlan_has_a_device_which_its_port_carries(tmp_path: Path) -> None:
    for link in ("ens3", "enp1s0f0", *VLANS):
        (tmp_path / f"10-cloud-init-{link}.network").write_text(f"[Match]\nName={link}\n")
    made = run(tmp_path)
    assert made["10-cloud-init-ens3.20.netdev"] == "[NetDev]\nName=ens3.20\nKind=vlan\n[VLAN]\nId=20\n"
    for link in VLANS:
        port = link.partition(".")[0]
        assert made[f"10-cloud-init-{port}.network.d/{link}.conf"] == f"[Network]\nVLAN={link}\n"
    assert len(made) == 5 + 2 * len(VLANS)
    assert run(tmp_path) == made, "the next boot changes nothing"


def test_without_vlans_there_is_nothing_to_do(tmp_path: Path) -> None:
    file = "10-cloud-init-ens3.network"
    (tmp_path / file).write_text("[Match]\nName=ens3\n")
    assert set(run(tmp_path)) == {file}
