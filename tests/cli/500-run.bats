#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# Containers: a real runtime, conmon, images of Debian's busybox.

load lib

setup_file() { registry_with busybox debian; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() { drop_store; }

@test "output, standard error and exit status pass through" {
    run_ok run_rm "$image" echo hello
    [ "$output" = hello ]
    run run_rm "$image" sh -c 'echo out; echo err >&2; exit 7'
    [ "$status" = 7 ]
    has out
    has err
    [ "$(run_rm "$image" sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
}

@test "standard input passes through with -i" {
    run_ok bash -c "echo some words | '$SHALE_BIN' run --rm -i --network none $image cat"
    [ "$output" = "some words" ]
    [ "$(head -c 3000000 /dev/zero | shale run --rm -i --network none "$image" wc -c)" = 3000000 ]
}

@test "nothing stays after --rm" {
    # gone when it returns, name and all, whoever removes it
    for _ in $(seq 6); do run_ok shale run --rm -i --name again --network none "$image" true </dev/null; done
    [ -z "$(shale ps -aq)" ]
    run_ok run_rm "$image" true
    run_ok shale ps -aq
    [ -z "$output" ]
    [ -z "$(ls "$SHALE_ROOT/containers")" ]
    ! grep -q "$SHALE_ROOT/containers" /proc/self/mountinfo
}

@test "125, 126, 127" {
    run run_rm "$image" /nope
    [ "$status" = 127 ]
    run run_rm "$image" /etc/passwd
    [ "$status" = 126 ]
    run_fails 125 "unknown flag: --nope" shale run --nope "$image"
    run_fails 125 "network nope not found" shale run --rm --network nope "$image" true
    run_ok shale ps -aq
    [ -z "$output" ]
}

@test "a container keeps what it wrote, and its log" {
    run shale run --name work --network none "$image" sh -c 'echo one > /result; echo said; echo bad >&2; exit 3'
    [ "$status" = 3 ]
    run_ok shale logs work
    has said
    has bad
    run_ok shale ps -a --format '{{.Names}} {{.State}} {{.Status}}'
    [[ $output == "work exited Exited (3) "* ]]
    run shale start -a work
    [ "$status" = 3 ]
    run_fails 1 "No such container: nope" shale logs nope
    run_ok shale inspect -f '{{.State.ExitCode}} {{.Name}} {{.Config.Image}}' work
    [ "$output" = "3 /work $image" ]
}

@test "detached: ps, exec, logs, stop, rm" {
    run_ok shale run -d --name web --network none "$image" sh -c 'trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.05; done'
    id=$output
    [ ${#id} = 64 ]
    run_ok shale ps -q --no-trunc
    [ "$output" = "$id" ]
    run_ok shale exec web sh -c 'echo inside; hostname'
    has inside
    has "${id:0:12}"
    run shale exec web sh -c 'exit 9'
    [ "$status" = 9 ]
    run shale exec web /nope
    [ "$status" = 127 ]
    [ "$(echo piped | shale exec -i web cat)" = piped ]
    run_fails 1 "cannot remove container \"web\": container is running" shale rm web
    run_ok shale stop web
    run_ok shale inspect -f '{{.State.Status}} {{.State.ExitCode}}' web
    [ "$output" = "exited 5" ]
    run_ok shale logs web
    has up
    has bye
    run_fails 1 "is not running" shale exec web true
    run_ok shale rm web
}

@test "kill, wait, rm -f" {
    shale run -d --name kk --network none "$image" sleep 1000 >/dev/null
    shale wait kk >"$BATS_TEST_TMPDIR/waited" &
    waiter=$!
    sleep 0.2
    run_ok shale kill kk
    wait $waiter
    [ "$(cat "$BATS_TEST_TMPDIR/waited")" = 137 ]
    run_fails 1 "cannot kill container: kk: container" shale kill kk
    shale run -d --name ff --network none "$image" sleep 1000 >/dev/null
    run_ok shale rm -f ff
    run_ok shale ps -aq -f name=ff
    [ -z "$output" ]
}

@test "the image's and the options' configuration" {
    run_ok run_rm -e A=1 -e B=two -w /tmp -u app "$image" sh -c 'echo $A $B; pwd; id -u; id -G'
    [ "${lines[0]}" = "1 two" ]
    [ "${lines[1]}" = /tmp ]
    [ "${lines[2]}" = 1000 ]
    [ "${lines[3]}" = "1000 2000" ]
    run_ok run_rm --hostname box "$image" hostname
    [ "$output" = box ]
    run_ok run_rm --entrypoint echo "$image" from entry
    [ "$output" = "from entry" ]
    run_fails 125 "unable to find user nobody2" run_rm -u nobody2 "$image" true
    printf 'C=3\n# no\nD=4\n' >"$BATS_TEST_TMPDIR/env"
    run_ok run_rm --env-file "$BATS_TEST_TMPDIR/env" "$image" sh -c 'echo $C$D'
    [ "$output" = 34 ]
}

@test "mounts: -v, --mount, --tmpfs, --read-only" {
    mkdir "$BATS_TEST_TMPDIR/src"
    echo data >"$BATS_TEST_TMPDIR/src/f"
    run_ok run_rm -v "$BATS_TEST_TMPDIR/src:/d:ro" "$image" sh -c 'cat /d/f; touch /d/g 2>&1 || echo refused'
    has data
    has refused
    run_ok run_rm --mount "type=bind,source=$BATS_TEST_TMPDIR/src,target=/d" "$image" sh -c 'echo new > /d/n'
    [ "$(cat "$BATS_TEST_TMPDIR/src/n")" = new ]
    run_ok run_rm --read-only --tmpfs /scratch "$image" sh -c 'touch /x 2>/dev/null || echo ro; touch /scratch/x && echo rw'
    [ "${lines[0]}" = ro ]
    [ "${lines[1]}" = rw ]
    run_ok run_rm -v named:/v "$image" sh -c 'echo kept > /v/x'
    run_ok run_rm -v named:/v "$image" cat /v/x
    [ "$output" = kept ]
}

@test "names: conflict, validity" {
    run_ok shale create --name one --network none "$image" true
    run_fails 1 'Conflict. The container name "/one" is already in use by container' shale create --name one --network none "$image" true
    run_fails 1 "Invalid container name (a/b)" shale create --name a/b --network none "$image" true
}

@test "signals go to the container" {
    "$SHALE_BIN" run --rm --network none "$image" sh -c 'trap "echo got; exit 4" INT; echo ready; while :; do sleep 0.05; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    for _ in $(seq 600); do grep -q ready "$BATS_TEST_TMPDIR/out" && break; sleep 0.05; done
    kill -INT $pid
    status=0; wait $pid || status=$?
    [ "$status" = 4 ]
    grep -q got "$BATS_TEST_TMPDIR/out"
}

@test "a terminal" {
    run_ok script -qec "'$SHALE_BIN' run --rm -it --network none $image sh -c 'tty; stty size'" /dev/null
    has /dev/pts/0
}

@test "a killed client leaves a container that the next command clears up" {
    "$SHALE_BIN" run --rm --name orphan --network none "$image" sh -c 'echo ready; sleep 1' >"$BATS_TEST_TMPDIR/out" 3>&- &
    pid=$!
    for _ in $(seq 600); do grep -q ready "$BATS_TEST_TMPDIR/out" && break; sleep 0.05; done
    kill -KILL $pid
    wait $pid || true
    sleep 1.5
    run_ok shale ps -aq
    [ -z "$output" ]
    ! grep -q "$SHALE_ROOT/containers" /proc/self/mountinfo
}

@test "run --rm that is killed before its start leaves nothing, create --rm stays" {
    rows() { python3 -c 'import sqlite3, sys; print(*(r[0] for r in sqlite3.connect(sys.argv[1]).execute("select name from containers")))' "$SHALE_ROOT/shale.db"; }
    # its first lock is that of the start
    run strace -o /dev/null -e trace=flock -e inject=flock:signal=KILL:when=1 "$SHALE_BIN" run --rm --name early --network none "$image" true
    [ "$status" = 137 ]
    [ "$(rows)" = early ]
    shale create --rm --name later --network none "$image" true >/dev/null
    run_ok shale ps -a --format '{{.Names}} {{.Status}}'
    [ "$output" = "later Created" ]
    [ "$(rows)" = later ]
    run_ok shale rm later
}

@test "an image that a container uses cannot be deleted" {
    shale create --name user --network none "$image" true >/dev/null
    run_fails 1 "conflict: unable to remove repository reference \"$image\" (must force) - container" shale rmi "$image"
    id=$(shale images -q)
    run_fails 1 "conflict: unable to delete $id (must be forced) - image is being used by stopped container" shale rmi "$id"
    shale rm user
    shale run -d --name user --network none "$image" sleep 1000 >/dev/null
    run_fails 1 "conflict: unable to delete $id (cannot be forced) - image is being used by running container" shale rmi -f "$id"
    # by name and forced: untagged, and still there for the container
    run_ok shale rmi -f "$image"
    has Untagged
    hasnt Deleted
    run_ok shale exec user echo alive
    [ "$output" = alive ]
    run_ok shale rm -f user
}

@test "the dir driver runs the same containers" {
    export SHALE_ROOT=$BATS_TEST_TMPDIR/store-dir
    shale --storage-driver dir pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    run_ok shale --storage-driver dir run --rm --network none "$REGISTRY_HOST/debian:1.0" sh -c 'cat /etc/motd; ls /etc/issue 2>&1; echo "{\"a\":1}" | jq .a'
    has "made for shale's tour"
    has "No such file"
    [ "${lines[-1]}" = 1 ]
}
