#!/bin/bash
# Makes a Debian 12 ready: Debian packages (--host) and the virtual environment .venv with undercloud in it.
# Run it as often as you like; what is there already is left alone.
#
#   tools/bootstrap.sh            .venv with undercloud
#   tools/bootstrap.sh --tests    and what the tests need
#   tools/bootstrap.sh --servers  and the database and message servers that tests start themselves (as root)
#   tools/bootstrap.sh --host     and the Debian packages that build images and run emulated nodes (as root)
#   tools/bootstrap.sh --rack     and what virtual machines with BMCs need: QEMU, libvirt, Ironic's tools (as root)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=${BOOTSTRAP_LOGS:-$root/.demo/logs}
venv=$root/.venv
host_packages=(
    buildah ca-certificates conmon debian-archive-keyring docker-registry e2fsprogs git iproute2 mmdebstrap
    mount netavark nftables openssh-client podman procps runc skopeo util-linux
)
server_packages=(mariadb-client mariadb-server-core postgresql-15 rabbitmq-server)
rack_packages=(
    cpio dnsmasq-base dosfstools gdisk grub-common grub-efi-amd64-bin ipmitool ipxe libvirt-clients libvirt-daemon-system mtools ovmf parted
    python3-libvirt qemu-system-x86 qemu-utils xorriso zstd
)
python_packages=(ca-certificates git python3 python3-venv)
test_packages=(iproute2 mount openssh-client procps)

archives="see whether this machine reaches the archives in /etc/apt"
index="see whether this machine reaches Python's package index (pip config list) and has room"

say() { printf 'bootstrap: %s\n' "$*" >&2; }

die() {
    say "$1"
    say "  fix: $2"
    exit 1
}

# What must not outlive this script, however it ends: the running command (Ctrl-C does not reach it), the policy file.
running='' policy=''
clean_up() {
    [ -z "$running" ] || { kill "$running" && wait "$running"; } 2>/dev/null || true
    [ -z "$policy" ] || rm -f "$policy"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# logged LOG HINT COMMAND...: runs a command with its output in a log; says now and then how far it is, and shows the
# log's end when it fails, with the hint at what may be the matter.
logged() {
    local log=$logs/$1 hint=$2 status=0
    shift 2
    mkdir -p "$logs"
    "$@" >"$log" 2>&1 </dev/null &
    running=$!
    until_ended "$running" "$log" "$SECONDS"
    wait "$running" || status=$?
    running=
    if [ "$status" -ne 0 ]; then
        tail -n 25 "$log" >&2
        die "failed (exit status $status): $*" "${hint:+$hint; }the whole log is $log"
    fi
}

# On a terminal one line that changes, elsewhere a line every ten seconds.
until_ended() {
    local tick=0 text
    while sleep 0.2 && kill -0 "$1" 2>/dev/null; do
        tick=$((tick + 1))
        text="  $((SECONDS - $3)) s: $(tail -n 1 "$2" | tr -d '\r' | cut -c1-90)"
        if [ -t 2 ]; then
            printf '\r\033[K%s' "$text" >&2
        elif [ $((tick % 50)) -eq 0 ]; then
            printf '%s\n' "$text" >&2
        fi
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
}

install_packages() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || die "Debian packages are missing: ${missing[*]}" "run this as root (or with sudo)"
    command -v apt-get >/dev/null || die "this is no Debian: there is no apt-get" "use a Debian 12"
    say "Debian packages: ${missing[*]}"
    keep_services_off "${missing[@]}"
    export DEBIAN_FRONTEND=noninteractive
    local apt=(apt-get -q -o DPkg::Lock::Timeout=300)
    logged apt-update.log "$archives" "${apt[@]}" -o APT::Update::Error-Mode=any update
    logged apt-install.log "$archives, and has room" "${apt[@]}" -y install --no-install-recommends "${missing[@]}"
    [ -z "$policy" ] || rm -f "$policy"
    policy=
}

