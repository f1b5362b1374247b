#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Restart policies, and what is left when who looks after them is killed.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() {
    drop_store
    no_keepers
}

state() { shale inspect -f '{{.State.Status}}' "$1"; }
restarts() { shale inspect -f '{{.RestartCount}}' "$1"; }
folder() { echo "$SHALE_ROOT/containers/$(shale inspect -f '{{.Id}}' "$1")"; }
keeper() { cut -d' ' -f1 "$(folder "$1")/keeper"; }
# until_ok CMD…: tries again for at most thirty seconds
until_ok() {
    local end=$((SECONDS + 30))
    while [ $SECONDS -lt $end ]; do "$@" && return 0; sleep 0.02; done
    echo "not in time: $*"
    shale ps -a
    return 1
}
is() { [ "$(state "$1")" = "$2" ]; }
at_least() { [ "$(restarts "$1")" -ge "$2" ]; }
keepers() { pgrep -f -- "--root $SHALE_ROOT .*__keep " || true; }
none_left() { [ -z "$(keepers)" ]; }
no_keepers() { until_ok none_left; }
no_mounts() { [ -z "$(grep "$SHALE_ROOT" /proc/self/mountinfo)" ]; }
says() { shale logs box | grep -q "$1"; }
# runs NAME POLICY CMD…: detached
runs() { shale run -d --name "$1" --restart "$2" --network none "$image" "${@:3}" >/dev/null; }

@test "always: started again and again, after good ends too, with pauses that grow; stop ends it" {
    runs box always sh -c 'echo once; exit 0'
    until_ok at_least box 3
    [ "$(shale inspect -f '{{json .HostConfig.RestartPolicy}}' box)" = '{"Name":"always","MaximumRetryCount":0}' ]
    # the fourth pause is 0.8 s: long enough to be seen
    until_ok is box restarting
    [[ $(shale ps --format '{{.State}}: {{.Status}}') == "restarting: Restarting (0) "*" ago" ]]
    [ "$(shale ps -q -f status=restarting | wc -l)" = 1 ]
    [ "$(shale inspect -f '{{.State.Running}} {{.State.Restarting}} {{.State.Pid}}' box)" = "true true 0" ]
    run_fails 1 'cannot remove container "box": container is restarting: stop the container before removing or force remove' shale rm box
    run_ok shale container prune -f
    run_fails 1 "is using its referenced image" shale rmi "$image"
    run_ok shale stop box
    [ "$(state box)" = exited ]
    no_keepers
    run_ok shale events --since 0 --until "$(date +%s.%N)" --filter container=box --format '{{.Action}}'
    [ "${lines[*]:0:7}" = "create start die start die start die" ]
    [ "$(shale logs box | sort -u)" = once ]
    [ "$(shale logs box | wc -l)" -ge 3 ]
    n=$(restarts box)
    sleep 0.3
    [ "$(restarts box) $(state box)" = "$n exited" ]
    # somebody's start counts from the beginning
    run_ok shale start box
    [ "$(restarts box)" -lt "$n" ]
}

@test "on-failure: only bad ends, and only so many; in the foreground the first end is told" {
    run_fails 4 hello shale run --name box --restart on-failure:2 --network none "$image" sh -c 'echo hello; exit 4'
    until_ok is box exited
    [ "$(shale inspect -f '{{.RestartCount}} {{.State.ExitCode}} {{json .HostConfig.RestartPolicy}}' box)" = '2 4 {"Name":"on-failure","MaximumRetryCount":2}' ]
    [ "$(shale logs box | wc -l)" = 3 ]
    runs good on-failure true
    until_ok is good exited
    [ "$(restarts good)" = 0 ]
    no_keepers
}

@test "kill, rm -f and a stop signal end it, another signal does not; restart counts anew" {
    for how in kill "kill -s TERM" "rm -f"; do
        runs box always sh -c 'trap "exit 5" TERM; while :; do sleep 0.05; done'
        # shellcheck disable=SC2086
        run_ok shale $how box
        case $how in
        rm*) run_fails 1 "No such object: box" shale inspect box ;;
        *) until_ok is box exited && shale rm box >/dev/null ;;
        esac
        no_keepers
    done
    runs box unless-stopped sh -c 'trap "exit 6" HUP; echo ready; while :; do sleep 0.05; done'
    until_ok says ready # a first process without a handler does not get the signal
    shale kill -s HUP box >/dev/null
    until_ok at_least box 1
    run_ok shale restart -t 0 box
    [ "$(state box) $(restarts box)" = "running 0" ]
    [ "$(keepers | wc -l)" = 1 ]
}

