#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Interrupted pulls, registries that misbehave, several pulls at once.

load lib

setup_file() {
    hostile_start "$SHALE_IMAGES/debian"
    REGISTRY_HOST=$HOSTILE
    export REGISTRY_HOST
}
teardown_file() { hostile_stop; }
setup() { fresh_store; : >"$HOSTILE_LOG"; }
teardown() { drop_store; }

# A megabyte of a layer has been written.
partial_there() { [ -n "$(find "$SHALE_ROOT/ingest" -size +1000k 2>/dev/null)" ]; }
no_leftovers() {
    run_ok shale images -q
    [ -z "$output" ]
    run_ok shale fsck
}

@test "a killed pull continues where it was" {
    "$SHALE_BIN" pull -q "$REGISTRY_HOST/stall:1" 3>&- &
    pid=$!
    for _ in $(seq 600); do partial_there && break; sleep 0.05; done
    kill -KILL $pid
    wait $pid || true
    run_ok shale pulls ls
    has interrupted
    : >"$HOSTILE_LOG"
    run_ok shale pull "$REGISTRY_HOST/ok:1"
    grep -q 'blobs.*bytes=[1-9]' "$HOSTILE_LOG"
    run_ok shale fsck
    run_ok shale pulls ls -q
    [ -z "$output" ]
}

@test "Ctrl-C ends a pull with 130 and keeps what is there" {
    # the shell starts background jobs with SIGINT ignored
    python3 -c 'import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])' \
        "$SHALE_BIN" pull -q "$REGISTRY_HOST/stall:1" 3>&- &
    pid=$!
    for _ in $(seq 600); do partial_there && break; sleep 0.05; done
    sleep 0.2
    kill -INT $pid
    status=0; wait $pid || status=$?
    [ "$status" = 130 ]
    run_ok shale pulls ls -q
    [ -n "$output" ]
    run_ok shale pulls rm all
    run_ok shale pulls ls -q
    [ -z "$output" ]
    no_leftovers
}

@test "connections that break off are taken up again with ranges" {
    run_ok shale pull -q "$REGISTRY_HOST/early:1"
    grep -q 'blobs.*bytes=[1-9]' "$HOSTILE_LOG"
    run_ok shale fsck
}

@test "a server without ranges" {
    run_ok shale pull -q "$REGISTRY_HOST/norange:1"
    run_ok shale fsck
}

@test "503 with Retry-After" {
    run_ok shale pull -q "$REGISTRY_HOST/busy:1"
}

@test "wrong bytes are refused, nothing is kept" {
    run_fails 1 "" shale pull "$REGISTRY_HOST/wrongblob:1"
    [[ $output == *"verification failed"* || $output == *"sha256:"* ]]
    no_leftovers
    run_fails 1 "image config verification failed" shale pull "$REGISTRY_HOST/wrongconfig:1"
    no_leftovers
    run_fails 1 "manifest verification failed" shale pull "$REGISTRY_HOST/wrongmanifest:1"
    no_leftovers
    run_fails 1 "more bytes than" shale pull "$REGISTRY_HOST/bigger:1"
    no_leftovers
    # and a later pull of the real thing is not disturbed
    run_ok shale pull -q "$REGISTRY_HOST/ok:1"
    run_ok shale fsck
}

@test "what is no registry" {
    run_fails 1 "" shale pull "$REGISTRY_HOST/html:1"
    [ "$(wc -l <<<"$output")" -le 2 ]
    run_fails 1 "redirects" shale pull "$REGISTRY_HOST/loop:1"
    run_fails 1 "header" shale pull "$REGISTRY_HOST/headers:1"
    run_fails 1 "schema 1 support has been removed" shale pull "$REGISTRY_HOST/schema1:1"
    no_leftovers
}

@test "two pulls of one image at once fetch each layer once" {
    "$SHALE_BIN" pull -q "$REGISTRY_HOST/ok:1" 3>&- &
    one=$!
    "$SHALE_BIN" pull -q "$REGISTRY_HOST/ok:2" 3>&- &
    two=$!
    wait $one
    wait $two
    [ "$(grep '^GET.*/blobs/' "$HOSTILE_LOG" | awk '{print $2}' | sed 's|.*/blobs/||' | sort | uniq -c | awk '$1 > 1' | wc -l)" -le 1 ] # the config may be read twice
    run_ok shale images -q
    [ "${#lines[@]}" = 2 ]
    run_ok shale fsck
}

@test "pull, remove and collect at once" {
    for i in 1 2 3; do
        (for _ in 1 2 3 4 5; do "$SHALE_BIN" pull -q "$REGISTRY_HOST/ok:$i" && "$SHALE_BIN" rmi "$REGISTRY_HOST/ok:$i"; done) >"$BATS_TEST_TMPDIR/log$i" 2>&1 3>&- &
    done
    wait
    run grep -i "error" "$BATS_TEST_TMPDIR"/log?
    [ "$status" = 1 ] || { echo "$output"; return 1; }
    no_leftovers
    [ -z "$(find "$SHALE_ROOT/layers" "$SHALE_ROOT/blobs/sha256" -mindepth 1)" ]
}
