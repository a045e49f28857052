#!/bin/bash
# Makes a Debian 12 ready: Debian packages (--host) and the virtual environment .venv with undercloud in it.
# Run it as often as you like; what is there already is left alone.
#
#   tools/bootstrap.sh            .venv with undercloud
#   tools/bootstrap.sh --tests    and what the tests need
#   tools/bootstrap.sh --host     and the Debian packages that build images and run emulated nodes (as root)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=${BOOTSTRAP_LOGS:-$root/.demo/logs}
venv=$root/.venv
host_packages=(
    buildah ca-certificates conmon debian-archive-keyring docker-registry e2fsprogs git iproute2 mmdebstrap
    mount netavark openssh-client podman procps runc skopeo util-linux
)
python_packages=(ca-certificates git python3 python3-venv)

say() { printf 'bootstrap: %s\n' "$*" >&2; }

die() {
    say "$1"
    say "  fix: $2"
    exit 1
}

# Runs a command with its output in a log; shows the log's end when it fails.
logged() {
    local log=$logs/$1 status=0
    shift
    mkdir -p "$logs"
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -ne 0 ]; then
        tail -n 25 "$log" >&2
        die "failed (exit status $status): $*" "read $log"
    fi
}

install_packages() {
    local missing=() package
    for package in "$@"; do
        [ "$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" -eq 0 ] || die "Debian packages are missing: ${missing[*]}" "run this as root, or apt-get install them"
    say "Debian packages: ${missing[*]}"
    keep_services_off "${missing[@]}"
    export DEBIAN_FRONTEND=noninteractive
    logged apt-update.log apt-get -q -o DPkg::Lock::Timeout=300 update
    logged apt-install.log apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
    [ -z "$policy" ] || rm -f "$policy"
    policy=
}

# Debian starts what it installs. The registry is wanted as a program only (its service would take port 5000),
# podman's API not at all: their services are not started now, and a registry that is new here is masked.
policy=
keep_services_off() {
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        trap '[ -z "$policy" ] || rm -f "$policy"' EXIT
        printf '#!/bin/sh\ncase $1 in docker-registry*|podman*) exit 101;; esac\nexit 0\n' >$policy
        chmod 755 $policy
    fi
    case " $* " in
    *" docker-registry "*)
        mkdir -p /etc/systemd/system
        ln -sfn /dev/null /etc/systemd/system/docker-registry.service
        ;;
    esac
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
    logged venv.log "$python" -m venv "$venv"
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
    logged "pip-$1.log" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$root/$1"
}

install_undercloud() {
    say "undercloud from $root"
    logged pip-undercloud.log "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --force-reinstall "$root"
}

main() {
    local tests= host=
    for argument in "$@"; do
        case $argument in
        --tests) tests=yes ;;
        --host) host=yes ;;
        *) die "unknown option $argument" "tools/bootstrap.sh [--host] [--tests]" ;;
        esac
    done
    # The checkout may belong to someone else than root; git, which pbr asks for the version, wants to be told.
    export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=$root
    git -C "$root" rev-parse HEAD >/dev/null 2>&1 || export PBR_VERSION=${PBR_VERSION:-0.0.1}

    [ -z "$host" ] || install_packages "${host_packages[@]}" "${python_packages[@]}"
    make_venv
    unless_stamped requirements "$(digest <"$root/requirements.txt")" install_requirements requirements.txt
    [ -z "$tests" ] ||
        unless_stamped tests "$(digest <"$root/test-requirements.txt")" install_requirements test-requirements.txt
    unless_stamped undercloud "$(tree_digest)" install_undercloud
    say "ready: $venv/bin/openstack (${SECONDS} s)"
}

main "$@"
