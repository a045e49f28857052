#!/bin/bash
# services.sh start|stop STACK SERVICE...: starts or stops the containers of a stack on this node, but not those of
# the services that are named, nor containers that run once. One that fails does not keep the others; status 1 says
# so at the end.
set -euo pipefail
action=$1 stack=$2
shift 2
names=$(podman ps --all --filter "label=undercloud.stack=$stack" --format '{{.Names}}')
failed=()
for name in $names; do
  if ! told=$(podman container inspect --format \
    '{{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "undercloud.service"}}' "$name"); then
    failed+=("$name")
    continue
  fi
  case " $* " in *" ${told#* } "*) continue ;; esac
  if [ "${told%% *}" = always ]; then podman "$action" "$name" || failed+=("$name"); fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "podman could not $action: ${failed[*]}" >&2
  exit 1
fi
