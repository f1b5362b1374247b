#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A layer that another image brought under another compression is not fetched again (ADR 11).

load lib

setup_file() { hostile_start "$SHALE_IMAGES/busybox"; }
teardown_file() { hostile_stop; }
setup() {
    fresh_store
    : >"$HOSTILE_LOG"
}
teardown() { drop_store; }

layer_gets() { grep -c "GET /v2/$1/blobs/" "$HOSTILE_LOG" || true; }

@test "gzip, zstd and none: one download, one layer" {
    run_ok shale pull "$HOSTILE/gzipcopy:1"
    has "Pull complete"
    for name in zstdcopy plaincopy; do
        run_ok shale pull "$HOSTILE/$name:1"
        hasnt "Pull complete"
        [ "$(layer_gets "$name")" = 1 ] # the config
    done
    [ "$(find "$SHALE_ROOT/layers" -name layer.tar | wc -l)" = 1 ]
    run_ok shale fsck --check
}

@test "the image that brought the layer may go" {
    shale pull -q "$HOSTILE/gzipcopy:1" >/dev/null
    shale pull -q "$HOSTILE/zstdcopy:1" >/dev/null
    run_ok shale rmi "$HOSTILE/gzipcopy:1"
    run_ok shale fsck --check
    rm -rf "$SHALE_ROOT"/layers/* "$SHALE_ROOT"/images/* # made again from the blob that stayed
    run_ok shale fsck
    has repaired
    run_ok shale fsck --check
    run_ok shale rmi "$HOSTILE/zstdcopy:1"
    [ -z "$(find "$SHALE_ROOT/blobs" "$SHALE_ROOT/layers" -type f)" ]
}

@test "a layer whose blob is damaged is fetched" {
    shale pull -q "$HOSTILE/gzipcopy:1" >/dev/null
    rm -rf "$SHALE_ROOT"/layers/*
    for f in "$SHALE_ROOT"/blobs/sha256/*; do
        [ "$(head -c 1 "$f")" = "{" ] || head -c 100 /dev/urandom >"$f"
    done
    run_ok shale pull "$HOSTILE/zstdcopy:1"
    has "Pull complete"
    [ "$(layer_gets zstdcopy)" = 2 ]
    run_fails 1 "is damaged" shale fsck # the old blob
    run_ok shale fsck --check
    run_ok shale inspect "$HOSTILE/zstdcopy:1"
}
