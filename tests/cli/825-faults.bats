#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A push with the server killed, failing and full at every step that changes the disk. Needs a build with
# -Dfault=true (make asan).

load lib

OCI=application/vnd.oci.image.manifest.v1+json

setup_file() {
    cd "$BATS_FILE_TMPDIR" || return 1
    head -c 300000 /dev/urandom >layer
    printf '{}' >config
    LAYER=sha256:$(sha256sum layer | cut -d' ' -f1) CONFIG=sha256:$(sha256sum config | cut -d' ' -f1)
    printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"a/b","digest":"%s","size":2},"layers":[{"mediaType":"c/d","digest":"%s","size":300000}]}' $OCI "$CONFIG" "$LAYER" >manifest
    export FILES=$BATS_FILE_TMPDIR LAYER CONFIG
    export SHALE_FAULT=count:$BATS_FILE_TMPDIR/n
    BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR own_registry count
    unset SHALE_FAULT
    scenario
    own_stop
    if [ -s n ]; then N_STEPS=$(cat n); fi
    export N_STEPS
    # and those of skopeo's push of an image
    [ -n "${N_STEPS:-}" ] || return 0
    SHALE_FAULT=count:$BATS_FILE_TMPDIR/skopeo BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR own_registry count2
    by_skopeo
    own_stop
    SKOPEO_STEPS=$(cat skopeo)
    export SKOPEO_STEPS
}
setup() {
    [ -n "${N_STEPS:-}" ] || skip "this build has no fault hooks; make asan runs these tests"
}
teardown() { own_stop_all; }

# One push: what was acknowledged is noted in layer_code and so on ("000": no answer).
scenario() {
    local loc
    layer_code=000 config_code=000 manifest_code=000
    loc=$(curl -s -m 20 -o /dev/null -D - -X POST "http://$OWN/v2/f/x/blobs/uploads/" | tr -d '\r' | sed -n 's/^Location: //Ip') || true
    [ -n "$loc" ] || return 0
    curl -s -m 20 -o /dev/null -X PATCH -H 'Content-Type: application/octet-stream' --data-binary "@$FILES/layer" "http://$OWN$loc" || true
    layer_code=$(curl -s -m 20 -o /dev/null -w '%{http_code}' -X PUT "http://$OWN$loc?digest=$LAYER") || true
    config_code=$(curl -s -m 20 -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/octet-stream' --data-binary "@$FILES/config" "http://$OWN/v2/f/x/blobs/uploads/?digest=$CONFIG") || true
    manifest_code=$(curl -s -m 20 -o /dev/null -w '%{http_code}' -X PUT -H "Content-Type: $OCI" --data-binary "@$FILES/manifest" "http://$OWN/v2/f/x/manifests/t") || true
}

# same PATH FILE CODE: what was acknowledged is there; what is there is whole
same() {
    local got
    got=$(curl -s -m 20 -o "$BATS_TEST_TMPDIR/out" -w '%{http_code}' "http://$OWN$1")
    case $got in
    200) cmp "$BATS_TEST_TMPDIR/out" "$FILES/$2" ;;
    404) [ "$3" != 201 ] || { echo "$2 was acknowledged and is gone"; return 1; } ;;
    *) echo "$1: $got"; return 1 ;;
    esac
}
consistent() {
    same "/v2/f/x/blobs/$LAYER" layer "$layer_code" && same "/v2/f/x/blobs/$CONFIG" config "$config_code" &&
        same /v2/f/x/manifests/t manifest "$manifest_code"
}
# A server that is killed at its start never listens.
try_registry() { own_registry "$1" 2>/dev/null >/dev/null; }

@test "killed at every step of a push" {
    local i
    for i in $(seq "$N_STEPS"); do
        layer_code=000 config_code=000 manifest_code=000
        rm -rf "$BATS_TEST_TMPDIR/reg"
        if SHALE_FAULT=kill:$i try_registry reg; then scenario; fi
        kill -9 "$OWN_PID" 2>/dev/null || true
        wait "$OWN_PID" 2>/dev/null || true
        own_registry reg
        consistent || { echo "killed at step $i"; return 1; }
        scenario
        [ "$layer_code$config_code$manifest_code" = 201201201 ] || { echo "after step $i: $layer_code $config_code $manifest_code"; return 1; }
        consistent
        own_stop || true
    done
}