@test "wait tells each end; logs -f goes on" {
    runs box on-failure:2 sh -c 'echo x; sleep 0.4; exit 3'
    shale logs -f box >"$BATS_TEST_TMPDIR/log" 3>&- &
    log=$!
    run_ok shale wait box
    [ "$output" = 3 ]
    run_ok shale wait box
    [ "$output" = 3 ]
    until_ok is box exited
    wait "$log"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/log")" = 3 ]
}

@test "one that cannot be started again is over, with the reason" {
    mkdir "$BATS_TEST_TMPDIR/dir"
    shale run -d --name box --restart always --network none -v "$BATS_TEST_TMPDIR/dir:/d" --entrypoint /d/prog \
        "$image" >/dev/null 2>&1 && return 1
    printf '#!/bin/sh\nsleep 0.3\nrm /d/prog\n' >"$BATS_TEST_TMPDIR/dir/prog"
    chmod +x "$BATS_TEST_TMPDIR/dir/prog"
    run_ok shale start box
    until_ok is box exited
    [[ $(shale inspect -f '{{.State.ExitCode}} {{.State.Error}}' box) == "127 "*"/d/prog"* ]]
    no_keepers
}

@test "what is no policy" {
    run_fails 125 "conflicting options: cannot specify both --restart and --rm" shale run --rm --restart always "$image" true
    run_ok shale run --rm --restart no --network none "$image" true
    run_fails 125 "invalid restart policy: unknown policy 'sometimes'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'" shale run --restart sometimes "$image" true
    run_fails 125 "invalid restart policy format: maximum retry count must be an integer" shale run --restart on-failure:x "$image" true
    run_fails 125 "invalid restart policy: maximum retry count can only be used with 'on-failure'" shale run --restart always:3 "$image" true
    run_fails 1 "invalid restart policy: maximum retry count cannot be negative" shale create --restart on-failure:-1 "$image" true
    [ -z "$(shale ps -aq)" ]
}

@test "start --all-restart: what runs by policy, as after a boot" {
    runs always always sleep 100
    runs stopped unless-stopped sleep 100
    runs unless unless-stopped sleep 100
    runs failing on-failure sleep 100
    shale create --name never --restart always --network none "$image" sleep 100 >/dev/null
    shale stop -t 0 always stopped >/dev/null
    # as a boot leaves it: no process, and nobody has stopped them
    for name in unless failing; do
        kill -9 "$(keeper $name)" "$(cat "$(folder $name)/conmon.pid")"
        kill -9 "$(shale inspect -f '{{.State.Pid}}' $name)"
        until_ok is $name exited
        [ "$(shale inspect -f '{{.State.ExitCode}}' $name)" = 255 ]
    done
    run_ok shale start --all-restart
    [ "$(sort <<<"$output" | paste -sd' ')" = "always unless" ]
    [ "$(state stopped) $(state failing) $(state never)" = "exited exited created" ]
    run_ok shale start --all-restart
    [ -z "$output" ]
    run_fails 1 "it goes with nothing else" shale start --all-restart always
    run_fails 1 "requires at least 1 argument" shale start
    run_fails 1 "requires at least 1 argument" shale start -a
}

@test "its keeper killed while it runs: another comes at its end, or with start" {
    runs box always sleep 2
    kill -9 "$(keeper box)"
    [ "$(state box)" = running ]
    until_ok at_least box 1
    until_ok is box running
    old=$(keeper box)
    kill -9 "$old"
    until_ok none_left
    run_ok shale start box
    [ "$(keepers)" = "$(keeper box)" ]
    run_ok shale rm -f box
}

@test "its keeper killed, and somebody sees the end before conmon has told it: another comes all the same" {
    for _ in $(seq 8); do
        runs box always sleep 0.3
        kill -9 "$(keeper box)"
        until_ok at_least box 1 # looks without a pause but its own
        run_ok shale rm -f box
    done
}

@test "its keeper killed while it waits to start it: ps says exited, start works again, nothing is left" {
    runs box always false
    until_ok at_least box 4
    until_ok is box restarting
    kill -9 "$(keeper box)"
    until_ok is box exited
    [[ $(shale ps -a --format '{{.Status}}') == "Exited (1) "* ]]
    no_mounts
    run_ok shale start box
    until_ok at_least box 2
    run_ok shale rm -f box
    [ -z "$(ls -A "$SHALE_ROOT/containers")" ]
    no_mounts
}

@test "conmon killed: the keeper sees the end all the same; both killed: ps does" {
    runs box always sleep 4
    kill -9 "$(cat "$(folder box)/conmon.pid")"
    [ "$(state box)" = running ]
    until_ok at_least box 1
    until_ok is box running
    kill -9 "$(keeper box)" "$(cat "$(folder box)/conmon.pid")"
    [ "$(state box)" = running ]
    until_ok is box exited
    [ "$(shale inspect -f '{{.State.ExitCode}}' box)" = 255 ]
    no_mounts
    run_ok shale start box
    [ "$(state box)" = running ]
}
