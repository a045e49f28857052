#!/bin/sh
# The devices of VLANs. cloud-init's renderer for systemd-networkd writes the addresses of a VLAN, as
# 10-cloud-init-PORT.ID.network, but neither its device nor that the port carries it.
set -eu
cd "${1:-/etc/systemd/network}"
for file in 10-cloud-init-*.*.network; do
    [ -e "$file" ] || continue # there are none
    link=${file#10-cloud-init-}
    link=${link%.network}
    printf '[NetDev]\nName=%s\nKind=vlan\n[VLAN]\nId=%s\n' "$link" "${link##*.}" >"10-cloud-init-$link.netdev"
    mkdir -p "10-cloud-init-${link%.*}.network.d"
    printf '[Network]\nVLAN=%s\n' "$link" >"10-cloud-init-${link%.*}.network.d/$link.conf"
done
