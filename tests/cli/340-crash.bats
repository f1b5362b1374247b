#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Killed, failing and full at every step that changes the disk. Needs a build with -Dfault=true (make asan).

load lib

setup_file() {
    registry_start plain "$BATS_FILE_TMPDIR/registry"
    export REGISTRY_HOST
    push "$SHALE_IMAGES/busybox:1.0" busybox:1.0
    export image=$REGISTRY_HOST/busybox:1.0
    SHALE_FAULT=count:$BATS_FILE_TMPDIR/n SHALE_ROOT=$BATS_FILE_TMPDIR/s "$SHALE_BIN" pull -q "$image" >/dev/null
    if [ -s "$BATS_FILE_TMPDIR/n" ]; then N_STEPS=$(cat "$BATS_FILE_TMPDIR/n"); fi
    export N_STEPS
}
teardown_file() { registry_stop_all; }
setup() {
    [ -n "${N_STEPS:-}" ] || skip "this build has no fault hooks; make asan runs these tests"
    fresh_store
}
teardown() { drop_store; }

# Whatever happened: the store opens, is consistent, never shows an image that is not whole, and the next pull works.
consistent() {
    run_ok shale fsck
    hasnt damaged:
    if [ "$(shale images -q | wc -l)" != 0 ]; then run_ok shale run --rm --network none "$image" true; fi
}

@test "killed at every step of a pull" {
    for i in $(seq "$N_STEPS"); do
        rm -rf "$SHALE_ROOT"
        if SHALE_FAULT=kill:$i "$SHALE_BIN" pull -q "$image" >/dev/null 2>&1; then
            # how many writes there are depends on how the bytes come in
            [ "$i" -gt $((N_STEPS - 20)) ] || { echo "step $i: not killed"; return 1; }
            break
        fi
        consistent || { echo "step $i"; return 1; }
        shale pull -q "$image" >/dev/null || { echo "step $i: the next pull fails"; return 1; }
    done
    consistent
}

@test "each call fails once with EIO: one clear line or success, and a good store" {
    for i in $(seq "$N_STEPS"); do
        rm -rf "$SHALE_ROOT"
        run env SHALE_FAULT=fail:$i:5 "$SHALE_BIN" pull -q "$image"
        [ "$status" = 0 ] || [ "$status" = 1 ] || { echo "step $i: status $status: $output"; return 1; }
        [ "${#lines[@]}" = 1 ] || { echo "step $i: $output"; return 1; }
        consistent || { echo "step $i"; return 1; }
    done
}

@test "no space from every step on" {
    for i in $(seq 1 3 "$N_STEPS"); do
        rm -rf "$SHALE_ROOT"
        run env SHALE_FAULT=failall:$i:28 "$SHALE_BIN" pull -q "$image"
        [ "$status" = 1 ] || [ "$i" -gt $((N_STEPS - 20)) ] || { echo "step $i: status $status: $output"; return 1; }
        consistent || { echo "step $i"; return 1; }
        shale pull -q "$image" >/dev/null || { echo "step $i: the next pull fails"; return 1; }
    done
}

@test "killed at every step of a removal" {
    for i in $(seq 60); do
        shale pull -q "$image" >/dev/null
        SHALE_FAULT=kill:$i "$SHALE_BIN" rmi "$image" >/dev/null 2>&1 && break
        run_ok shale fsck
    done
    run_ok shale images -q
    [ -z "$output" ]
}
