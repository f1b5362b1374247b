#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# rename, restart, pause, top, port, container prune.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }
names() { shale ps "$@" --format '{{.Names}}' | paste -sd' '; }
state() { shale inspect -f '{{.State.Status}}' "$1"; }
# with_groups: pausing needs a runtime that makes control groups
sleeper() { shale run -d --name "$1" --network none "${@:2}" "$image" sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done'; }

@test "rename: the new name counts, the old one is free; what is wrong is said" {
    id=$(shale create --name one --network none "$image" true)
    other=$(shale create --name two --network none "$image" true)
    run_ok shale rename one three
    [ -z "$output" ]
    [ "$(shale inspect -f '{{.Id}} {{.Name}}' three)" = "$id /three" ]
    run_fails 1 "No such container: one" shale rename one four
    run_fails 1 "Error when allocating new name: Conflict. The container name \"/two\" is already in use by container \"$other\". You have to remove (or rename) that container to be able to reuse that name." shale rename three two
    run_fails 1 "Error when allocating new name: Invalid container name (/a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed" shale rename three a/b
    run_fails 1 "Renaming a container with the same name as its current name" shale rename three /three
    run_fails 1 "Neither old nor new names may be empty" shale rename three ""
    run_ok shale container rename "${id:0:12}" one
    [ "$(names -a)" = "two one" ]
    run_fails 1 "'shale rename' requires 2 arguments" shale rename one
}

@test "restart: ends it with its signal and starts it again; a stopped one starts" {
    sleeper box >/dev/null
    pid=$(shale inspect -f '{{.State.Pid}}' box)
    run_ok shale restart -t 5 box
    [ "$output" = box ]
    [ "$(state box)" = running ]
    [ "$(shale inspect -f '{{.State.Pid}}' box)" != "$pid" ]
    shale stop box >/dev/null
    [ "$(shale inspect -f '{{.State.ExitCode}}' box)" = 7 ]
    run_ok shale restart box
    [ "$(state box)" = running ]
    run_fails 1 "No such container: nope" shale restart box nope
    has box
    run_fails 1 "invalid signal: BOGUS" shale restart -s BOGUS box
    [ "$(state box)" = running ]
}

@test "restart of one that is removed at its end: stays, and goes at its next end" {
    sleeper box --rm >/dev/null
    run_ok shale restart -t 5 box
    [ "$(state box)" = running ]
    run_ok shale stop box
    for _ in $(seq 300); do [ -z "$(names -a)" ] && break; sleep 0.1; done
    [ -z "$(names -a)" ]
}

@test "pause: nothing runs, ps and inspect say so, unpause lets it go on" {
    with_groups
    shale run -d --name box --network none "$image" sh -c 'while :; do echo x; sleep 0.05; done' >/dev/null
    run_ok shale pause box
    [ "$output" = box ]
    sleep 0.2
    before=$(shale logs box | wc -l)
    sleep 0.4
    [ "$(shale logs box | wc -l)" = "$before" ]
    [ "$(shale inspect -f '{{.State.Status}} {{.State.Running}} {{.State.Paused}}' box)" = "paused true true" ]
    [[ $(shale ps --format '{{.Status}}') == "Up "*" (Paused)" ]]
    [ "$(names -f status=paused)" = box ]
    id=$(shale ps -q --no-trunc)
    run_fails 1 "Container $id is already paused" shale pause box
    run_fails 1 "Container box is paused, unpause the container before exec" shale exec box true
    run_fails 1 "cannot start a paused container, try unpause instead" shale start box
    run_fails 1 'cannot remove container "box": container is paused: unpause and stop the container before removing or force remove' shale rm box
    run_ok shale unpause box
    sleep 0.4
    [ "$(shale logs box | wc -l)" -gt "$before" ]
    run_fails 1 "Container $id is not paused" shale unpause box
    run_ok shale kill box
    run_fails 1 "container $id is not running" shale pause box
    run_fails 1 "No such container: nope" shale pause nope
    run_fails 1 "No such container: nope" shale unpause nope
}

@test "a paused container can be stopped, killed, restarted and removed by force" {
    with_groups
    for what in "stop -t 5" kill "restart -t 5" "rm -f"; do
        sleeper box >/dev/null
        shale pause box >/dev/null
        # shellcheck disable=SC2086
        run_ok timeout 20 "$SHALE_BIN" $what box
        case $what in
        stop*) [ "$(shale inspect -f '{{.State.ExitCode}}' box)" = 7 ] ;;
        kill) [ "$(shale inspect -f '{{.State.ExitCode}}' box)" = 137 ] ;;
        restart*) [ "$(state box)" = running ] ;;
        *) [ -z "$(names -a)" ] ;;
        esac
        shale rm -f box >/dev/null 2>&1
    done
}

