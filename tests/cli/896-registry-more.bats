#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a registry tells of what it removes.

load lib

setup() {
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
}
teardown() {
    own_stop_all
    [ -z "${PEER_PID:-}" ] || kill "$PEER_PID" 2>/dev/null || true
}

OCI=application/vnd.oci.image.manifest.v1+json
dig() { printf 'sha256:%s' "$(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }
code() { curl -s -o /dev/null -w '%{http_code}' "${@:2}" "http://$OWN$1"; }
# image REPO TAG TEXT: an image with one blob, TEXT -> $MD
image() {
    [ "$(code "/v2/$1/blobs/uploads/?digest=$(dig "$3")" -X POST -H 'Content-Type: application/octet-stream' --data-binary "$3")" = 201 ]
    M='{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"a/b","digest":"'$(dig "$3")'","size":'${#3}'},"layers":[]}'
    MD=$(dig "$M")
    [ "$(code "/v2/$1/manifests/$2" -X PUT -H "Content-Type: $OCI" --data-binary "$M")" = 201 ]
}
wait_for() { for _ in $(seq 200); do ! "$@" || return 0; sleep 0.1; done; echo "never: $*"; cat "$OWN_DIR.log"; return 1; }
receiver() { # a receiver of events -> $dir/events, PORT
    mkfifo "$dir/end"
    # shellcheck disable=SC2154 # set by lib.bash
    python3 -B "$top/tests/unit/registry/notify_peer.py" "$dir/port" "$dir/events" 0 0 <>"$dir/end" 3>&- &
    PEER_PID=$!
    for _ in $(seq 100); do [ -s "$dir/port" ] && break; sleep 0.05; done
    PORT=$(cat "$dir/port")
}
# "TAG or DIGEST of the removed, why" in a line each
gone() { jq -r '.body.events[] | select(.action == "delete") | .target.repository + " " + (.target.tag // .target.digest) + " " + .request.useragent' "$dir/events" 2>/dev/null; }
all_gone() { [ "$(gone | wc -l)" -ge "$1" ]; }

@test "events of what retention removes: by the server, by shale registry gc beside it and without it" {
    local first second third
    receiver
    cat >"$dir/r.conf" <<END
[notify "ci"]
url = http://127.0.0.1:$PORT/
events = delete
[notify "other"]
url = http://127.0.0.1:$PORT/pushes
events = push
[retention "team/**"]
keep_tags = 1
[gc]
grace = 0s
END
    own_registry reg --config "$dir/r.conf"
    image team/a old one; first=$MD
    image team/a new two; second=$MD
    image other old one
    run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf" --dry-run
    has "would remove: tag team/a:old"
    [ ! -e "$OWN_DIR/notify.handed" ]
    run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf"
    has "Removed 1 tags, 1 manifests"
    wait_for all_gone 2
    [ "$(gone)" = "team/a old shale-registry (not one of the 1 newest)
team/a $first shale-registry (its tags were removed by retention)" ]
    [ ! -e "$OWN_DIR/notify.handed" ]
    # nobody serves: it is told later
    image team/a newer three; third=$MD
    own_stop
    run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf"
    [ -s "$OWN_DIR/notify.handed" ]
    own_registry reg --config "$dir/r.conf"
    wait_for all_gone 4
    [ "$(gone | sed -n '3,$p')" = "team/a new shale-registry (not one of the 1 newest)
team/a $second shale-registry (its tags were removed by retention)" ]
    own_stop
    # the server's own collection
    sed -i 's/^grace = 0s/&\ninterval = 1s/' "$dir/r.conf"
    own_registry reg --config "$dir/r.conf"
    image team/a newest four
    wait_for all_gone 6
    [ "$(gone | sed -n '5,$p')" = "team/a newer shale-registry (not one of the 1 newest)
team/a $third shale-registry (its tags were removed by retention)" ]
    [ "$(jq -r 'select(.path == "/pushes") | .body.events[].action' "$dir/events" | sort -u)" = push ]
}