# Debian starts what it installs. Registry, servers and libvirt are wanted as programs only (their services would take
# ports), podman's API not at all: they are not started now, and those that are new here are masked.
keep_services_off() {
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\ncase $1 in docker-registry*|podman*|postgresql*|rabbitmq*|epmd*|libvirt*|virtl*) exit 101;; esac\nexit 0\n' >$policy
        chmod 755 $policy
    fi
    local package
    for package in "$@"; do
        case $package in
        docker-registry | rabbitmq-server) mask "$package.service" ;;
        postgresql-15) mask postgresql.service ;;
        libvirt-daemon-system)
            mask libvirt-guests.service
            mask libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket
            mask virtlogd.service virtlogd.socket virtlogd-admin.socket
            mask virtlockd.service virtlockd.socket virtlockd-admin.socket
            ;;
        esac
    done
}

mask() {
    local unit
    mkdir -p /etc/systemd/system
    for unit in "$@"; do
        ln -sfn /dev/null "/etc/systemd/system/$unit"
    done
}

usable_python() { # a python3 of at least 3.11 that can make virtual environments
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in python3 /usr/bin/python3; do
        if usable_python "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    find_python >/dev/null || install_packages "${python_packages[@]}"
    python=$(find_python) || die "there is no Python 3.11 or newer with venv" "use Debian 12, whose python3 is 3.11"
    say "virtual environment $venv ($("$python" --version))"
    rm -rf "$venv"
    logged venv.log "" "$python" -m venv "$venv"
}

# pip is asked only when what it would install has changed; $1 names the stamp, the rest are the stamp's content.
unless_stamped() {
    local stamp=$venv/.stamp-$1 content=$2
    shift 2
    if [ "$(cat "$stamp" 2>/dev/null)" != "$content" ]; then
        rm -f "$stamp"
        "$@"
        printf '%s\n' "$content" >"$stamp"
    fi
}

digest() { sha256sum | cut -d' ' -f1; }

# Everything git would take: tracked files and new ones that are not ignored.
tree_digest() {
    cd "$root"
    if git rev-parse HEAD >/dev/null 2>&1; then
        { git rev-parse HEAD; git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null || true; } | digest
    else
        find . -path ./.venv -prune -o -path ./.demo -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | digest
    fi
}

install_requirements() {
    say "Python packages of $1"
    logged "pip-${1//\//-}.log" "$index" "$venv/bin/python" -m pip install --progress-bar off --disable-pip-version-check \
        -r "$root/$1"
}

# Debian's libvirt module is what the rack uses: pip is shown that it is there, else it would compile one.
install_rack() {
    mkdir -p "$venv/libvirt"
    ln -sf /usr/lib/python3/dist-packages/libvirt* "$venv/libvirt/"
    PYTHONPATH=$venv/libvirt install_requirements tools/rack/requirements.txt
}

install_undercloud() {
    say "undercloud from $root"
    logged pip-undercloud.log "$index" "$venv/bin/python" -m pip install --progress-bar off \
        --disable-pip-version-check --no-deps --force-reinstall "$root"
}

main() {
    local tests= host= servers= rack=
    for argument in "$@"; do
        case $argument in
        --tests) tests=yes ;;
        --host) host=yes ;;
        --servers) servers=yes ;;
        --rack) host=yes rack=yes ;;
        *) die "unknown option $argument" "tools/bootstrap.sh [--host] [--rack] [--tests] [--servers]" ;;
        esac
    done
    # The checkout may belong to someone else than root; git, which pbr asks for the version, wants to be told.
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$root
    git -C "$root" rev-parse HEAD >/dev/null 2>&1 || export PBR_VERSION=${PBR_VERSION:-0.0.1}

    [ -z "$host" ] || install_packages "${host_packages[@]}" "${python_packages[@]}"
    [ -z "$tests" ] || [ "$(id -u)" -ne 0 ] || install_packages "${test_packages[@]}" "${python_packages[@]}"
    [ -z "$servers" ] || install_packages "${server_packages[@]}"
    [ -z "$rack" ] || install_packages "${rack_packages[@]}"
    make_venv
    unless_stamped requirements "$(digest <"$root/requirements.txt")" install_requirements requirements.txt
    [ -z "$tests" ] ||
        unless_stamped tests "$(digest <"$root/test-requirements.txt")" install_requirements test-requirements.txt
    [ -z "$rack" ] ||
        unless_stamped rack "$(digest <"$root/tools/rack/requirements.txt")" install_rack
    unless_stamped undercloud "$(tree_digest)" install_undercloud
    say "ready: $venv/bin/openstack (${SECONDS} s)"
}

main "$@"