@test "top: the container's processes and no others" {
    shale run -d --name box --network none "$image" sh -c 'sleep 1000 & sleep 1001; true' >/dev/null
    sleep 0.3
    run_ok shale top box
    [[ ${lines[0]} =~ ^UID\ +PID\ +PPID\ +C\ +STIME\ +TTY\ +TIME\ +CMD$ ]]
    has "sleep 1000"
    has "sleep 1001"
    [ "${#lines[@]}" = 4 ]
    [ "${lines[0]:20:3}" = PID ]
    run_ok shale top box -o pid,comm
    [[ ${lines[0]} =~ ^PID\ +COMMAND$ ]]
    [ "${#lines[@]}" = 4 ]
    run_fails 1 "Couldn't find PID field in ps output" shale top box -o comm
    run_fails 1 "Error: ps: " shale top box --bogus
    shale kill box >/dev/null
    run_fails 1 "is not running" shale top box
    run_fails 1 "No such container: nope" shale top nope
}

@test "port: none is published, and that is said" {
    shale create --name box --network none "$image" true >/dev/null
    run_ok shale port box
    [ -z "$output" ]
    run_fails 1 "No public port '80' published for box" shale port box 80
    run_fails 1 "No public port '53/udp' published for box" shale port box 53/udp
    run_fails 1 "invalid port (x)" shale port box x
    run_fails 1 "invalid port (80/)" shale port box 80/
    run_fails 1 "No such container: nope" shale port nope
}

@test "container prune: what does not run goes, filters choose, the question is asked" {
    a=$(shale create --name box-a --network none -l keep=yes "$image" true)
    b=$(shale create --name box-b --network none -l team=x "$image" true)
    shale run --name box-c --network none "$image" sh -c 'head -c 100000 /dev/zero > /big'
    c=$(shale inspect -f '{{.Id}}' box-c)
    sleeper box-d >/dev/null
    run_ok shale container prune <<<n
    has "WARNING! This will remove all stopped containers."
    has "Are you sure you want to continue? [y/N] "
    hasnt Deleted
    run_ok shale container prune </dev/null
    [ "$(names -a)" = "box-d box-c box-b box-a" ]
    run_fails 1 "invalid filter 'bogus'" shale container prune -f --filter bogus=1
    run_fails 1 "more than one until filter specified" shale container prune -f --filter until=1h --filter until=2h
    run_fails 1 "failed to parse value as time or duration" shale container prune -f --filter until=yesterdayish
    run_ok shale container prune -f --filter until=1h
    [ "$output" = "Total reclaimed space: 0B" ]
    run_ok shale container prune -f --filter label=team=y
    run_ok shale container prune -f --filter label=team
    [ "$output" = "Deleted Containers:
$b

Total reclaimed space: 0B" ]
    run_ok shale container prune --filter 'label!=keep' <<<y
    has "$c"
    hasnt "$a"
    [[ ${lines[-1]} =~ "Total reclaimed space: "1[0-9.]+kB$ ]]
    run_ok shale container prune -f
    has "$a"
    [ "$(names -a)" = box-d ]
}

@test "the twins under container" {
    for command in pause unpause rename restart top port prune; do
        run_ok shale container "$command" --help
        has "Usage:  shale container $command"
        has "Examples:"
    done
}
