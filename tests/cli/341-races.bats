#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many processes at one store: pulls, removals, checks and runs, of images that share layers, with kill -9 in between.
# $SHALE_RACE_SECONDS: how long (8).

load lib

setup_file() {
    registry_with busybox
    push "$SHALE_IMAGES/busybox:1.0" other:1.0
    push "$SHALE_IMAGES/debian:1.0" debian:1.0
}
teardown_file() { registry_stop_all; }
setup() { fresh_store; }
teardown() { drop_store; }

# worker NAME CMD…: again and again until the time is over; a third of them dies of SIGKILL. What is said goes to a log.
worker() {
    local log=$BATS_TEST_TMPDIR/log-$1 pid
    shift
    while [ -e "$BATS_TEST_TMPDIR/go" ]; do
        "$@" >>"$log" 2>&1 3>&- &
        pid=$!
        if [ $((RANDOM % 3)) = 0 ]; then
            sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
            kill -9 "$pid" 2>/dev/null || true
        fi
        wait "$pid" 2>/dev/null || true
    done
}

run_one() { "$SHALE_BIN" run --rm --network none "$REGISTRY_HOST/$1:1.0" true; }

@test "pulls, removals, checks, runs and kill -9 at once" {
    need_root
    : >"$BATS_TEST_TMPDIR/go"
    workers=()
    for name in busybox other debian; do
        worker "pull-$name" "$SHALE_BIN" pull -q "$REGISTRY_HOST/$name:1.0" & workers+=($!)
        worker "rmi-$name" "$SHALE_BIN" rmi -f "$REGISTRY_HOST/$name:1.0" & workers+=($!)
    done
    worker run-1 run_one busybox & workers+=($!)
    worker run-2 run_one other & workers+=($!)
    worker fsck "$SHALE_BIN" fsck & workers+=($!)
    sleep "${SHALE_RACE_SECONDS:-8}"
    rm "$BATS_TEST_TMPDIR/go"
    wait "${workers[@]}" || true

    # whatever was said, it was never that bytes were bad, or something that only a fault in shale explains
    if grep -hiE "digest mismatch|don't match|internal|differs|database disk image|malformed|Segmentation" "$BATS_TEST_TMPDIR"/log-pull* \
        "$BATS_TEST_TMPDIR"/log-rmi* "$BATS_TEST_TMPDIR"/log-run*; then return 1; fi
    # shellcheck disable=SC2046
    shale rm -f $(shale ps -aq) >/dev/null 2>&1 || true
    run_ok shale fsck
    hasnt damaged:
    run_ok shale fsck --check
    for name in busybox other debian; do
        run_ok shale pull -q "$REGISTRY_HOST/$name:1.0"
        run_ok shale run --rm --network none "$REGISTRY_HOST/$name:1.0" true
    done

    # all of it can go again: no blob, layer, index or half-made folder stays, once those that died are old enough
    # shellcheck disable=SC2046
    run_ok shale rmi -f $(shale images -q | sort -u)
    find "$SHALE_ROOT/layers" "$SHALE_ROOT/images" -mindepth 1 -maxdepth 1 -exec touch -d '2 hours ago' {} +
    shale pull -q "$REGISTRY_HOST/busybox:1.0" >/dev/null
    run_ok shale rmi -f "$REGISTRY_HOST/busybox:1.0"
    left=$(find "$SHALE_ROOT/blobs" "$SHALE_ROOT/layers" -type f; find "$SHALE_ROOT/images" -mindepth 1 -maxdepth 1 ! -name .empty)
    [ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

@test "what processes that died have left goes with the next collection" {
    shale pull -q "$REGISTRY_HOST/busybox:1.0" >/dev/null
    mkdir -p "$SHALE_ROOT/layers/.in-0123456789abcdef" "$SHALE_ROOT/layers/.in-fedcba9876543210" "$SHALE_ROOT/images/.probe-1" \
        "$SHALE_ROOT/images/.new-$(printf '%064d' 1)/dir/diff" "$SHALE_ROOT/layers/$(printf '%064d' 2)" "$SHALE_ROOT/images/$(printf '%064d' 3)/dir/diff"
    echo orphan >"$BATS_TEST_TMPDIR/orphan"
    orphan=$(sha256sum <"$BATS_TEST_TMPDIR/orphan" | cut -d' ' -f1)
    cp "$BATS_TEST_TMPDIR/orphan" "$SHALE_ROOT/blobs/sha256/$orphan"
    touch -d '2 hours ago' "$SHALE_ROOT/layers/.in-"* "$SHALE_ROOT/images/.probe-1"
    exec 4<"$SHALE_ROOT/layers/.in-fedcba9876543210" # of a process that lives
    flock -s 4
    shale pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    run_ok shale rmi "$REGISTRY_HOST/debian:1.0"
    [ ! -e "$SHALE_ROOT/layers/.in-0123456789abcdef" ]
    [ -e "$SHALE_ROOT/layers/.in-fedcba9876543210" ]
    exec 4<&-
    [ ! -e "$SHALE_ROOT/images/.probe-1" ]
    [ ! -e "$SHALE_ROOT/images/.new-$(printf '%064d' 1)" ]
    [ ! -e "$SHALE_ROOT/images/$(printf '%064d' 3)" ]
    [ ! -e "$SHALE_ROOT/layers/$(printf '%064d' 2)" ]
    [ ! -e "$SHALE_ROOT/blobs/sha256/$orphan" ]
    run_ok shale fsck --check
    run_ok shale images -q
    [ "${#lines[@]}" = 1 ]
}

@test "a collection that was killed half-way does not keep the next one from its layer" {
    shale pull -q "$REGISTRY_HOST/busybox:1.0" >/dev/null
    layer=$(basename "$(dirname "$SHALE_ROOT"/layers/*/toc)")
    cp -r "$SHALE_ROOT/layers/$layer" "$SHALE_ROOT/layers/.gc-$layer"
    run_ok shale rmi "$REGISTRY_HOST/busybox:1.0"
    [ ! -e "$SHALE_ROOT/layers/$layer" ]
    run_ok shale fsck --check
}
