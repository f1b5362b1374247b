#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Listing, inspecting, tagging and removing images.

load lib

setup_file() {
    registry_with busybox debian
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    store_by pull -q "$REGISTRY_HOST/busybox:1.0"
}
teardown() { drop_store; }

id_of() { shale inspect -f '{{.Id}}' "$1"; }

@test "images: columns, -q, --no-trunc, --digests" {
    run_ok shale images
    [[ ${lines[0]} =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE$ ]]
    [[ ${lines[1]} == "$REGISTRY_HOST/busybox   1.0       "* ]]
    run_ok shale images -q
    [ ${#output} = 12 ]
    run_ok shale images --no-trunc -q
    [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
    run_ok shale images --digests
    [[ ${lines[0]} == *"TAG       DIGEST"* ]]
    has "$(shale digest "$REGISTRY_HOST/busybox:1.0")"
}

@test "images: formats" {
    run_ok shale images --format '{{.Repository}}:{{.Tag}}'
    [ "$output" = "$REGISTRY_HOST/busybox:1.0" ]
    run_ok shale images --format 'table {{.Tag}}\t{{.ID}}'
    [[ ${lines[0]} == "TAG       IMAGE ID" ]]
    run_ok shale images --format json
    [ "$(jq -r .Tag <<<"$output")" = 1.0 ]
    run_fails 1 "template parsing error" shale images --format '{{.Nope'
}

@test "images: filters" {
    shale pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    run_ok shale images -q --filter reference='*/busy*'
    [ "${#lines[@]}" = 1 ]
    run_ok shale images -q --filter label=org.opencontainers.image.title=busybox
    [ "${#lines[@]}" = 1 ]
    run_ok shale images -q --filter label=nope
    [ "${#lines[@]}" = 0 ]
    run_ok shale images -q --filter until=2020-01-01
    [ "${#lines[@]}" = 0 ]
    run_ok shale images -q --filter dangling=false
    [ "${#lines[@]}" = 2 ]
    run_fails 1 "invalid filter 'foo'" shale images --filter foo=1
    run_fails 1 "invalid filter 'dangling=[x]'" shale images --filter dangling=x
    run_fails 125 "bad format of filter (expected name=value)" shale images --filter bogus
}

@test "tag moves leave a dangling image" {
    shale pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    shale tag "$REGISTRY_HOST/busybox:1.0" app:1
    shale tag "$REGISTRY_HOST/busybox:1.0" app:2
    shale rmi "$REGISTRY_HOST/busybox:1.0"
    shale rmi app:1
    bb=$(id_of app:2)
    shale tag "$REGISTRY_HOST/debian:1.0" app:2
    run_ok shale images -q --no-trunc --filter dangling=true
    [ "$output" = "$bb" ]
    run_ok shale images --format '{{.Repository}} {{.Tag}}' --filter dangling=true
    [ "$output" = "<none> <none>" ]
}

@test "rmi: untags, deletes, and prints docker's lines" {
    id=$(id_of "$REGISTRY_HOST/busybox:1.0")
    shale tag "$REGISTRY_HOST/busybox:1.0" other:1
    run_ok shale rmi other:1
    [ "$output" = "Untagged: other:1" ]
    run_ok shale rmi "$REGISTRY_HOST/busybox:1.0"
    [ "${lines[0]}" = "Untagged: $REGISTRY_HOST/busybox:1.0" ]
    [[ ${lines[1]} == "Untagged: $REGISTRY_HOST/busybox@sha256:"* ]]
    [ "${lines[2]}" = "Deleted: $id" ]
    [[ ${lines[3]} == "Deleted: sha256:"* ]]
    run_ok shale images -q
    [ -z "$output" ]
}

@test "rmi by ID of an image in several repositories needs force" {
    id=$(shale images -q)
    shale tag "$id" other:1
    run_fails 1 "conflict: unable to delete $id (must be forced) - image is referenced in multiple repositories" shale rmi "$id"
    run_ok shale rmi -f "$id"
    has "Untagged: other:1"
    run_ok shale images -q
    [ -z "$output" ]
}

@test "rmi of what is not there" {
    run_fails 1 "No such image: nope:latest" shale rmi nope
    run shale rmi -f nope
    [ "$status" = 0 ]
    has "No such image: nope:latest"
}

@test "short and ambiguous IDs" {
    id=$(shale images -q)
    run_ok shale inspect -f '{{.Id}}' "${id:0:4}"
    has "$id"
    run_ok shale inspect -f '{{.Id}}' "sha256:${id:0:6}"
    has "$id"
}

@test "history" {
    shale pull -q "$REGISTRY_HOST/debian:1.0" >/dev/null
    run_ok shale history "$REGISTRY_HOST/debian:1.0"
    [[ ${lines[0]} =~ ^IMAGE\ +CREATED\ +CREATED\ BY\ +SIZE\ +COMMENT ]]
    has 'CMD ["bash"]'
    has "<missing>"
    run_ok shale history -q --no-trunc "$REGISTRY_HOST/debian:1.0"
    [ "${#lines[@]}" = 4 ]
    run_ok shale history --format '{{.Size}}' --human=false "$REGISTRY_HOST/debian:1.0"
    [ "${lines[0]}" = 0 ]
}

@test "inspect: document, template, not found" {
    run_ok shale inspect "$REGISTRY_HOST/busybox:1.0"
    [ "$(jq -r '.[0].RepoTags[0]' <<<"$output")" = "$REGISTRY_HOST/busybox:1.0" ]
    [ "$(jq -r '.[0].RootFS.Type' <<<"$output")" = layers ]
    [ "$(jq -r '.[0].Config.Cmd[0]' <<<"$output")" = sh ]
    run_ok shale image inspect -f '{{json .Config.Labels}}' "$REGISTRY_HOST/busybox:1.0"
    [ "$output" = '{"org.opencontainers.image.title":"busybox"}' ]
    run_fails 1 "No such object: nope" shale inspect nope
    has "[]"
    run_fails 1 "No such image: nope:latest" shale image inspect nope
    run_fails 64 "template parsing error" shale inspect -f '{{.Id' "$REGISTRY_HOST/busybox:1.0"
}

@test "image ls --tree shows the platforms of a manifest list" {
    run_ok shale image ls --tree
    has "linux/amd64"
    has "linux/arm64"
}
