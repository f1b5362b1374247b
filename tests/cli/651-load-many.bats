#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives with many images: they come in side by side, and are named in the order of the archive.

load lib

setup_file() {
    python3 "$BATS_TEST_DIRNAME/../../bench/many-archive" 80 "$BATS_FILE_TMPDIR/many.tar"
    export MANY=$BATS_FILE_TMPDIR/many.tar
}
setup() {
    fresh_store
    w=$BATS_TEST_TMPDIR
}
teardown() { drop_store; }

names() { tar -xOf "$MANY" manifest.json | jq -r '.[].RepoTags[0]'; }
# without MEMBER: the archive, where the first layer of the image of this number has other bytes
spoil() {
    mkdir "$w/x"
    tar -xf "$MANY" -C "$w/x"
    layer=$(jq -r ".[$1].Layers[0]" "$w/x/manifest.json")
    printf 'X' | dd of="$w/x/$layer" bs=1 seek=600 conv=notrunc status=none
    tar -cf "$w/bad.tar" -C "$w/x" .
}

@test "all are there, in the order of the archive, and the same once more" {
    run_ok shale load -i "$MANY"
    [ "$(sed -n 's/^Loaded image: //p' <<<"$output")" = "$(names)" ]
    [ "$(shale images -q | wc -l)" = 80 ]
    run_ok shale fsck --check
    has "80 images"
    # of so many small ones no files are made beside what came
    [ "$(find "$SHALE_ROOT/layers" "$SHALE_ROOT/images" -mindepth 1 | wc -l)" = 0 ]
    [ "$(shale events --since 1h --until 0s --filter event=load --format '{{.ID}}' | wc -l)" = 80 ]
    run_ok shale load -i "$MANY"
    [ "${#lines[@]}" = 80 ]
    [ "$(shale images -q | wc -l)" = 80 ]
    # they can be used: the last one's root file system is there
    [ "$(shale cat "$(names | tail -n 1)" /f79)" = 79 ]
    run_ok shale fsck --check
    has "80 layers"
}

@test "one that is damaged: a clear error, those before it are there, and nothing else" {
    spoil 70
    run_fails 1 "Error: " shale load -q -i "$w/bad.tar"
    [ "$(grep -c ^Error <<<"$output")" = 1 ]
    # what was named is what stood before it
    [ "$(shale images --format '{{.Repository}}:{{.Tag}}' | sort)" = "$(names | head -n 70 | sort)" ]
    run_ok shale fsck --check
    has "70 images"
    has "70 layers"
    run_ok shale load -q -i "$MANY"
    [ "$(shale images -q | wc -l)" = 80 ]
}

@test "a layer that has no files yet, and whose blob is damaged: fsck finds it, nobody gets its bytes" {
    run_ok shale load -q -i "$MANY"
    # sizes of a layer without files: written once, then right
    layer=$(shale inspect --format '{{index .RootFS.Layers 0}}' "$(names | sed -n 7p)")
    python3 -c 'import sqlite3, sys
d = sqlite3.connect(sys.argv[1])
assert d.execute("UPDATE layers SET n_entries = 99 WHERE diff_id = ? AND state = 2", sys.argv[2:]).rowcount == 1
d.commit()' "$SHALE_ROOT/shale.db" "$layer"
    run_ok shale fsck
    has "layer $layer: its sizes in the database were wrong, corrected"
    run_ok shale fsck --check
    hasnt "its sizes"
    layer=$(shale inspect --format '{{index .RootFS.Layers 0}}' "$(names | sed -n 5p)")
    [ -f "$SHALE_ROOT/blobs/sha256/${layer#*:}" ]
    printf 'X' | dd of="$SHALE_ROOT/blobs/sha256/${layer#*:}" bs=1 seek=600 conv=notrunc status=none
    run_fails 1 "" shale cat "$(names | sed -n 5p)" /f4
    run_fails 1 "" shale fsck --check
    has "$layer"
    run_ok shale cat "$(names | sed -n 6p)" /f5
    # a good archive brings it again, also where only the file was left, cut short
    run_ok shale load -q -i "$MANY"
    [ "$(shale cat "$(names | sed -n 5p)" /f4)" = 4 ]
    shale rmi -f "$(names | sed -n 5p)" >/dev/null
    printf 'X' >"$SHALE_ROOT/blobs/sha256/${layer#*:}"
    run_ok shale load -q -i "$MANY"
    [ "$(shale cat "$(names | sed -n 5p)" /f4)" = 4 ]
}

@test "killed at any time: the store is good, and the next load completes it" {
    for part in 1 20 50; do
        "$SHALE_BIN" load -q -i "$MANY" >/dev/null 2>&1 3>&- &
        pid=$!
        for _ in $(seq 400); do [ "$(find "$SHALE_ROOT/blobs/sha256" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -ge "$((part * 3))" ] && break; sleep 0.01; done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" || true
        run_ok shale fsck --check
    done
    run_ok shale load -q -i "$MANY"
    [ "$(shale images -q | wc -l)" = 80 ]
    run_ok shale fsck --check
    has "80 images"
}

@test "two at once" {
    "$SHALE_BIN" load -q -i "$MANY" >"$w/one" 2>&1 3>&- &
    pid=$!
    run_ok shale load -q -i "$MANY"
    wait "$pid" || { cat "$w/one"; return 1; }
    [ "$(shale images -q | wc -l)" = 80 ]
    run_ok shale fsck --check
}
