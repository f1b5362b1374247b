#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Members of bodies that have another type than docker's.
# shellcheck disable=SC2154

load lib
load daemon

setup_file() {
    need_root
    daemon_start
    load_busybox bb:1
}
teardown_file() {
    daemon_stop
    drop_store
}

@test "every member with every wrong type: 400 and why, and nothing is made" {
    shale create --name box --network none bb:1 true >/dev/null
    run_ok "$BATS_TEST_DIRNAME/api-types" "$DAEMON_SOCK" box
    [ "$output" -gt 1000 ]
    [ "$(shale ps -aq | wc -l)" = 1 ]
    [ "$(shale network ls -q | wc -l)" = 3 ]
    [ -z "$(shale volume ls -q)" ]
    shale rm box >/dev/null
}

@test "names and paths with every trick" {
    run_ok "$BATS_TEST_DIRNAME/api-hostile" "$DAEMON_SOCK" "$(cat "$BATS_FILE_TMPDIR/daemon.pid")" names
    [ -z "$(shale ps -aq)" ]
    [ -z "$(shale volume ls -q)" ]
    [ "$(shale network ls -q | wc -l)" = 3 ]
    [ "$(shale images -q | wc -l)" = 1 ]
}

@test "streams that nobody reads: others are served, memory stays, all is free when they go" {
    cd "$BATS_TEST_TMPDIR" || return 1
    docker run -d --name steady --network none bb:1 sleep 1000 >/dev/null
    docker run -d --name noisy --network none bb:1 sh -c 'yes "something to say" | head -c 4000000; while sleep 0.1; do echo more; done' >/dev/null
    printf 'FROM bb:1\nRUN yes "a build that talks"\n' >Dockerfile
    tar cf context.tar Dockerfile
    BUILD=context.tar run_ok "$BATS_TEST_DIRNAME/api-hostile" "$DAEMON_SOCK" "$(cat "$BATS_FILE_TMPDIR/daemon.pid")" stuck
    docker rm -f steady noisy >/dev/null
    # the builds were given up: no process, no mount
    for _ in $(seq 600); do pgrep -f "$SHALE_ROOT" | grep -vx "$(cat "$BATS_FILE_TMPDIR/daemon.pid")" >/dev/null || break; sleep 0.05; done
    [ -z "$(pgrep -af "$SHALE_ROOT" | grep -v "^$(cat "$BATS_FILE_TMPDIR/daemon.pid") ")" ]
    [ -z "$(awk -v r="$SHALE_ROOT/" 'index($5, r) == 1 {print $5}' /proc/self/mountinfo)" ]
}
