#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Engine API with dockerode: a session of pull, build, run with streams, exec, files, events, prune (dockerode.js).
# shellcheck disable=SC2154 # bats sets output

load lib
load daemon

setup_file() {
    need_root
    need docker
    need conmon
    need npm
    export NODE_PATH=$SHALE_BUILD/npm/node_modules
    [ -d "$NODE_PATH/dockerode" ] ||
        npm install --silent --no-audit --no-fund --no-save --ignore-scripts --prefix "$SHALE_BUILD/npm" dockerode@5.0.1 ||
        skip "npm does not get dockerode"
    registry_with busybox
    daemon_start
}
teardown_file() {
    drop_store
    daemon_stop
    registry_stop_all
}

@test "dockerode: images, builds, streams, files, networks, volumes, events; nothing is left" {
    run_ok env REGISTRY="$REGISTRY_HOST" timeout -s KILL 100 node "$BATS_TEST_DIRNAME/dockerode.js"
    [ "${lines[-1]}" = ok ]
    [ -z "$(docker ps -aq)" ]
    [ -z "$(docker volume ls -q)" ]
    [ "$(docker network ls -q | wc -l)" = 3 ]
}
