#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rmi: docker's conflict algorithm. What is expected here was printed by docker for the same steps.

load lib
load images

setup_file() {
    registry_with
    local l=$BATS_FILE_TMPDIR/layout
    tiny "$l" base 2024-01-02T03:04:05Z . one
    tiny "$l" top 2024-01-02T03:04:05Z . one two three
    for name in one:1 one:2 other:1; do push_tag "$l" base "$name"; done
    push_tag "$l" top top:1
    push "$SHALE_IMAGES/busybox:1.0" busybox:1.0
    push "$SHALE_IMAGES/busybox:1.0" busybox:2.0
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    R=$REGISTRY_HOST
}
teardown() { drop_store; }

pull() { for n in "$@"; do shale pull -q "$R/$n" >/dev/null; done; }
id_of() { shale inspect --type image -f '{{.Id}}' "$R/$1"; }
digest_of() { shale digest "$R/$1"; }
short() { echo "${1:7:12}"; }
names() { shale images -a --digests --format '{{.Repository}}:{{.Tag}}@{{.Digest}}'; }

@test "by name, short ID, long ID, hex: the same lines, layers from the top" {
    for how in name short long hex prefix; do
        pull top:1
        id=$(id_of top:1)
        digest=$(digest_of top:1)
        case $how in
        name) arg=$R/top:1 ;;
        short) arg=$(short "$id") ;;
        long) arg=$id ;;
        hex) arg=${id:7} ;;
        prefix) arg=${id:0:10} ;;
        esac
        chains=$(shale inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' "$R/top:1" | head -n 1)
        run_ok shale rmi "$arg"
        [ "${lines[0]}" = "Untagged: $R/top:1" ]
        [ "${lines[1]}" = "Untagged: $R/top@$digest" ]
        [ "${lines[2]}" = "Deleted: $id" ]
        [ "${#lines[@]}" = 6 ]
        [ "${lines[5]}" = "Deleted: $chains" ] # the chain ID of the lowest layer is its diffID
        [ -z "$(shale images -aq)" ]
    done
}

@test "layers that another image stands on stay" {
    pull one:1 top:1
    run_ok shale rmi "$R/top:1"
    [ "${#lines[@]}" = 5 ]
    run_ok shale rmi "$R/one:1"
    [ "${#lines[@]}" = 4 ]
}

@test "a tag of several only loses its name, the digest goes with the last one" {
    pull one:1 one:2
    run_ok shale rmi "$R/one:1"
    [ "$output" = "Untagged: $R/one:1" ]
    run_ok names
    [ "$output" = "$R/one:2@$(digest_of one:2)" ]
    run_ok shale rmi "$R/one:2"
    [ "${lines[1]}" = "Untagged: $R/one@$(digest_of one:2)" ]
}

@test "the last tag of one of two repositories takes its digest along" {
    pull one:1 other:1
    id=$(id_of one:1)
    run_fails 1 "Error: conflict: unable to delete $(short "$id") (must be forced) - image is referenced in multiple repositories" \
        shale rmi "$(short "$id")"
    run_ok shale rmi "$R/one:1"
    [ "${lines[0]}" = "Untagged: $R/one:1" ]
    [ "${lines[1]}" = "Untagged: $R/one@$(digest_of one:1)" ]
    [ "${#lines[@]}" = 2 ]
    run_ok shale rmi "$(short "$id")"
    has "Deleted: $id"
}

@test "-f by ID drops all names in order" {
    pull one:1 one:2 other:1
    shale tag "$R/one:1" zz:1
    id=$(id_of one:1)
    run_ok shale rmi -f "$(short "$id")"
    [ "${lines[0]}" = "Untagged: $R/one:1" ]
    [ "${lines[1]}" = "Untagged: $R/one:2" ]
    [ "${lines[2]}" = "Untagged: $R/one@$(digest_of one:1)" ]
    [ "${lines[3]}" = "Untagged: $R/other:1" ]
    [ "${lines[4]}" = "Untagged: $R/other@$(digest_of one:1)" ]
    [ "${lines[5]}" = "Untagged: zz:1" ]
    [ "${lines[6]}" = "Deleted: $id" ]
}

@test "by digest: only the digest goes while a tag is there" {
    pull one:1
    digest=$(digest_of one:1)
    run_ok shale rmi "$R/one@$digest"
    [ "$output" = "Untagged: $R/one@$digest" ]
    run_ok names
    [ "$output" = "$R/one:1@<none>" ]
    run_fails 1 "Error: No such image: $R/one@$digest" shale rmi "$R/one@$digest"
    run_ok shale rmi "$R/one:1"
    [ "${#lines[@]}" = 3 ]
}