@test "an I/O error at every step: an answer, and the server stays" {
    local i
    for i in $(seq 1 "$N_STEPS"); do
        rm -rf "$BATS_TEST_TMPDIR/reg"
        SHALE_FAULT=fail:$i:5 try_registry reg || continue # it says so and ends
        scenario
        consistent || { echo "failed at step $i"; return 1; }
        scenario
        # The step may have come only now: once more.
        [ "$layer_code$config_code$manifest_code" = 201201201 ] || scenario
        [ "$layer_code$config_code$manifest_code" = 201201201 ] || { echo "after step $i: $layer_code $config_code $manifest_code"; return 1; }
        consistent
        own_stop || true
    done
}

@test "full from a step on: 507 or nothing half, and the server stays" {
    local i
    for i in $(seq 1 2 "$N_STEPS"); do
        rm -rf "$BATS_TEST_TMPDIR/reg"
        SHALE_FAULT=failall:$i:28 try_registry reg || continue
        scenario
        consistent || { echo "full from step $i on"; return 1; }
        case $layer_code$config_code$manifest_code in *5?[!07]*) echo "step $i: $layer_code $config_code $manifest_code"; return 1 ;; esac
        [ "$(curl -s -m 10 -o /dev/null -w '%{http_code}' "http://$OWN/v2/")" = 200 ]
        own_stop || true
        own_registry reg
        consistent
        scenario
        [ "$layer_code$config_code$manifest_code" = 201201201 ]
        own_stop || true
    done
}

by_skopeo() { timeout 60 skopeo copy --quiet --dest-tls-verify=false "oci:$SHALE_IMAGES/busybox:1.0" "docker://$OWN/by/skopeo:t"; }
# whole DIGEST: a blob is there bit for bit (0), or not at all (1)
whole() {
    local got
    got=$(curl -s -m 20 -o "$BATS_TEST_TMPDIR/out" -w '%{http_code}' "http://$OWN/v2/by/skopeo/blobs/$1")
    [ "$got" != 404 ] || return 1
    [ "$got" = 200 ] && [ "sha256:$(sha256sum "$BATS_TEST_TMPDIR/out" | cut -d' ' -f1)" = "$1" ] || { echo "blob $1: $got"; exit 1; }
}

# The steps are those of the first test in another order, so every other one is enough.
@test "killed at every second step of skopeo's push: what the log calls done is there, a tag has all its layers, the next push works" {
    local i d pushed n_pushed=0 n_cut=0
    for i in $(seq 1 2 "$SKOPEO_STEPS"); do
        rm -rf "$BATS_TEST_TMPDIR/reg"
        pushed=''
        if SHALE_FAULT=kill:$i try_registry reg && by_skopeo 2>/dev/null; then pushed=yes; fi
        kill -9 "$OWN_PID" 2>/dev/null || true
        wait "$OWN_PID" 2>/dev/null || true
        sed -n 's/.*"PUT [^ ]*[?&]digest=\(sha256:[0-9a-f]*\)[^"]*" 201 .*/\1/p' "$OWN_DIR.log" >"$BATS_TEST_TMPDIR/done"
        own_registry reg
        while read -r d; do
            whole "$d" || { echo "step $i: $d was acknowledged and is gone"; return 1; }
        done <"$BATS_TEST_TMPDIR/done"
        if curl -sf -m 20 "http://$OWN/v2/by/skopeo/manifests/t" >"$BATS_TEST_TMPDIR/m"; then
            for d in $(jq -r '.config.digest, .layers[].digest' "$BATS_TEST_TMPDIR/m"); do
                whole "$d" || { echo "step $i: the tag is there without $d"; return 1; }
            done
        elif [ -n "$pushed" ]; then
            echo "step $i: skopeo was told that the image is there, and it is not"
            return 1
        fi
        if [ -n "$pushed" ]; then n_pushed=$((n_pushed + 1)); else n_cut=$((n_cut + 1)); fi
        by_skopeo || { echo "step $i: the next push fails"; return 1; }
        d=$(curl -sf -m 20 "http://$OWN/v2/by/skopeo/manifests/t" | jq -r '.layers[0].digest')
        whole "$d"
        run_ok shale registry gc --storage "$OWN_DIR" --grace 0s || { echo "step $i"; return 1; }
        whole "$d"
        own_stop || true
    done
    echo "$n_pushed pushed, $n_cut cut"
    [ "$n_cut" -gt "$((SKOPEO_STEPS / 4))" ]
}
