#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# logs --follow --until: it ends when that time has come, whatever the container goes on to say.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

@test "logs -f --until ends at its time, not with the container; a time that has passed ends it at once" {
    shale run -d --name talk --network none "$image" sh -c 'while :; do echo x; sleep 0.1; done' >/dev/null
    end=$(date -d '+2 seconds' +%s.%N)
    run_ok timeout 60 "$SHALE_BIN" logs -f -t --until "$end" talk
    [ "$(shale inspect -f '{{.State.Status}}' talk)" = running ]
    [ "${#lines[@]}" -ge 2 ]
    [ "$(date -d "${lines[-1]% x}" +%s%N)" -le "${end/./}" ]
    run_ok timeout 60 "$SHALE_BIN" logs -f --until 1h talk
    [ -z "$output" ]
    first=$(shale logs -t -n 1 talk)
    [ "$(shale logs -t --until "${first% x}" talk | wc -l)" = "$(shale logs -f -t --until "${first% x}" talk | wc -l)" ]
}
