#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A daemon that is killed while it works: containers go on, and the next one finds everything as it is.
# shellcheck disable=SC2154

load lib
load daemon

setup_file() {
    [ "$(id -u)" = 0 ] || return 0
    registry_with busybox
    daemon_start
    shale pull -q "$REGISTRY_HOST/busybox:1.0" >/dev/null
    shale tag "$REGISTRY_HOST/busybox:1.0" box:1
}
teardown_file() {
    daemon_stop
    drop_store
    registry_stop_all
}
setup() { need_root; }

@test "kill -9 under load: containers go on, state is right, nothing is left" {
    cd "$BATS_TEST_TMPDIR" || return 1
    for i in 1 2 3; do docker run -d --network none --name "steady$i" box:1 sleep 600 >/dev/null; done
    # A load of runs, each of which may end in the middle.
    for i in 1 2 3 4; do
        (for j in $(seq 30); do docker run --rm --network none --name "load$i-$j" box:1 true >/dev/null 2>&1 || break; done) 3>&- &
        eval "load$i=$!"
    done
    docker logs -f steady1 >/dev/null 2>&1 3>&- &
    follower=$!
    for _ in $(seq 600); do shale events --since 1h --until 0s --filter event=die | grep -q load && break; sleep 0.05; done
    DAEMON_PID=$(cat "$BATS_FILE_TMPDIR/daemon.pid")
    kill -9 "$DAEMON_PID"
    wait "$DAEMON_PID" 2>/dev/null || true
    # shellcheck disable=SC2154
    wait "$load1" "$load2" "$load3" "$load4" "$follower" 2>/dev/null || true
    for i in 1 2 3; do [ "$(shale inspect -f '{{.State.Running}}' "steady$i")" = true ]; done
    daemon_start
    run_ok docker ps --format '{{.Names}}' --filter name=steady
    [ "$(sort <<<"$output" | tr '\n' ' ')" = "steady1 steady2 steady3 " ]
    for i in 1 2 3; do
        run_ok docker exec "steady$i" echo "still here"
        [ "$output" = "still here" ]
    done
    docker run --rm --network none box:1 true
    docker rm -f steady1 steady2 steady3 >/dev/null
    # What the load has left behind can be removed like anything else.
    left=$(docker ps -aq)
    # shellcheck disable=SC2086
    [ -z "$left" ] || docker rm -f $left >/dev/null
    [ -z "$(shale ps -aq)" ]
    run_ok shale fsck --check
    [ -z "$(awk -v r="$SHALE_ROOT/containers/" 'index($5, r) == 1' /proc/self/mountinfo)" ] || { grep "$SHALE_ROOT" /proc/self/mountinfo; return 1; }
    # No process of a container, no zombie that nobody waits for.
    for _ in $(seq 600); do pgrep -f "$SHALE_ROOT" | grep -vx "$DAEMON_PID" >/dev/null || break; sleep 0.05; done
    [ -z "$(pgrep -f "$SHALE_ROOT" | grep -vx "$DAEMON_PID")" ] || { pgrep -af "$SHALE_ROOT"; return 1; }
}

@test "the daemon is stopped and started: containers do not notice" {
    docker run -d --network none --name on box:1 sh -c 'while sleep 0.1; do echo tick; done' >/dev/null
    before=$(shale inspect -f '{{.State.Pid}}' on)
    daemon_stop
    n=$(shale logs on | wc -l)
    for _ in $(seq 600); do [ "$(shale logs on | wc -l)" -gt "$n" ] && break; sleep 0.05; done
    [ "$(shale logs on | wc -l)" -gt "$n" ]
    daemon_start
    [ "$(docker inspect -f '{{.State.Pid}}' on)" = "$before" ]
    docker stop -t 1 on >/dev/null
    run_ok docker ps -a --format '{{.Names}} {{.State}}'
    [ "$output" = "on exited" ]
    docker rm on
}
