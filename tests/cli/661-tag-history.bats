#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tag --history, tag --restore: where a tag pointed, and back.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" a 2024-01-02T03:04:05Z . one
    tiny "$l" b 2024-02-02T03:04:05Z . two
    for name in a b; do push_tag "$l" $name "$name:1"; done
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST
    store_by pull -q "$R"/{a,b}:1
    A=$(id_of "$R/a:1")
    B=$(id_of "$R/b:1")
}
teardown() { drop_store; }
id_of() { shale inspect --type image -f '{{.Id}}' "$1"; }
moves() { shale tag --no-trunc --format '{{.How}} {{.Image}} {{.Present}}' --history "$1"; }

@test "every mover is in the history: pull, tag, rmi, prune, restore" {
    run_ok moves "$R/a:1"
    [ "$output" = "pull $A yes" ]
    shale tag "$R/a:1" app
    shale tag "$R/b:1" app
    shale tag "$R/b:1" app # did not move
    shale rmi app >/dev/null
    run_ok moves app
    [ "$output" = "rmi <none> no
tag $B yes
tag $A yes" ]
    shale tag "$R/a:1" app:latest
    run_ok shale tag --restore 'app@{2}'
    [ "$output" = "$B" ]
    [ "$(id_of app)" = "$B" ]
    shale image prune -af >/dev/null
    run_ok moves app
    [ "${lines[0]}" = "prune <none> no" ]
    [ "${lines[1]}" = "restore $B no" ]
}

@test "restore goes back and forth, also to what was removed; the digest behind the name comes with it" {
    digest=$(shale digest "$R/a:1")
    shale tag "$R/b:1" "$R/a:1"
    shale tag "$A" keep
    run_ok shale tag --restore "$R/a:1@{1}"
    [ "$(id_of "$R/a:1")" = "$A" ]
    run_ok shale images --digests --format '{{.Digest}}' "$R/a:1"
    [ "$output" = "$digest" ]
    run_ok shale tag --restore "$R/a:1@{1}"
    [ "$(id_of "$R/a:1")" = "$B" ]
    run_ok shale tag --history "$R/a:1"
    [[ ${lines[0]} == ENTRY*"IMAGE ID"*MOVED*BY*PRESENT ]]
    has "$R/a:1@{0}"
    run_ok shale tag --format json --history "$R/a:1"
    [ "$(jq -r .How <<<"${lines[0]}")" = restore ]
}

@test "an image that is gone, a tag that was taken off, bad entries: each is told, nothing moves" {
    shale tag "$R/a:1" app
    shale rmi app >/dev/null
    shale rmi "$R/a:1" >/dev/null
    shale tag "$R/b:1" app
    run_fails 1 "was image $A, which is not here any more" shale tag --restore 'app@{2}'
    run_fails 1 "had been taken off then (rmi)" shale tag --restore 'app@{1}'
    run_fails 1 "the history of this tag has 3 entries" shale tag --restore 'app@{9}'
    run_fails 1 "never been a tag here" shale tag --restore 'other@{0}'
    run_fails 1 "never been a tag here" shale tag --history other
    run_fails 1 "is no entry of a tag's history" shale tag --restore app
    run_fails 1 "is no entry of a tag's history" shale tag --restore 'app@{-1}'
    run_fails 1 "is no entry of a tag's history" shale tag --restore 'app@{1}x'
    run_fails 1 "is a digest, which never moves" shale tag --history "app@$A"
    run_fails 1 "invalid reference format" shale tag --history 'A B'
    run_fails 125 "take no further arguments" shale tag --history app other more
    run_fails 125 "one of --history and --restore" shale tag --no-trunc
    [ "$(id_of app)" = "$B" ]
    run_fails 1 "requires 2 arguments" shale tag app
}

@test "a pinned image can be restored to after a prune" {
    shale tag "$R/a:1" app
    shale image pin "$R/a:1" >/dev/null
    shale tag "$R/b:1" app
    shale image prune -af >/dev/null
    run_ok shale tag --restore 'app@{2}'
    [ "$(id_of app)" = "$A" ]
}
