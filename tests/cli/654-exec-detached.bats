#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# exec -d: nobody waits, but its end is seen; inspect tells which run.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() {
    container_setup
    id=$(shale run -d --network none --name box "$image" sleep 600)
}
teardown() { drop_store; }
execs() { shale inspect -f '{{json .ExecIDs}}' box; }
# ended N: so many ends are in the journal
ended() {
    for _ in $(seq 400); do
        [ "$(shale events --since 0 --until 0s -f event=exec_die --format x | wc -l)" -ge "$1" ] && return
        sleep 0.05
    done
    return 1
}

@test "its events are those of any other, with its status" {
    [ "$(execs)" = null ]
    run_ok shale exec -d box sh -c 'echo here >/file; exit 7'
    [ -z "$output" ]
    ended 1
    [ "$(shale exec box cat /file)" = here ]
    ended 2
    run_ok shale events --since 0 --until 0s -f event=exec_create -f event=exec_start -f event=exec_die --format '{{.Action}} {{.Actor.Attributes.execID}} {{.Actor.Attributes.exitCode}}'
    [[ ${lines[0]} == "exec_create: sh -c "* ]]
    [[ ${lines[1]} == "exec_start: sh -c "* ]]
    exec_id=$(awk '{print $(NF - 1)}' <<<"${lines[2]}")
    [ "${lines[2]}" = "exec_die $exec_id 7" ]
    [[ ${lines[1]} == *"$exec_id"* ]]
    [ "$(execs)" = null ]
    [ -z "$(find "$SHALE_ROOT/containers/$id" -name 'exec-*')" ]
}

@test "inspect: which run, detached or not; killed from outside" {
    run_ok shale exec -d -e A=b -w /tmp box sh -c 'echo "$A $PWD" >/said; exec sleep 601'
    "$SHALE_BIN" exec box sleep 602 3>&- &
    pid=$!
    for _ in $(seq 600); do [ "$(execs | jq 'length')" = 2 ] && break; sleep 0.05; done
    [ "$(execs | jq 'length')" = 2 ]
    [ "$(execs | jq -r '.[0] | length')" = 64 ]
    [ "$(shale exec box cat /said)" = "b /tmp" ]
    shale exec box sh -c 'kill -9 $(pidof sleep | tr " " "\n" | grep -vx 1)' || true
    wait $pid || true
    ended 4
    [ "$(execs)" = null ]
    [ "$(shale events --since 0 --until 0s -f event=exec_die --format '{{.Actor.Attributes.exitCode}}' | grep -c 137)" = 2 ]
}

@test "what cannot be run is said at once; the container's end ends them" {
    run_fails 127 "executable file not found" "$SHALE_BIN" exec -d box nothing-of-this-name
    run_fails 126 "unable to find user nobody-here" shale exec -d -u nobody-here box true
    [ "$(execs)" = null ]
    run_ok shale exec -d box sleep 603
    [ "$(execs | jq length)" = 1 ]
    before=$(shale events --since 0 --until 0s -f event=exec_die --format x | wc -l)
    run_ok shale stop -t 0 box
    ended $((before + 1))
    [ "$(execs)" = null ]
    run_ok shale start box
    [ "$(execs)" = null ]
}

@test "whoever looks after it is killed: the process goes on, and is told while it runs" {
    run_ok shale exec -d box sleep 604
    exec_id=$(execs | jq -r '.[0]')
    keeper=$(pgrep -f "__keep $id $exec_id" | head -n 1)
    kill -KILL "$keeper"
    [ "$(execs | jq -r '.[0]')" = "$exec_id" ]
    shale exec box sh -c 'kill -9 $(pidof sleep | tr " " "\n" | grep -vx 1)' || true
    for _ in $(seq 600); do [ "$(execs)" = null ] && break; sleep 0.05; done
    [ "$(execs)" = null ]
}
