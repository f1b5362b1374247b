#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a registry tells of what it removes; which upstream a mirror asks; uploads of one process at another.

load lib

setup() {
    dir=$BATS_TEST_TMPDIR/conf
    mkdir "$dir"
}
teardown() {
    own_stop_all
    [ -z "${PEER_PID:-}" ] || kill "$PEER_PID" 2>/dev/null || true
    if [ -f "$dir/containerd.pid" ]; then kill "$(cat "$dir/containerd.pid")" 2>/dev/null || true; fi
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
    for _ in $(seq 600); do [ -s "$dir/port" ] && break; sleep 0.05; done
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
    wait_for image team/a newest four # without a grace time a collection may take the blob before the manifest comes
    wait_for all_gone 6
    [ "$(gone | sed -n '5,$p')" = "team/a newer shale-registry (not one of the 1 newest)
team/a $third shale-registry (its tags were removed by retention)" ]
    [ "$(jq -r 'select(.path == "/pushes") | .body.events[].action' "$dir/events" | sort -u)" = push ]
}

@test "events of tags that go with an image: those named after its digest, and by a delete all it has" {
    local app sig other
    receiver
    cat >"$dir/r.conf" <<END
[notify "ci"]
url = http://127.0.0.1:$PORT/
events = delete
[retention "team/**"]
tags = v*
keep_tags = 1
[gc]
grace = 0s
END
    own_registry reg --config "$dir/r.conf"
    image team/a v1 one; app=$MD
    image team/a "${app/:/-}.sig" signature; sig=$MD
    image team/a "${app/:/-}" referrers; other=$MD
    image team/a v2 two
    image team/a "${MD/:/-}.sig" stays
    run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf" --dry-run
    has "would remove: tag team/a:${app/:/-}.sig ($sig): named after an image that went"
    run_ok shale registry gc --storage "$OWN_DIR" --config "$dir/r.conf"
    has "Removed 3 tags, 3 manifests"
    wait_for all_gone 6
    [ "$(gone | head -n 4)" = "team/a v1 shale-registry (not one of the 1 newest)
team/a $app shale-registry (its tags were removed by retention)
team/a ${app/:/-} shale-registry (named after an image that went)
team/a ${app/:/-}.sig shale-registry (named after an image that went)" ]
    [ "$(gone | tail -n +5 | sort)" = "$(printf 'team/a %s shale-registry (its tags were removed by retention)\n' "$sig" "$other" | sort)" ]
    # by a client: the image first, as docker-registry tells it
    image other zwei x; image other eins x; image other stays y
    [ "$(code "/v2/other/manifests/$(dig "$(curl -s "http://$OWN/v2/other/manifests/eins" -H "Accept: $OCI")")" -X DELETE -A me)" = 202 ]
    wait_for all_gone 9
    [ "$(gone | tail -n +7 | sed 's/sha256:.* /DIGEST /')" = "other DIGEST me
other eins me
other zwei me" ]
    [ "$(curl -s "http://$OWN/v2/other/tags/list" | jq -c .tags)" = '["stays"]' ]
}

# origin NAME LAYOUT: a registry with LAYOUT as team/app:1 and library/app:1 -> NAME_AT, its log is $BATS_TEST_TMPDIR/NAME.log
origin() {
    own_registry "$1"
    own_push "$SHALE_IMAGES/$2:1.0" team/app:1
    own_push "$SHALE_IMAGES/$2:1.0" library/app:1
    declare -g "${1}_AT=$OWN"
}
digest_of() { curl -s "http://$1" -H "Accept: application/vnd.oci.image.index.v1+json" | sha256sum | cut -d' ' -f1; }

@test "a mirror of several registries: containerd says with ?ns= which one it means" {
    need containerd
    need ctr
    need_root
    local w=$BATS_TEST_TMPDIR/ctr hub quay
    origin hub busybox
    origin quay debian
    # shellcheck disable=SC2154 # set by origin
    cat >"$dir/r.conf" <<END
[upstream "hub/"]
url = http://$hub_AT
ns = docker.io
[upstream "elsewhere/"]
url = http://$quay_AT
ns = quay.example
END
    own_registry mirror --config "$dir/r.conf"
    own_push "$SHALE_IMAGES/busybox:1.0" own/app:1
    hub=$(digest_of "$hub_AT/v2/team/app/manifests/1") quay=$(digest_of "$quay_AT/v2/team/app/manifests/1")
    [ "$hub" != "$quay" ]
    mkdir -p "$w/hosts/docker.io" "$w/hosts/quay.example" "$w/hosts/nobody.example"
    for host in docker.io quay.example nobody.example; do
        printf 'server = "http://127.0.0.1:1"\n[host."http://%s"]\n  capabilities = ["pull", "resolve"]\n' "$OWN" >"$w/hosts/$host/hosts.toml"
    done
    printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\nroot = "%s"\nstate = "%s"\n[grpc]\naddress = "%s"\n' \
        "$w/root" "$w/state" "$w/c.sock" >"$w/c.toml"
    containerd -c "$w/c.toml" -l error >"$w/out" 2>&1 3>&- &
    echo $! >"$dir/containerd.pid"
    here() { timeout 60 ctr -a "$w/c.sock" "$@"; }
    for _ in $(seq 300); do ! here version >/dev/null 2>&1 || break; sleep 0.1; done
    run_ok here content fetch --hosts-dir "$w/hosts" docker.io/team/app:1
    run_ok here content fetch --hosts-dir "$w/hosts" docker.io/library/app:1
    run_ok here content fetch --hosts-dir "$w/hosts" quay.example/team/app:1
    here images ls >"$w/images"
    grep -q "^docker.io/team/app:1 .*sha256:$hub" "$w/images"
    grep -q "^docker.io/library/app:1 .*sha256:$hub" "$w/images"
    grep -q "^quay.example/team/app:1 .*sha256:$quay" "$w/images"
    grep -q 'GET /v2/team/app/manifests/.*ns=quay.example' "$OWN_DIR.log"
    [ "$(curl -s "http://$OWN/v2/_catalog" | jq -c .repositories)" = '["elsewhere/team/app","hub/library/app","hub/team/app","own/app"]' ]
    # our own, whoever is meant; and no image of one registry for another
    run_ok here content fetch --hosts-dir "$w/hosts" nobody.example/own/app:1
    run_fails 1 "" here content fetch --hosts-dir "$w/hosts" nobody.example/hub/team/app:1
    run curl -s "http://$OWN/v2/hub/team/app/manifests/1?ns=nobody.example"
    has "no [upstream] here stands for nobody.example: hub/team/app is of docker.io"
    [ "$(code "/v2/team/app/manifests/1?ns=quay.io")" = 404 ]
    [ "$(code "/v2/team/app/tags/list?ns=registry-1.docker.io")" = 200 ]
    # blobs and digests likewise
    [ "$(digest_of "$OWN/v2/team/app/manifests/sha256:$quay?ns=quay.example")" = "$quay" ]
}

begin() { curl -s -o /dev/null -D - -X POST "http://$1/v2/x/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //Ip'; }
piece() { curl -s -o /dev/null -w '%{http_code}' -X PATCH --data-binary "@$2" -H "Content-Type: application/octet-stream" "http://$1$3" "${@:4}"; }
at() { curl -s -o /dev/null -D - "http://$1$2" | tr -d '\r' | sed -n 's/^Range: 0-//Ip'; }

@test "an upload that was begun at one server goes on at another one of the same folder, also after kill -9" {
    cd "$BATS_TEST_TMPDIR"
    local a b have client sum
    own_registry reg
    a=$OWN a_pid=$OWN_PID
    cp "$OWN_DIR.log" a.log # the next one writes there
    own_registry reg
    b=$OWN
    for i in 1 2 3 4; do head -c 1000000 /dev/urandom >p$i; done
    sum=$(cat p1 p2 p3 p4 | sha256sum | cut -d' ' -f1)
    # pieces here and there, while both have it open
    loc=$(begin "$a")
    [ "$(piece "$a" p1 "$loc")" = 202 ]
    [ "$(piece "$b" p2 "$loc" -H 'Content-Range: 1000000-1999999')" = 202 ]
    [ "$(at "$a" "$loc")" = 1999999 ]
    [ "$(piece "$a" p2 "$loc" -H 'Content-Range: 1000000-1999999')" = 416 ]
    [ "$(piece "$a" p3 "$loc" -H 'Content-Range: 2000000-2999999')" = 202 ]
    [ "$(piece "$b" p4 "$loc" -H 'Content-Range: 3000000-3999999')" = 202 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X PUT "http://$a$loc?digest=sha256:$sum")" = 201 ]
    [ "$(piece "$b" p1 "$loc")" = 404 ]
    [ "$(curl -s "http://$b/v2/x/blobs/sha256:$sum" | sha256sum | cut -d' ' -f1)" = "$sum" ]
    # one request at a time has it, wherever it is; then the server that had it is killed in the middle of a piece
    head -c 30000000 /dev/urandom >big
    sum=$(sha256sum big | cut -d' ' -f1)
    loc=$(begin "$a")
    curl -s -o /dev/null --limit-rate 4M -X PATCH -T big "http://$a$loc" &
    client=$!
    for _ in $(seq 1500); do
        have=$(at "$b" "$loc")
        [ "${have:-0}" -lt 1000000 ] || break
        sleep 0.02
    done
    [ "$(piece "$b" p1 "$loc")" = 416 ]
    kill -9 "$a_pid"
    wait "$client" || true
    have=$(at "$b" "$loc")
    [ "$have" -ge 1000000 ] && [ "$have" -lt 29999999 ]
    tail -c +$((have + 2)) big >rest
    [ "$(piece "$b" rest "$loc")" = 202 ]
    [ "$(curl -s -o /dev/null -w '%{http_code}' -X PUT "http://$b$loc?digest=sha256:$sum")" = 201 ]
    curl -s "http://$b/v2/x/blobs/sha256:$sum" | cmp - big
    [ -z "$(ls "$OWN_DIR/uploads")" ]
}
