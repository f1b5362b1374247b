#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# What is left of commands that were killed half-way, and how it is put right.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

state() { shale inspect -f '{{.State.Status}}' "$1"; }

@test "commit killed while the container stands still: ps says paused, unpause frees it, the store is whole" {
    with_groups
    shale run -d --name box --network none "$image" sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
    shale exec box dd if=/dev/urandom of=/big bs=1M count=96 2>/dev/null
    caught=
    for _ in 1 2 3; do # it may be quicker than we are
        "$SHALE_BIN" commit box box:saved >/dev/null 2>&1 3>&- &
        pid=$!
        while kill -0 "$pid" 2>/dev/null; do
            [ "$(state box)" != paused ] || { kill -9 "$pid" && caught=yes; break; }
        done
        wait "$pid" 2>/dev/null || true
        [ -z "$caught" ] || [ "$(state box)" != paused ] || break
    done
    [ "$(state box)" = paused ]
    [[ $(shale ps --format '{{.Status}}') == "Up "*" (Paused)" ]]
    run_fails 1 "is paused, unpause the container before exec" shale exec box true
    before=$(shale logs box | wc -l)
    run_ok shale fsck --check
    run_ok shale unpause box
    [ "$(state box)" = running ]
    for _ in $(seq 600); do [ "$(shale logs box | wc -l)" -gt "$before" ] && break; sleep 0.05; done
    [ "$(shale logs box | wc -l)" -gt "$before" ]
    run_ok shale commit box box:saved
    [ "$(state box)" = running ]
    run_ok shale run --rm --network none box:saved ls /big
}

@test "conmon killed: of a paused container, and of one that ends" {
    with_groups
    shale run -d --name box --network none "$image" sleep 1000 >/dev/null
    id=$(shale inspect -f '{{.Id}}' box)
    shale pause box >/dev/null
    kill -9 "$(cat "$SHALE_ROOT/containers/$id/conmon.pid")"
    [[ $(shale ps --format '{{.Status}}') == "Up "*" (Paused)" ]]
    run_ok shale unpause box
    [ "$(state box)" = running ]
    run_ok shale stop -t 0 box
    [ "$(state box)" = exited ]
    [ -z "$(grep "$SHALE_ROOT" /proc/self/mountinfo)" ]
    run_ok shale start box
    [ "$(state box)" = running ]
    # while it ends
    kill -9 "$(cat "$SHALE_ROOT/containers/$id/conmon.pid")" "$(shale inspect -f '{{.State.Pid}}' box)"
    for _ in $(seq 600); do [ "$(state box)" = exited ] && break; sleep 0.05; done
    [[ $(shale ps -a --format '{{.Status}}') == "Exited (255) "* ]]
    [ -z "$(grep "$SHALE_ROOT" /proc/self/mountinfo)" ]
    run_ok shale start box
    run_ok shale rm -f box
    [ -z "$(ls -A "$SHALE_ROOT/containers")" ]
}

@test "a monitor that is late: its call does not end the next run, whose status is not written yet" {
    shale run -d --name box --network none "$image" sleep 1000 >/dev/null
    id=$(shale inspect -f '{{.Id}}' box)
    monitor=$(cat "$SHALE_ROOT/containers/$id/conmon.pid")
    kill -STOP "$monitor"
    kill -9 "$(shale inspect -f '{{.State.Pid}}' box)"
    run_ok shale __cleanup "$id"
    [ "$(shale inspect -f '{{.State.Status}} {{.State.ExitCode}}' box)" != "exited 255" ]
    kill -CONT "$monitor"
    for _ in $(seq 600); do [ "$(state box)" = exited ] && break; sleep 0.05; done
    [ "$(shale inspect -f '{{.State.Status}} {{.State.ExitCode}}' box)" = "exited 137" ]
    # who comes just when it ends is told so
    run_fails 1 "container $id is not running" shale exec box true
}
