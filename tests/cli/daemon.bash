# SPDX-License-Identifier: Apache-2.0
# `shale daemon` for command tests: one for a file, on a socket of its own.
# shellcheck disable=SC2154 # bats sets output

# daemon_start [OPTION…]: for setup_file; a store and a daemon -> SHALE_ROOT, DOCKER_HOST, DAEMON_SOCK, DAEMON_PID;
# its output is DAEMON_LOG. DAEMON_PREFIX (array) may run it.
daemon_start() {
    local d=$BATS_FILE_TMPDIR
    export SHALE_ROOT=${SHALE_ROOT:-$d/store} DOCKER_CONFIG=${DOCKER_CONFIG:-$d/docker}
    mkdir -p "$DOCKER_CONFIG"
    export DAEMON_SOCK=$d/d.sock DAEMON_LOG=$d/daemon.log
    export DOCKER_HOST=unix://$DAEMON_SOCK
    "${DAEMON_PREFIX[@]}" "$SHALE_BIN" daemon -H "$DOCKER_HOST" --config '' "$@" >>"$DAEMON_LOG" 2>&1 3>&- &
    export DAEMON_PID=$!
    echo "$DAEMON_PID" >"$d/daemon.pid" # a test may start another one
    daemon_wait
}
daemon_wait() {
    for _ in $(seq 1500); do
        curl -sf -o /dev/null --unix-socket "$DAEMON_SOCK" http://d/_ping && return 0
        kill -0 "$DAEMON_PID" 2>/dev/null || break
        sleep 0.02
    done
    echo "the daemon does not come up:"
    cat "$DAEMON_LOG"
    return 1
}
# daemon_stop [SIGNAL]: for teardown_file; ends it and waits; what a sanitizer had to say fails the test
daemon_stop() {
    [ -f "$BATS_FILE_TMPDIR/daemon.pid" ] || return 0
    DAEMON_PID=$(cat "$BATS_FILE_TMPDIR/daemon.pid")
    rm "$BATS_FILE_TMPDIR/daemon.pid"
    kill -"${1:-TERM}" "$DAEMON_PID" 2>/dev/null || true
    for _ in $(seq 600); do kill -0 "$DAEMON_PID" 2>/dev/null || break; sleep 0.05; done
    ! kill -0 "$DAEMON_PID" 2>/dev/null || { echo "the daemon does not end"; kill -9 "$DAEMON_PID"; return 1; }
    ! grep -HE "runtime error|Sanitizer|Assertion" "$DAEMON_LOG"
}
# daemon_with_busybox [OPTION…]: for setup_file of tests of containers: what they need, a daemon, busybox:latest in its store
daemon_with_busybox() {
    need_root
    need docker
    need conmon
    daemon_start "$@"
    load_busybox busybox:latest
}
# load_busybox NAME:TAG: into the store, under that name
load_busybox() {
    skopeo copy --quiet "oci:$SHALE_IMAGES/busybox:1.0" "docker-archive:$BATS_FILE_TMPDIR/bb.tar:$1"
    shale load -q -i "$BATS_FILE_TMPDIR/bb.tar" >/dev/null
}
# api METHOD PATH [CURL OPTION…]: the body of the answer; api_status: its status
api() { curl -sS -m 30 --unix-socket "$DAEMON_SOCK" -X "$1" "${@:3}" "http://d$2"; }
api_status() { curl -sS -m 30 -o /dev/null -w '%{http_code}' --unix-socket "$DAEMON_SOCK" -X "$1" "${@:3}" "http://d$2"; }
