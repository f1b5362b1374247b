#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Collection: what nobody needs goes, while pushes and pulls go on; nothing else does.

load lib

setup() { own_registry reg; }
teardown() { own_stop_all; }

OCI=application/vnd.oci.image.manifest.v1+json
INDEX=application/vnd.oci.image.index.v1+json
dig() { printf 'sha256:%s' "$(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }
blob() { [ "$(curl -s -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/octet-stream' --data-binary "$2" "http://$OWN/v2/$1/blobs/uploads/?digest=$(dig "$2")")" = 201 ]; }
# image REPO REF TEXT: an artifact with one blob -> $M, $MD
image() {
    blob "$1" "$3"
    M='{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"a/b","digest":"'$(dig "$3")'","size":'${#3}'},"layers":[]'${4:-}'}'
    MD=$(dig "$M")
    put "$1" "${2:-$MD}" "$M" $OCI
}
put() { [ "$(curl -s -o /dev/null -w '%{http_code}' -X PUT -H "Content-Type: $4" --data-binary "$3" "http://$OWN/v2/$1/manifests/$2")" = 201 ]; }
code() { curl -s -o /dev/null -w '%{http_code}' "${@:2}" "http://$OWN$1"; }
gc() { run_ok shale registry gc --storage "$OWN_DIR" --grace "${grace:-0s}" "$@"; }

@test "what manifests need stays; what nobody needs goes" {
    image a v1 one
    blob a unneeded
    gc --dry-run
    has "would remove: blob $(dig unneeded)"
    has "Would remove 0 manifests, 1 blobs"
    [ "$(code "/v2/a/blobs/$(dig unneeded)")" = 200 ]
    gc
    has "removed: blob $(dig unneeded)"
    [ "$(code "/v2/a/blobs/$(dig unneeded)")" = 404 ]
    [ ! -e "$OWN_DIR/blobs/sha256/$(dig unneeded | cut -d: -f2)" ]
    [ "$(code /v2/a/manifests/v1)" = 200 ]
    [ "$(code "/v2/a/blobs/$(dig one)")" = 200 ]
    gc
    has "Removed 0 manifests, 0 blobs"
}

@test "a dry run keeps nobody waiting: pushes, deletes and a collection go on beside one that stands still" {
    image a v1 one
    # more to tell than a pipe holds: it waits for its reader in the middle
    sqlite3 "$OWN_DIR/registry.db" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO blobs SELECT printf('sha256:%064x', i), 1, 1 FROM n"
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    shale registry gc --storage "$OWN_DIR" --grace 0s --dry-run >"$BATS_TEST_TMPDIR/pipe" 2>&1 3>&- &
    local pid=$! first blobs
    exec 4<"$BATS_TEST_TMPDIR/pipe"
    read -r -t 60 first <&4
    [[ $first == "would remove: "* ]]
    [ "$(code "/v2/a/blobs/uploads/?digest=$(dig later)" -m 10 -X POST -H 'Content-Type: application/octet-stream' --data-binary later)" = 201 ]
    image b v1 two
    [ "$(code /v2/a/manifests/v1 -m 10 -X DELETE)" = 202 ]
    gc
    has "Removed 0 manifests, 3001 blobs"
    kill -0 "$pid" # still at it
    sed -n 's/^would remove: blob //p' <&4 >"$BATS_TEST_TMPDIR/rest"
    exec 4<&-
    wait "$pid"
    # what was there at its beginning, all of it, and nothing else
    [ "$(($(wc -l <"$BATS_TEST_TMPDIR/rest") + 1))" = 3000 ]
    [ "$(grep -c "$(dig later)" "$BATS_TEST_TMPDIR/rest")" = 0 ]
    # a registry that cannot be written to can be looked at
    cp -r "$OWN_DIR" "$BATS_TEST_TMPDIR/copy"
    blobs=$(find "$BATS_TEST_TMPDIR/copy" -type f | sort | grep -v -- '-shm$' | xargs sha256sum)
    run_ok shale registry gc --storage "$BATS_TEST_TMPDIR/copy" --grace 0s --dry-run
    [ "$blobs" = "$(find "$BATS_TEST_TMPDIR/copy" -type f | sort | grep -v -- '-shm$' | xargs sha256sum)" ]
}

@test "a deleted image frees its blobs, those that others share stay" {
    image a v1 shared
    image b v1 shared
    image a v2 own; own=$MD
    curl -s -X DELETE "http://$OWN/v2/a/manifests/$own"
    gc
    has "$own"
    [ "$(code "/v2/a/blobs/$(dig own)")" = 404 ]
    curl -s -X DELETE "http://$OWN/v2/b/manifests/$(dig "$(curl -s "http://$OWN/v2/b/manifests/v1")")"
    gc
    [ "$(code "/v2/b/blobs/$(dig shared)")" = 404 ]
    [ "$(code "/v2/a/blobs/$(dig shared)")" = 200 ]
    [ "$(code /v2/a/manifests/v1)" = 200 ]
    [ "$(code /v2/b/tags/list)" = 404 ]
}

@test "untagged manifests go only when asked for, not those of an index or with a subject that stays" {
    image a v1 one; first=$MD
    image a v1 two
    image a "" child; child=$MD childn=${#M}
    put a list '{"schemaVersion":2,"mediaType":"'$INDEX'","manifests":[{"mediaType":"'$OCI'","digest":"'$child'","size":'$childn'}]}' $INDEX
    image a "" sbom ',"artifactType":"x/y","subject":{"mediaType":"'$OCI'","digest":"'$child'","size":'$childn'}'; sbom=$MD
    image a "" lost ',"artifactType":"x/y","subject":{"mediaType":"'$OCI'","digest":"'$first'","size":9}'; lost=$MD
    [ "$(code "/v2/a/manifests/$first")" = 200 ] # and is in the server's memory now
    gc
    has "Removed 0 manifests"
    gc --untagged
    has "Removed 2 manifests"
    [ "$(code "/v2/a/manifests/$first")" = 404 ]
    [ "$(code "/v2/a/manifests/$lost")" = 404 ]
    [ "$(code "/v2/a/manifests/$child")" = 200 ]
    [ "$(code "/v2/a/manifests/$sbom")" = 200 ]
    curl -s -X DELETE "http://$OWN/v2/a/manifests/list"
    gc --untagged --dry-run
    has "Would remove 3 manifests" # the index, then what was in it, then what refers to that
    gc --untagged
    has "Removed 3 manifests"
    [ "$(code "/v2/a/manifests/v1")" = 200 ]
}

@test "what a push has uploaded, looked at or mounted stays for the grace time" {
    image a v1 base; md=$MD
    curl -s -X DELETE "http://$OWN/v2/a/manifests/$md"
    blob a fresh
    image c v1 kept; md=$MD
    [ "$(code "/v2/c/manifests/$md")" = 200 ] # and is in the server's memory now
    curl -s -X DELETE "http://$OWN/v2/c/manifests/v1"
    sleep 5.2
    [ "$(code "/v2/a/blobs/$(dig base)" -I)" = 200 ]
    [ "$(code "/v2/c/manifests/$md" -I)" = 200 ] # as who is about to push an index with it
    [ "$(code "/v2/b/blobs/uploads/?mount=$(dig fresh)&from=a" -X POST)" = 201 ]
    grace=5s gc --untagged
    has "Removed 0 manifests, 1 blobs" # the manifest that was deleted
    [ "$(code "/v2/a/blobs/$(dig base)")" = 200 ]
    [ "$(code "/v2/b/blobs/$(dig fresh)")" = 200 ]
    sleep 5.2
    grace=5s gc --untagged
    has "Removed 1 manifests, 4 blobs"
    [ "$(code "/v2/b/blobs/$(dig fresh)")" = 404 ]
}

@test "files that a crash left without a row go, old uploads too" {
    mkdir -p "$OWN_DIR/blobs/sha256"
    printf orphan >"$OWN_DIR/blobs/sha256/$(dig orphan | cut -d: -f2)"
    loc=$(curl -s -o /dev/null -D - -X POST "http://$OWN/v2/a/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //Ip')
    own_stop
    touch -d '8 days ago' "$OWN_DIR/uploads/${loc##*/}"
    gc --dry-run
    has "would remove: blob $(dig orphan)"
    [ -e "$OWN_DIR/blobs/sha256/$(dig orphan | cut -d: -f2)" ]
    gc
    has "removed: blob $(dig orphan)"
    has "removed: upload ${loc##*/}"
    [ -z "$(find "$OWN_DIR/uploads" "$OWN_DIR/blobs/sha256" -mindepth 1)" ]
}

@test "a race: collections without a pause while images are pushed, pulled and deleted" {
    local stop=$BATS_TEST_TMPDIR/stop failed=$BATS_TEST_TMPDIR/failed i
    worker() {
        local n=0 c
        while [ ! -e "$stop" ]; do
            n=$((n + 1))
            # A layer of its own, and one that all push, delete and need again.
            own=w$1-$n common=common$((n % 3))
            for text in $own $common; do
                c=$(code "/v2/race/blobs/$(dig $text)" -I)
                [ "$c" = 200 ] || blob race $text || echo "push of $text" >>"$failed"
            done
            m='{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"a/b","digest":"'$(dig $own)'","size":'${#own}'},"layers":[{"mediaType":"c/d","digest":"'$(dig $common)'","size":'${#common}'}]}'
            c=$(curl -s -o "$BATS_TEST_TMPDIR/out$1" -w '%{http_code}' -X PUT -H "Content-Type: $OCI" --data-binary "$m" "http://$OWN/v2/race/manifests/w$1")
            [ "$c" = 201 ] || { echo "manifest $c: $(cat "$BATS_TEST_TMPDIR/out$1")" >>"$failed"; }
            for text in $own $common; do
                [ "$(curl -s "http://$OWN/v2/race/blobs/$(dig $text)")" = $text ] || echo "pull of $text" >>"$failed"
            done
            [ $((n % 2)) = 0 ] || curl -s -o /dev/null -X DELETE "http://$OWN/v2/race/manifests/$(dig "$m")"
        done
        echo $n >"$BATS_TEST_TMPDIR/count$1"
    }
    pids=
    for i in 1 2 3; do worker $i & pids="$pids $!"; done
    # as long as it takes to see something; SHALE_RACE_SECONDS: for longer
    begun=$SECONDS rounds=0 removed=0
    while [ $((SECONDS - begun)) -lt "${SHALE_RACE_SECONDS:-0}" ] || [ $rounds -lt 20 ] || [ $removed -lt 20 ]; do
        [ $((SECONDS - begun)) -lt 120 ] || break
        shale registry gc --storage "$OWN_DIR" --grace 5s --untagged >"$BATS_TEST_TMPDIR/gc" || echo "gc: $(cat "$BATS_TEST_TMPDIR/gc")" >>"$failed"
        removed=$((removed + $(grep -c '^removed: blob' "$BATS_TEST_TMPDIR/gc" || true))) rounds=$((rounds + 1))
    done
    touch "$stop"
    wait $pids
    echo "$rounds collections removed $removed blobs; pushes: $(cat "$BATS_TEST_TMPDIR"/count*)"
    [ ! -e "$failed" ] || { cat "$failed"; return 1; }
    [ "$removed" -gt 3 ] && [ "$rounds" -gt 5 ]
}

@test "a race: retention in the server and beside it, while tags are pushed, pulled and moved" {
    local stop=$BATS_TEST_TMPDIR/stop failed=$BATS_TEST_TMPDIR/failed i n
    cat >"$BATS_TEST_TMPDIR/r.conf" <<END
[gc]
interval = 1s
grace = 5s
[retention "race"]
tags = n*
keep_tags = 4
untagged_after = 6s
pins = n0-*
END
    own_stop
    own_registry reg --config "$BATS_TEST_TMPDIR/r.conf"
    worker() {
        local n=0 text m c
        while [ ! -e "$stop" ]; do
            text=w$1-$n common=common$((n % 3))
            for t in $text $common; do
                [ "$(code "/v2/race/blobs/$(dig $t)" -I)" = 200 ] || blob race $t || echo "push of $t" >>"$failed"
            done
            m='{"schemaVersion":2,"mediaType":"'$OCI'","config":{"mediaType":"a/b","digest":"'$(dig $text)'","size":'${#text}'},"layers":[{"mediaType":"c/d","digest":"'$(dig $common)'","size":'${#common}'}]}'
            # n0-… are pinned, s… are not the rule's, n1-… go; move… is moved all the time
            for tag in n$((n > 0))-$1-$n s$1-$n move$1; do
                c=$(curl -s -o "$BATS_TEST_TMPDIR/out$1" -w '%{http_code}' -X PUT -H "Content-Type: $OCI" --data-binary "$m" "http://$OWN/v2/race/manifests/$tag")
                [ "$c" = 201 ] || echo "manifest $c: $(cat "$BATS_TEST_TMPDIR/out$1")" >>"$failed"
            done
            # By digest an image stays readable for the grace time, whatever becomes of its tag.
            [ "$(curl -s "http://$OWN/v2/race/manifests/$(dig "$m")")" = "$m" ] || echo "pull of $m" >>"$failed"
            [ "$(curl -s "http://$OWN/v2/race/manifests/move$1")" = "$m" ] || echo "pull of move$1" >>"$failed"
            for t in $text $common; do
                [ "$(curl -s "http://$OWN/v2/race/blobs/$(dig $t)")" = $t ] || echo "pull of $t" >>"$failed"
            done
            n=$((n + 1))
        done
        echo $n >"$BATS_TEST_TMPDIR/count$1"
    }
    logged_removal() { grep -q 'collection: removed [1-9][0-9]* tags' "$OWN_DIR.log"; }
    pids=
    for i in 1 2 3; do worker $i & pids="$pids $!"; done
    # eight seconds, and until something is seen: what is removed after the grace time is removed in them, too
    begun=$SECONDS removed=0
    while [ $((SECONDS - begun)) -lt "${SHALE_RACE_SECONDS:-8}" ] || [ $removed -lt 10 ] || ! logged_removal; do
        [ $((SECONDS - begun)) -lt 120 ] || break
        shale registry gc --storage "$OWN_DIR" --config "$BATS_TEST_TMPDIR/r.conf" >"$BATS_TEST_TMPDIR/gc" || echo "gc: $(cat "$BATS_TEST_TMPDIR/gc")" >>"$failed"
        removed=$((removed + $(grep -c '^removed: tag' "$BATS_TEST_TMPDIR/gc" || true)))
        sleep 0.3
    done
    touch "$stop"
    wait $pids
    own=$(sed -n 's/.*collection: removed \([0-9]*\) tags.*/\1/p' "$OWN_DIR.log" | awk '{n += $1} END {print n}')
    echo "removed $removed tags beside the server, $own in it; pushes: $(cat "$BATS_TEST_TMPDIR"/count*)"
    [ ! -e "$failed" ] || { cat "$failed"; return 1; }
    [ "$removed" -gt 3 ] && [ "$own" -gt 0 ]
    grace=5s gc --config "$BATS_TEST_TMPDIR/r.conf"
    all=$(curl -s "http://$OWN/v2/race/tags/list?n=10000" | jq -r '.tags[]')
    [ "$(grep -c ^n1- <<<"$all")" = 4 ]
    [ "$(grep -c ^n0- <<<"$all")" = 3 ]
    [ "$(grep -c ^s <<<"$all")" = "$(awk '{n += $1} END {print n}' "$BATS_TEST_TMPDIR"/count*)" ]
    # every image that a tag names is whole
    for tag in $(grep -v ^s <<<"$all"); do
        for d in $(curl -s "http://$OWN/v2/race/manifests/$tag" | jq -r '.config.digest, .layers[].digest'); do
            [ "$(code "/v2/race/blobs/$d")" = 200 ] || { echo "$tag has lost $d"; return 1; }
        done
    done
}
