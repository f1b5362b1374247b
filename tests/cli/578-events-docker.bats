#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# The same commands given to docker's own engine and to shale: the same events, in the same order, with the same
# attributes. What may differ stands in `comparable`.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() {
    docker_engine_stop
    drop_store
}

# live CMD…: a life of images, containers and volumes
live() {
    "$@" tag bb:1 bb:2
    "$@" rmi bb:2
    "$@" run --rm --network none bb:1 true
    "$@" run -d --name web -l app=shop -v vol:/data --network none bb:1 sleep 1000
    "$@" exec web sh -c 'exit 3'
    "$@" exec web true
    "$@" top web
    "$@" pause web
    "$@" unpause web
    "$@" rename web www
    "$@" export -o "$BATS_TEST_TMPDIR/flat.tar" www
    "$@" commit --pause=false -m hi www kept:1
    "$@" restart -t 1 www
    "$@" stop -t 1 www
    "$@" start www
    "$@" kill www
    "$@" start www
    "$@" rm -f www
    "$@" create --name anon -v /anon --network none bb:1 true
    "$@" rm -v anon
    "$@" create --name plain --network none bb:1 true # without volumes: docker mounts them for this
    "$@" cp plain:/etc/passwd "$BATS_TEST_TMPDIR/passwd"
    "$@" cp "$BATS_TEST_TMPDIR/passwd" plain:/tmp/
    "$@" rm plain
    "$@" volume rm vol
    "$@" rmi kept:1
    "$@" save -o "$BATS_TEST_TMPDIR/again.tar" bb:1
    "$@" load -qi "$BATS_TEST_TMPDIR/again.tar"
    "$@" import "$BATS_TEST_TMPDIR/flat.tar" flat:1
    "$@" container prune -f
    "$@" rmi flat:1
} >"$BATS_TEST_TMPDIR/said" 2>&1
# comparable: without what only newer engines tell (how long it ran, images that are made) and the network, which this
# engine connects containers to even where there is none
comparable() { grep -v -e '^network ' -e '^image create ' | sed 's/ execDuration//'; }

@test "docker's engine tells the same" {
    need dockerd
    need docker
    [[ $(shale info --format '{{json .}}') != *"without control groups"* ]] || skip "no runtime with control groups here"
    docker_engine || skip "docker's engine does not come up here: $(tail -n 1 "$BATS_TEST_TMPDIR/dockerd.log")"
    format='{{.Type}} {{.Action}}{{range $k, $v := .Actor.Attributes}} {{$k}}{{end}}'
    shale tag "$image" bb:1
    shale save -o "$BATS_TEST_TMPDIR/bb.tar" bb:1
    docker -H "$ENGINE" load -qi "$BATS_TEST_TMPDIR/bb.tar" >/dev/null
    from=$(date +%s.%N)
    live docker -H "$ENGINE" || true
    docker -H "$ENGINE" events --since "$from" --until "$(date +%s.%N)" --format "$format" | comparable >"$BATS_TEST_TMPDIR/theirs"
    from=$(date +%s.%N)
    live shale || true
    shale events --since "$from" --until 0s --format "$format" | comparable >"$BATS_TEST_TMPDIR/ours"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/theirs")" -gt 40 ] || { cat "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/said"; false; }
    run_ok diff "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours"
}