@test "an image that has only a digest" {
    digest=$(digest_of one:1)
    pull "one@$digest"
    run_ok names
    [ "$output" = "$R/one:<none>@$digest" ]
    id=$(shale images -q --no-trunc)
    run_ok shale rmi "$R/one@$digest"
    [ "${lines[0]}" = "Untagged: $R/one@$digest" ]
    [ "${lines[1]}" = "Deleted: $id" ]
    pull "one@$digest"
    run_ok shale rmi "$(short "$id")"
    [ "${lines[0]}" = "Untagged: $R/one@$digest" ]
}

@test "what is not there is told after what is; -f forgives it" {
    pull one:1 top:1
    run shale rmi nope "$R/one:1" nope:2 "$R/top:1"
    [ "$status" = 1 ]
    [ "${lines[-2]}" = "Error: No such image: nope:latest" ]
    [ "${lines[-1]}" = "Error: No such image: nope:2" ]
    [ -z "$(shale images -aq)" ]
    run shale rmi -f nope other
    [ "$status" = 0 ]
    has "Error: No such image: other:latest"
    run_fails 1 "Error: No such image: beef:latest" shale rmi beef
    run_fails 1 "Error: No such image: sha256:beef" shale rmi sha256:beef
    hex=$(printf 'ab%.0s' {1..32})
    run_fails 1 "Error: No such image: sha256:$hex" shale rmi "$hex"
    run_fails 1 "Error: image name cannot be blank" shale rmi ""
    run_fails 1 "Error: invalid reference format" shale rmi a//b
    run_fails 1 "'shale rmi' requires at least 1 argument" shale rmi
    has "See 'shale rmi --help' for more information"
}

@test "a stopped container" {
    need_root
    pull busybox:1.0
    id=$(id_of busybox:1.0)
    s=$(short "$id")
    c=$(shale create --name cc "$R/busybox:1.0" true)
    run_fails 1 "Error: conflict: unable to remove repository reference \"$R/busybox:1.0\" (must force) - container ${c:0:12} is using its referenced image $s" \
        shale rmi "$R/busybox:1.0"
    run_fails 1 "Error: conflict: unable to delete $s (must be forced) - image is being used by stopped container ${c:0:12}" shale rmi "$s"
    run_ok shale rmi -f "$R/busybox:1.0"
    [ "${lines[0]}" = "Untagged: $R/busybox:1.0" ]
    [ "${lines[1]}" = "Untagged: $R/busybox@$(digest_of busybox:1.0)" ]
    [ "${lines[2]}" = "Deleted: $id" ]
    [ "${#lines[@]}" = 3 ] # the container keeps the layers
    run_ok shale start -a cc
    shale rm cc
}

@test "a running container" {
    need_root
    pull busybox:1.0
    s=$(short "$(id_of busybox:1.0)")
    c=$(shale run -d --network none --name cc "$R/busybox:1.0" sleep 1000)
    hard="Error: conflict: unable to delete $s (cannot be forced) - image is being used by running container ${c:0:12}"
    run_fails 1 "(must force) - container ${c:0:12} is using its referenced image $s" shale rmi "$R/busybox:1.0"
    run_fails 1 "$hard" shale rmi "$s"
    run_fails 1 "$hard" shale rmi -f "$s"
    # by name, force takes the name off, and the image is without one
    run_ok shale rmi -f "$R/busybox:1.0"
    [ "${#lines[@]}" = 2 ]
    run_ok shale images -a --format '{{.Repository}} {{.Tag}}'
    [ "$output" = "<none> <none>" ]
    run_fails 1 "$hard" shale rmi -f "$s"
    shale rm -f cc >/dev/null
    run_ok shale rmi "$s"
}

@test "one of two tags of an image in use goes without force" {
    need_root
    pull busybox:1.0 busybox:2.0
    c=$(shale create --name cc "$R/busybox:1.0" true)
    run_ok shale rmi "$R/busybox:1.0"
    [ "$output" = "Untagged: $R/busybox:1.0" ]
    run_fails 1 "(must force) - container ${c:0:12}" shale rmi "$R/busybox:2.0"
    shale rm cc
}

@test "--platform: the image of one platform behind a name" {
    pull busybox:1.0
    amd64=$(id_of busybox:1.0)
    shale pull -q --platform linux/arm64 "$R/busybox:1.0" >/dev/null
    shale pull -q "$R/busybox:1.0" >/dev/null
    arm64=$(shale image inspect --platform linux/arm64 -f '{{.Id}}' "$R/busybox:1.0")
    [ "$arm64" != "$amd64" ]
    run_ok shale rmi --platform linux/arm64 "$R/busybox:1.0"
    has "Deleted: $arm64"
    [ "$(id_of busybox:1.0)" = "$amd64" ]
    run_fails 1 "does not match the specified platform (linux/s390x)" shale rmi --platform linux/s390x "$R/busybox:1.0"
    run_fails 1 "multiple platforms are not supported" shale rmi --platform linux/amd64,linux/arm64 "$R/busybox:1.0"
    [ "$(id_of busybox:1.0)" = "$amd64" ]
}
