#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # image is container_setup's
# events: what is told of images, containers, volumes; formats, filters, times, following.

load lib

setup_file() { registry_with busybox; }
teardown_file() { registry_stop_all; }
setup() { container_setup; }
teardown() {
    [ -z "${FOLLOWER:-}" ] || kill "$FOLLOWER" 2>/dev/null || true
    drop_store
}
# told [OPTION…]: type and action of all that has happened, one a line
told() { shale events --since 0 --until 0s --format '{{.Type}} {{.Action}}' "$@"; }
# attributes EVENT: names of the attributes of the last one
attributes() { shale events --since 0 --until 0s --filter event="$1" --format '{{range $k, $v := .Actor.Attributes}}{{$k}} {{end}}' | tail -n 1 | sed 's/ $//'; }
# said FILE TEXT: waits until the file has it
said() {
    for _ in $(seq 600); do grep -q "$2" "$1" && return 0; sleep 0.05; done
    echo "no '$2' in:"; cat "$1"; return 1
}

@test "images: pull, tag, untag, save, load, import, push, commit, delete, prune, in order, with docker's attributes" {
    id=$(shale images -q --no-trunc)
    shale tag "$image" app:1
    shale rmi app:1 >/dev/null
    shale save -o "$BATS_TEST_TMPDIR/a.tar" "$image"
    shale load -qi "$BATS_TEST_TMPDIR/a.tar" >/dev/null
    shale tag "$image" "$REGISTRY_HOST/copy:1"
    shale push -q "$REGISTRY_HOST/copy:1" >/dev/null
    tar -C "$BATS_TEST_TMPDIR" -cf "$BATS_TEST_TMPDIR/flat.tar" a.tar
    flat=$(shale import "$BATS_TEST_TMPDIR/flat.tar" flat:1)
    shale rmi flat:1 >/dev/null
    shale image prune -f >/dev/null
    run_ok told
    [ "$(paste -sd, <<<"$output")" = "image pull,image tag,image untag,image save,image load,image tag,image push,image tag,image import,image untag,image delete,image prune" ]
    run_ok shale events --since 0 --until 0s --format '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}'
    [ "${lines[0]}" = "pull $image ${image%:*}" ]
    [ "${lines[1]}" = "tag $id app:1" ]
    [ "${lines[2]}" = "untag $id $id" ]
    [ "${lines[3]}" = "save $id $id" ]
    [ "${lines[6]}" = "push $REGISTRY_HOST/copy:1 $REGISTRY_HOST/copy" ]
    [ "${lines[8]}" = "import $flat $flat" ]
    [ "${lines[10]}" = "delete $flat $flat" ]
    # labels of the image are attributes, too
    [ "$(attributes tag)" = name ] || [ "$(attributes tag)" = "name org.opencontainers.image.title" ]
    [[ $(shale events --since 0 --until 0s -f event=prune --format '{{json .Actor}}') =~ ^\{\"ID\":\"\",\"Attributes\":\{\"reclaimed\":\"[0-9]+\"\}\}$ ]]
    # what is only looked at, or fails, is not told of
    n=$(told | wc -l)
    shale images >/dev/null
    run shale rmi nope
    shale image prune -a --dry-run >/dev/null
    shale rmi --dry-run "$image" >/dev/null || true
    [ "$(told | wc -l)" = "$n" ]
}

@test "containers and volumes: a life from create to destroy" {
    id=$(shale run -d --name web -l app=shop -v vol:/data --network none "$image" sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done')
    run shale exec web sh -c 'exit 3'
    shale top web >/dev/null
    shale rename web www
    shale kill -s USR1 www >/dev/null 2>&1 || true
    shale export www >/dev/null
    shale commit -m hi www kept:1 >/dev/null
    shale stop -t 20 www >/dev/null
    shale start www >/dev/null
    shale rm -f www >/dev/null
    shale volume rm vol >/dev/null
    run_ok told --filter type=container --filter type=volume
    want="volume create,container create,volume mount,container start,container exec_create: sh -c exit 3,container exec_start: sh -c exit 3,container exec_die,container top,container rename"
    [[ $(paste -sd, <<<"$output") == "$want,container kill,"* ]]
    [[ $(paste -sd, <<<"$output") == *",container export,"*"container commit,container kill,container die,volume unmount,container stop,volume mount,container start,container kill,container die,volume unmount,container destroy,volume destroy" ]]
    run_ok shale events --since 0 --until 0s --filter container=www --format '{{.ID}} {{.From}} {{.Actor.Attributes.app}}'
    [ "$(sort -u <<<"$output")" = "$id $image shop" ]
    [ "$(shale events --since 0 --until 0s -f event=die --format '{{.Actor.Attributes.exitCode}}' | paste -sd,)" = 7,137 ]
    [ "$(shale events --since 0 --until 0s -f event=exec_die --format '{{.Actor.Attributes.exitCode}}')" = 3 ]
    [ "$(shale events --since 0 --until 0s -f event=rename --format '{{.Actor.Attributes.oldName}} {{.Actor.Attributes.name}}')" = "/web www" ]
    [[ $(shale events --since 0 --until 0s -f event=mount | head -n 1) == *" volume mount vol (container=$id, destination=/data, driver=local, propagation=, read/write=true)" ]]
    [[ $(shale events --since 0 --until 0s -f event=commit) == *"comment=hi, "*"imageID=sha256:"*"imageRef=kept:1, "* ]]
}

@test "the end is told by whoever sees it: the command itself, conmon, or the next one that looks" {
    shale run --rm --network none "$image" true
    run_ok told -f type=container
    [ "$(paste -sd, <<<"$output")" = "container create,container attach,container start,container die,container destroy" ]
    shale run -d --name quick --network none "$image" sh -c 'exit 5' >/dev/null
    for _ in $(seq 600); do told -f container=quick | grep -q die && break; sleep 0.05; done
    run_ok shale events --since 0 --until 0s -f container=quick --format '{{.Action}} {{.Actor.Attributes.exitCode}}'
    [ "${lines[-1]}" = "die 5" ]
    id=$(shale run -d --name lost --network none "$image" sleep 1000)
    kill -9 "$(cat "$SHALE_ROOT/containers/$id/conmon.pid")" "$(shale inspect -f '{{.State.Pid}}' lost)"
    for _ in $(seq 600); do [[ $(shale ps -q) ]] || break; sleep 0.05; done
    [ "$(told -f container=lost | grep -c die)" = 1 ]
}

@test "lines and JSON are docker's; templates, and what is wrong with them" {
    run_ok shale events --since 0 --until 0s
    [[ ${lines[0]} =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}(Z|[+-][0-9]{2}:[0-9]{2})\ image\ pull\ "$image"\ \(name="${image%:*}" ]]
    TZ=Asia/Kolkata run_ok shale events --since 0 --until 0s
    [[ ${lines[0]} == *"+05:30 image pull "* ]]
    run_ok shale events --since 0 --until 0s --format json
    python3 - "$output" "$image" <<'PY'
import json, sys
v = json.loads(sys.argv[1], object_pairs_hook=list)
assert [k for k, _ in v] == ["status", "id", "Type", "Action", "Actor", "scope", "time", "timeNano"], v
d = json.loads(sys.argv[1])
assert d["timeNano"] // 10**9 == d["time"] and d["id"] == d["Actor"]["ID"] == sys.argv[2] and d["scope"] == "local"
PY
    [ "$(shale events --since 0 --until 0s --format '{{json .}}')" = "$output" ]
    run_fails 64 "Error parsing format: template: :1: unclosed action" shale events --format '{{.Type'
    run_fails 64 "can't evaluate field Nope in type *events.Message" shale events --format '{{.Nope}}'
    run_fails 1 "invalid filter 'nope'" shale events --filter nope=1
    run_fails 1 'failed to parse value as time or duration: "x"' shale events --since x
    run_fails 1 "since time (5m) cannot be after until time (10m)" shale events --since 5m --until 10m
    run_fails 1 "accepts no arguments" shale events x
    run_fails 125 "bad format of filter (expected name=value)" shale events --filter x
    [ "$(shale system events --since 0 --until 0s --format '{{.Type}}')" = image ]
}

@test "following: from now on, or from then; several at once; until a time; a closed pipe ends it" {
    "$SHALE_BIN" events >"$BATS_TEST_TMPDIR/now" 2>&1 3>&- &
    FOLLOWER=$!
    "$SHALE_BIN" events --since 0 --until "$(date -d "+60 seconds" +%s)" --filter event=tag >"$BATS_TEST_TMPDIR/then" 2>&1 3>&- &
    second=$!
    for _ in $(seq 600); do # until it is there
        shale tag "$image" "again:1"
        [ ! -s "$BATS_TEST_TMPDIR/now" ] || break
        sleep 0.05
    done
    shale tag "$image" last:1
    said "$BATS_TEST_TMPDIR/now" "name=last:1"
    said "$BATS_TEST_TMPDIR/then" "name=last:1"
    run cat "$BATS_TEST_TMPDIR/now" "$BATS_TEST_TMPDIR/then"
    hasnt pull
    kill "$FOLLOWER" "$second"
    wait "$FOLLOWER" "$second" || true
    run kill -0 "$FOLLOWER"
    [ "$status" != 0 ]
    # a time that is yet to come
    SECONDS=0
    soon=$(date -d '+1 second' +%s.%N)
    run_ok shale events --until "$soon"
    [ -z "$output" ] && [ "$SECONDS" -lt 15 ]
    run_ok timeout 20 bash -c '"$SHALE_BIN" events --since 0 --until 0s | head -n 1'
    [ "${#lines[@]}" = 1 ]
}

@test "a journal that cannot be written stops nothing; one that is damaged is read as far as it goes" {
    printf '12 {"Type":"im' >>"$SHALE_ROOT/events/log"
    shale tag "$image" app:1
    [ "$(told | paste -sd,)" = "image pull,image tag" ]
    rm -r "$SHALE_ROOT/events"
    : >"$SHALE_ROOT/events"
    run_ok shale tag "$image" app:2
    [ -z "$output" ]
    run_fails 1 "events" shale events --until 0s
    rm "$SHALE_ROOT/events"
    run_ok shale events --since 0 --until 0s
    [ -z "$output" ]
    run_ok shale fsck --check
}
