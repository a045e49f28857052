#!/bin/bash
# services.sh start|stop STACK SERVICE...: starts or stops the containers of a stack on this node, but not those of
# the services that are named, nor containers that run once.
set -euo pipefail
action=$1 stack=$2
shift 2
for name in $(podman ps --all --filter "label=undercloud.stack=$stack" --format '{{.Names}}'); do
  told=$(podman container inspect --format \
    '{{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "undercloud.service"}}' "$name")
  case " $* " in *" ${told#* } "*) continue ;; esac
  if [ "${told%% *}" = always ]; then podman "$action" "$name"; fi
done
