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
    same "/v2/f/x/blobs/$LAYER" layer "$layer_code"
    same "/v2/f/x/blobs/$CONFIG" config "$config_code"
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
