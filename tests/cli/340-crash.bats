#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Killed, failing and full at every step that changes the disk. Needs a build with -Dfault=true (make asan).

load lib

setup_file() {
    registry_with busybox
    # Two layers, one of which comes in several pieces: every kind of step, and of each kind only a few.
    local l=$BATS_FILE_TMPDIR/layout f
    oci_init "$l"
    for f in large little; do
        head -c "$([ $f = large ] && echo 50000 || echo 50)" /dev/urandom >"$BATS_FILE_TMPDIR/$f"
        tar -C "$BATS_FILE_TMPDIR" -cf "$BATS_FILE_TMPDIR/$f.tar" "$f"
        oci_layer "$l" "$BATS_FILE_TMPDIR/$f.tar"
    done
    oci_tag "$l" 1 "$(oci_image "$l" linux "$(dpkg --print-architecture)")"
    push "$l:1" small:1
    export image=$REGISTRY_HOST/small:1 box=$REGISTRY_HOST/busybox:1.0
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

# Leaks are looked for in what fails and in what ends well after it, not in the hundreds of looks at the store between.
quietly() { ASAN_OPTIONS=detect_leaks=0 "$SHALE_BIN" "$@"; }
# Whatever happened: the store opens, is consistent, never shows an image that is not whole, and the next pull works.
consistent() {
    local f id
    run_ok quietly fsck && hasnt damaged: || return 1
    id=$(quietly images -aq --no-trunc | head -n 1) # it may be there before its name is, and have two
    [ -n "$id" ] || return 0
    for f in large little; do quietly cat "$id" "/$f" | cmp - "$BATS_FILE_TMPDIR/$f" || return 1; done
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
        quietly pull -q "$image" >/dev/null || { echo "step $i: the next pull fails"; return 1; }
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
        quietly pull -q "$image" >/dev/null || { echo "step $i: the next pull fails"; return 1; }
    done
}

# each_kill STEPS WORDS…: `shale WORDS…` killed at its first, second … call. STEPS are added each time: a step of every few
# keeps the time short. Before each, PREPARE runs; after each the store is looked through.
each_kill() {
    local step=$1 i
    shift
    for ((i = 1; i < 400; i += step)); do
        $PREPARE || { echo "step $i: $PREPARE"; return 1; }
        SHALE_FAULT=kill:$i "$SHALE_BIN" "$@" >/dev/null 2>&1 && return 0
        run_ok quietly fsck || { echo "step $i of $*"; return 1; }
        hasnt damaged: || { echo "step $i of $*"; return 1; }
    done
    echo "$*: still killed at step $i"
    return 1
}
have_image() { quietly pull -q "$image" >/dev/null; }
no_containers() {
    local ids
    quietly pull -q "$box" >/dev/null && ids=$(quietly ps -aq --no-trunc) || return 1
    # shellcheck disable=SC2086
    [ -z "$ids" ] || shale rm -f $ids >/dev/null
}
one_container() { no_containers && quietly create --name one "$box" true >/dev/null; }

@test "killed at every step of a removal" {
    PREPARE=have_image each_kill 1 rmi "$image"
    run_ok shale images -q
    [ -z "$output" ]
}

@test "killed while tagging, and while looking the store through" {
    PREPARE=have_image each_kill 1 tag "$image" other:tag
    PREPARE=have_image each_kill 5 fsck
    have_image
    consistent
}

@test "killed at every third step of create, rm and run: nothing is in the way afterwards" {
    need_root
    PREPARE=no_containers each_kill 3 create --name one "$box" true
    PREPARE=one_container each_kill 2 rm one
    PREPARE=no_containers each_kill 3 run --rm --name one --network none "$box" true
    no_containers
    run_ok shale run --rm --name one --network none "$box" true
}

@test "a pull that is killed again and again comes to its end" {
    local i
    for i in $(seq 20); do
        SHALE_FAULT=kill:$((i * 9)) "$SHALE_BIN" pull -q "$image" >/dev/null 2>&1 && break
    done
    run_ok shale pull -q "$image"
    run_ok shale pulls ls -q
    [ -z "$output" ]
    consistent
}
