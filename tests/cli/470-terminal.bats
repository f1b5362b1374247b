#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What a terminal of this or that width shows.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout dir=$BATS_FILE_TMPDIR/root
    oci_init "$l"
    for i in 1 2 3; do
        mkdir -p "$dir"
        head -c $((i * 3000000)) /dev/urandom >"$dir/f"
        tar -C "$dir" -cf "$BATS_FILE_TMPDIR/f.tar" f
        oci_layer "$l" "$BATS_FILE_TMPDIR/f.tar"
    done
    oci_tag "$l" big "$(oci_image "$l" linux amd64)"
    push_tag "$l" big big:1
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST
}
teardown() { drop_store; }

# on_terminal COLUMNS COMMAND…: its output on a terminal, in $BATS_TEST_TMPDIR/tty
on_terminal() {
    local columns=$1
    shift
    script -qec "stty cols $columns rows 30; $*" /dev/null </dev/null >"$BATS_TEST_TMPDIR/tty" || true
    tr -d '\r' <"$BATS_TEST_TMPDIR/tty" >"$BATS_TEST_TMPDIR/screen"
}
# Lines that were ever drawn, without escapes.
drawn() { sed 's/\x1b\[[0-9;]*[A-Za-z]//g' "$BATS_TEST_TMPDIR/screen"; }
widest() { drawn | awk '{ if (length($0) > n) n = length($0) } END { print n }'; }

@test "pull: bars with numbers and rates on a wide terminal" {
    on_terminal 130 "$SHALE_BIN" pull "$R/big:1"
    drawn | grep -qE '^[0-9a-f]{12}: Downloading \[=*> *\] +[0-9.]+[kM]?B/[0-9.]+MB'
    [ "$(drawn | grep -c 'Pull complete')" -ge 3 ]
    drawn | tail -n 1 | grep -qF "$R/big:1"
    [ "$(widest)" -le 130 ]
}

@test "pull: numbers only on a narrow one, and no line is broken" {
    on_terminal 80 "$SHALE_BIN" pull "$R/big:1"
    drawn | grep -qE '^[0-9a-f]{12}: Downloading +[0-9.]+[kM]?B/[0-9.]+MB'
    [ "$(drawn | grep -c '\[=')" = 0 ]
    fresh_store
    shale rmi "$R/big:1" >/dev/null
    on_terminal 20 "$SHALE_BIN" pull "$R/big:1"
    [ "$(drawn | grep -E '^[0-9a-f]{12}: ' | awk '{ if (length($0) > n) n = length($0) } END { print n }')" -le 20 ]
}

@test "pull -q draws nothing" {
    on_terminal 130 "$SHALE_BIN" pull -q "$R/big:1"
    [ "$(cat "$BATS_TEST_TMPDIR/screen")" = "$R/big:1" ]
}

@test "pull without a terminal: state changes only" {
    run_ok shale pull "$R/big:1"
    hasnt "Downloading"
    hasnt $'\033'
    [ "$(grep -c ': Pulling fs layer$' <<<"$output")" = 3 ]
    [ "$(grep -c ': Pull complete$' <<<"$output")" = 3 ]
}

@test "the tree has the terminal's width and colours, which NO_COLOR takes away" {
    shale pull -q "$R/big:1" >/dev/null
    on_terminal 60 "$SHALE_BIN" image ls --tree
    grep -q $'\033\[34m' "$BATS_TEST_TMPDIR/screen"
    drawn | grep -q '^IMAGE  .*CONTENT SIZE$'
    on_terminal 100 "$SHALE_BIN" image ls --tree
    drawn | grep -q 'EXTRA$'
    NO_COLOR=1 on_terminal 100 "$SHALE_BIN" image ls --tree
    [ "$(grep -c $'\033' "$BATS_TEST_TMPDIR/screen")" = 0 ]
    for with in "-q --quiet" "--no-trunc --no-trunc" "--digests --show-digest" "--format=x --format"; do
        run_fails 1 "Error: ${with#* } is not yet supported with --tree" shale images --tree "${with% *}"
    done
}
