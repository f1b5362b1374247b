#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Steps of a build that are canceled or killed: nothing stays that the next step does not clear.
load lib
load step

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() {
    [ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null || true
    step sweep >/dev/null 2>&1 || true
    drop_store
}

# start OPTION…: a step that has begun and does not end by itself -> pid
start() {
    long=$((1000000 + $$)) # nobody else sleeps that long
    "$step_tool" --net none "$@" "$image" sh -c "echo begun; touch /new; sleep $long & sleep $long" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&1 &
    pid=$!
    for _ in $(seq 600); do grep -q begun "$BATS_TEST_TMPDIR/out" && return; sleep 0.05; done
    cat "$BATS_TEST_TMPDIR/out"
    return 1
}
all_ended() {
    for _ in $(seq 600); do
        grep -qszx "$long" /proc/[0-9]*/cmdline || return 0
        sleep 0.05
    done
    echo "still there: $(grep -lszx "$long" /proc/[0-9]*/cmdline)"
    return 1
}

@test "canceled: the command and its children end, nothing is left" {
    for sig in INT TERM; do
        start --mount type=cache,target=/c --mount type=secret,target=/s,data=x --mount "type=bind,from=$image,target=/img"
        kill -$sig "$pid"
        wait "$pid" && return 1
        grep -q canceled "$BATS_TEST_TMPDIR/out"
        all_ended
        no_leftovers
    done
    run_ok shale fsck --check
}

@test "killed at any time: the next step clears up" {
    start --mount type=cache,target=/c,sharing=locked --mount type=secret,target=/s,data=x --mount "type=bind,from=$image,target=/img"
    for _ in $(seq 100); do grep -qszx "$long" /proc/[0-9]*/cmdline && break; sleep 0.1; done
    grep -qszx "$long" /proc/[0-9]*/cmdline
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    [ -n "$(ls "$SHALE_ROOT/builds")" ]
    run_ok step --mount type=cache,target=/c,sharing=locked "$image" true # the cache's lock is free
    all_ended
    no_leftovers
    for delay in 0.001 0.03 0.06 0.1 0.15; do
        "$step_tool" --net none --mount "type=bind,from=$image,target=/img" "$image" sh -c 'echo x >/x' >/dev/null 2>&1 3>&1 &
        pid=$!
        sleep $delay
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    run_ok shale container prune -f
    no_leftovers
    run_ok shale fsck --check
}

@test "killed with a network: the next step gives its address back" {
    find /usr/lib/podman /usr/libexec/podman -name netavark 2>/dev/null | grep -q . || skip "netavark is not installed"
    address() { grep -m 1 -o '172[0-9.]*/16' <<<"$output"; }
    run_ok step --net default "$image" ip -o -4 addr show eth0
    first=$(address)
    start --net default
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    run_ok step --net default "$image" ip -o -4 addr show eth0
    [ "$(address)" = "$first" ]
    all_ended
    no_leftovers
}

@test "killed, and failing, at calls that change the disk: nothing is left, the store is whole" {
    SHALE_FAULT=count:$BATS_TEST_TMPDIR/n step "$image" touch /x >/dev/null
    [ -s "$BATS_TEST_TMPDIR/n" ] || skip "this build has no fault hooks; make asan runs this test"
    n=$(cat "$BATS_TEST_TMPDIR/n")
    for ((i = 1; i <= n; i += 8)); do
        SHALE_FAULT=kill:$i step --mount type=cache,target=/c --mount type=secret,target=/s,data=x "$image" touch "/k$i" >/dev/null 2>&1 || true
        run_ok step sweep
        no_leftovers || { echo "killed at $i"; return 1; }
        run env SHALE_FAULT="fail:$((i + 3)):5" "$step_tool" --net none --mount type=cache,target=/c "$image" touch "/f$i" 3>/dev/null
        [ "$status" = 0 ] || [ "${#lines[@]}" = 1 ] || { echo "failing at $i: $output"; return 1; }
        run_ok step sweep # the call that failed may be the one that takes the lock's file away
        no_leftovers || { echo "failing at $i"; return 1; }
    done
    run_ok shale fsck --check
}
