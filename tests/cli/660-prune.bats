#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# image prune: what goes and what stays, dry runs told to the byte, pins.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" old 2020-01-02T03:04:05Z '.config.Labels = {"keep": "yes"}' one
    tiny "$l" new 2024-01-02T03:04:05Z '.config.Labels = {"ci": "1"}' one two
    tiny "$l" other 2024-05-02T03:04:05Z . three
    for name in old new other; do push_tag "$l" $name "team/$name:1"; done
    push_tag "$l" other team/old:2
    push "$SHALE_IMAGES/busybox:1.0" busybox:1.0
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST
}
teardown() { drop_store; }

pull() { for n in "$@"; do shale pull -q "$R/$n" >/dev/null; done; }
id_of() { shale inspect --type image -f '{{.Id}}' "$R/$1"; }
names() { shale images --format '{{.Repository}}:{{.Tag}}' | sort; }
# What the store's files take: blobs by size, the rest by space on disk; as results of removals are told.
store_bytes() {
    local b l
    b=$(find "$SHALE_ROOT/blobs" -type f -printf '%s\n' | awk '{s += $1} END {print s + 0}')
    l=$(find "$SHALE_ROOT/layers/" "$SHALE_ROOT/images/" -mindepth 1 -printf '%b\n' | awk '{s += $1} END {print s * 512}')
    echo $((b + l))
}
would_free() { sed -n 's/.*(\([0-9]*\) bytes)$/\1/p' <<<"$output"; }

@test "dangling images go, tagged ones stay; docker's lines" {
    pull team/old:1 team/new:1
    id=$(id_of team/new:1)
    shale tag "$R/team/old:1" "$R/team/new:1" # takes the name: a dangling image is left
    run_ok shale images -q --filter dangling=true
    [ "${#lines[@]}" = 1 ]
    run_ok shale image prune -f
    [ "${lines[0]}" = "Deleted Images:" ]
    [[ ${lines[1]} == "untagged: $R/team/new@sha256:"* ]]
    has "deleted: $id"
    [[ ${lines[-1]} == "Total reclaimed space: "*B ]]
    has $'\n\nTotal reclaimed space: '
    run_ok names
    has "$R/team/old:1"
    run_ok shale image prune -f
    [ "$output" = "Total reclaimed space: 0B" ]
}

@test "the question: only y goes on; its words are docker's" {
    pull team/old:1
    run bash -c "echo n | '$SHALE_BIN' image prune -a"
    [ "$status" = 0 ]
    has "WARNING! This will remove all images without at least one container associated to them."
    has "Are you sure you want to continue? [y/N] "
    run bash -c "'$SHALE_BIN' image prune </dev/null"
    [ "$status" = 0 ]
    has "WARNING! This will remove all dangling images."
    run_ok names
    [ "$output" = "$R/team/old:1" ]
    run bash -c "echo Y | '$SHALE_BIN' image prune -a"
    [ "$status" = 0 ]
    has "untagged: $R/team/old:1"
    [ -z "$(names)" ]
}

@test "-a keeps what a container uses, also a stopped one, with all its names" {
    need_root
    pull busybox:1.0 team/old:1
    shale tag "$R/busybox:1.0" second:1
    c=$(shale create "$R/busybox:1.0" true)
    run_ok shale image prune -af
    hasnt busybox
    hasnt second
    has "untagged: $R/team/old:1"
    run_ok names
    has "second:1"
    shale rm "$c" >/dev/null
    run_ok shale image prune -af
    has "untagged: second:1"
    [ -z "$(shale images -aq)" ]
    [ -z "$(find "$SHALE_ROOT/blobs" -type f)" ]
    [ -z "$(ls "$SHALE_ROOT/layers")" ]
}

@test "filters: until, label, label!, reference; several names of which one matches" {
    pull team/old:1 team/new:1 team/other:1 team/old:2
    run_ok shale image prune -af --filter label=ci=1
    has "untagged: $R/team/new:1"
    hasnt "/team/old:"
    run_ok shale image prune -af --filter until=2021-01-01 --filter 'label!=keep'
    [ "$output" = "Total reclaimed space: 0B" ]
    run_ok shale image prune -af --filter until=2020-01-02T03:04:05Z # made at that second
    has "untagged: $R/team/old:1"
    hasnt "/team/other:"
    run_ok shale image prune -af --filter "reference=$R/team/old"
    has "untagged: $R/team/old:2"
    hasnt deleted
    run_ok names
    [ "$output" = "$R/team/other:1" ]
}

@test "filters that are wrong are told, and nothing goes" {
    pull team/old:1
    run_fails 1 "more than one until filter specified" shale image prune -af --filter until=1h --filter until=2h
    run_fails 1 "invalid filter 'before'" shale image prune -af --filter before=x
    run_fails 1 "invalid filter 'dangling=[maybe]'" shale image prune -af --filter dangling=maybe
    run_fails 1 "failed to parse value as time or duration" shale image prune -af --filter until=soon
    run_fails 125 "expected name=value" shale image prune -af --filter until
    run_ok names
    [ "$output" = "$R/team/old:1" ]
}

@test "a dry run changes nothing and tells what goes, to the byte" {
    pull team/old:1 team/new:1 team/other:1 busybox:1.0
    before=$(store_bytes)
    run_ok shale image prune -a --dry-run --filter 'label!=keep'
    [ "${lines[0]}" = "Images to be deleted:" ]
    told=$(would_free)
    list=$(grep -E '^(untagged|deleted)' <<<"$output")
    [ "$(store_bytes)" = "$before" ]
    [ "$(names | wc -l)" = 4 ]
    run_ok shale image prune -af --filter 'label!=keep'
    [ "$(grep -E '^(untagged|deleted)' <<<"$output")" = "$list" ]
    [ $((before - $(store_bytes))) = "$told" ]
    run_ok shale fsck
}

@test "rmi --dry-run: the same lines, the bytes that really go" {
    pull team/old:1 team/new:1
    before=$(store_bytes)
    run_ok shale rmi --dry-run "$R/team/new:1"
    told=$(would_free)
    list=$(grep -v '^Would' <<<"$output")
    [ "$(store_bytes)" = "$before" ]
    run_ok shale rmi "$R/team/new:1"
    [ "$output" = "$list" ]
    [ $((before - $(store_bytes))) = "$told" ]
    run_fails 1 "No such image" shale rmi --dry-run nothing:1
}

@test "a pinned image is not pruned; its name and ID can be used" {
    pull team/old:1 team/other:1
    run_ok shale image pin "$R/team/old:1"
    [ "$output" = "$R/team/old:1" ]
    run_ok shale image prune -af
    has "untagged: $R/team/other:1"
    run_ok names
    [ "$output" = "$R/team/old:1" ]
    run_ok shale image unpin "$(id_of team/old:1)"
    run_ok shale image prune -af
    [ -z "$(names)" ]
    run_fails 1 "No such image: gone:latest" shale image pin gone
}
