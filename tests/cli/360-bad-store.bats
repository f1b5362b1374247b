#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Full disks, read-only stores, stores of another version, flipped bits, wrong names.

load lib

setup_file() {
    registry_with busybox debian
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    image=$REGISTRY_HOST/busybox:1.0
}
teardown() {
    drop_store
    grep -q " $BATS_TEST_TMPDIR/small " /proc/self/mounts && umount -l "$BATS_TEST_TMPDIR/small" || true
}

flip() { # FILE OFFSET: one bit
    python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]
f.seek(int(sys.argv[2])); f.write(bytes([b ^ 4]))' "$1" "$2"
}

@test "a full disk: one line, and the pull goes on when there is room" {
    need_root
    mkdir "$BATS_TEST_TMPDIR/small"
    mount -t tmpfs -o size=40m tmpfs "$BATS_TEST_TMPDIR/small"
    export SHALE_ROOT=$BATS_TEST_TMPDIR/small/store
    run_fails 1 "no space" shale pull -q "$REGISTRY_HOST/debian:1.0" || run_fails 1 "No space left" shale pull -q "$REGISTRY_HOST/debian:1.0"
    run_ok shale images -q
    [ -z "$output" ]
    mount -o remount,size=400m "$BATS_TEST_TMPDIR/small"
    run_ok shale pull -q "$REGISTRY_HOST/debian:1.0"
    run_ok shale fsck
}

@test "fsck finds a single flipped bit in a layer and repairs it" {
    shale pull -q "$image" >/dev/null
    flip "$SHALE_ROOT"/layers/*/layer.tar 700000
    # Nothing is made of it.
    echo "FROM $image" | run_fails 1 "is damaged" shale build -t never:1 --no-cache -o type=image,compression=zstd,force-compression=true -
    run_fails 1 "No such object" shale inspect never:1
    run_fails 1 "" shale fsck --check
    run_ok shale fsck
    has repaired
    run_ok shale fsck --check
}

@test "fsck finds a single flipped bit in a blob" {
    shale pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    big=$(ls -S "$SHALE_ROOT/blobs/sha256" | head -n 1)
    flip "$SHALE_ROOT/blobs/sha256/$big" 1000
    run_fails 1 "$big" shale fsck --check
}

@test "a flipped bit in an index is found and the index made again" {
    shale pull -q "$image" >/dev/null
    flip "$SHALE_ROOT"/images/*/index.erofs 3000
    run shale fsck
    has repaired
    run_ok shale fsck --check
}

@test "caches that are gone are made again" {
    need_root
    shale pull -q "$image" >/dev/null
    rm -rf "$SHALE_ROOT"/layers/* "$SHALE_ROOT"/images/*
    run_ok shale run --rm --network none "$image" echo back
    [ "$output" = back ]
}

@test "layers of an earlier boot are hashed before they are used" {
    need_root
    shale pull -q "$image" >/dev/null
    python3 - "$SHALE_ROOT/shale.db" <<'PY'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.execute("update layers set boot_id = '00000000-0000-0000-0000-000000000000'")
c.execute("update stacks set boot_id = '00000000-0000-0000-0000-000000000000'")
c.commit()
PY
    flip "$SHALE_ROOT"/layers/*/layer.tar 700000
    run_ok shale run --rm --network none "$image" echo good
    [ "$output" = good ]
    run_ok shale fsck --check
}

@test "a store of a newer version is left alone" {
    shale pull -q "$image" >/dev/null
    python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("pragma user_version = 99"); c.commit()' "$SHALE_ROOT/shale.db"
    run_fails 1 "newer" shale images
    run_fails 1 "newer" shale pull -q "$image"
}

@test "a database that is none" {
    mkdir -p "$SHALE_ROOT"
    head -c 10000 /dev/urandom >"$SHALE_ROOT/shale.db"
    run_fails 1 "not a database" shale images
}

@test "a read-only file system can be looked at" {
    need_root
    mkdir "$BATS_TEST_TMPDIR/small"
    mount -t tmpfs -o size=40m tmpfs "$BATS_TEST_TMPDIR/small"
    export SHALE_ROOT=$BATS_TEST_TMPDIR/small/store
    shale pull -q "$image" >/dev/null
    shale create --name kept --network none "$image" true >/dev/null
    mount -o remount,ro "$BATS_TEST_TMPDIR/small"
    run_ok shale images -q
    [ "${#lines[@]}" = 1 ]
    run_ok shale history "$image"
    run_fails 1 "read-only" shale pull -q "$REGISTRY_HOST/debian:1.0"
    run_fails 1 "read-only" shale rmi -f "$image"
    run_fails 1 "read-only" shale rm kept
    run_ok shale fsck --check
    mount -o remount,rw "$BATS_TEST_TMPDIR/small"
}

@test "a root that cannot be made" {
    run_fails 1 "/proc/nope" shale --root /proc/nope images
    echo >"$BATS_TEST_TMPDIR/file"
    run_fails 1 "$BATS_TEST_TMPDIR/file" shale --root "$BATS_TEST_TMPDIR/file" images
}
