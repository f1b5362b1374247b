#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives with only the layers that the other side lacks.

load lib
load images
load platforms

setup_file() {
    local l=$BATS_FILE_TMPDIR/tiny
    oci_init "$l"
    tiny "$l" one 2020-01-01T00:00:00Z . base one
    tiny "$l" two 2020-01-01T00:00:00Z . base one two
    tiny "$l" other 2020-01-01T00:00:00Z . alone
    export LAYOUT=$BATS_FILE_TMPDIR/layout
    platforms_layout "$LAYOUT"
    registry_with
    for n in one two other; do push_tag "$l" "$n" "tiny:$n"; done
    push_layout "$LAYOUT" x multi next
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    w=$BATS_TEST_TMPDIR
    R=$REGISTRY_HOST
    store_by pull -q "$R"/tiny:{one,two,other}
    id_two=$(id_of "$R/tiny:two")
}
teardown() {
    docker_engine_stop
    drop_store
}
id_of() { shale images -q --no-trunc "$1"; }
again() { drop_store; rm -rf "$SHALE_ROOT"; }
layers_in() { tar -tf "$1" | grep -c '^blobs/sha256/.' || true; }

@test "only what is new is in it, and it is loaded where the base is" {
    run_ok shale save --since "$R/tiny:one" -o "$w/delta.tar" "$R/tiny:two"
    [ -z "$output" ]
    [ "$(layers_in "$w/delta.tar")" = 3 ] # a layer, a config, a manifest
    [[ $(tar -xOf "$w/delta.tar" index.json | jq -r '.annotations["shale.since"]') == "$R/tiny:one (sha256:"* ]]
    digest=$(shale digest "$R/tiny:two")
    again
    shale pull -q "$R/tiny:one" >/dev/null
    run_ok shale load -i "$w/delta.tar"
    [ "$output" = "Loaded image: $R/tiny:two" ]
    [ "$(id_of "$R/tiny:two")" = "$id_two" ]
    [ "$(shale images --digests --format '{{.Digest}}' "$R/tiny:two")" = "$digest" ]
    run_ok shale cat "$R/tiny:two" /two
    shale rmi "$R/tiny:one" >/dev/null
    run_ok shale fsck --check
    shale save -o "$w/whole.tar" "$R/tiny:two"
    [ "$(layers_in "$w/whole.tar")" = 5 ]
}

@test "where the base is not: it is named, and what is missing; nothing is loaded" {
    shale save --since "$R/tiny:one" -o "$w/delta.tar" "$R/tiny:two"
    id=$(id_of "$R/tiny:one")
    base=$(skopeo inspect --raw --tls-verify=false "docker://$R/tiny:one" | jq -r '.layers[0].digest')
    again
    refused "the archive was saved without the layers of $R/tiny:one ($id), and 2 of them are not here ($base, " shale load -i "$w/delta.tar"
    [ -z "$(shale images -aq)" ]
    run_fails 1 "pull or load that image first" bash -c "'$SHALE_BIN' load <'$w/delta.tar'"
}

@test "what has nothing in common is whole, the same as without --since" {
    run_ok shale save --since "$R/tiny:other" -o "$w/a.tar" "$R/tiny:two"
    has "Note: nothing was left out"
    shale save -o "$w/b.tar" "$R/tiny:two"
    cmp "$w/a.tar" "$w/b.tar"
    # several bases, several images
    run_ok shale save --since "$R/tiny:other" --since "$R/tiny:one" -o "$w/c.tar" "$R/tiny:other" "$R/tiny:two"
    [ "$(layers_in "$w/c.tar")" = 5 ]
    run_fails 1 "reference does not exist: nothing" shale save --since nothing -o "$w/d.tar" "$R/tiny:two"
    [ ! -e "$w/d.tar" ]
}

@test "the base may be here under another compression" {
    shale save --since "$R/tiny:one" -o "$w/delta.tar" "$R/tiny:two"
    again
    skopeo copy -q --dest-compress-format zstd --src-tls-verify=false "docker://$R/tiny:one" "oci:$w/zstd:a/b:1" \
        --dest-compress
    shale load -q -i "$w/zstd" >/dev/null
    run_ok shale load -i "$w/delta.tar"
    [ "$(id_of "$R/tiny:two")" = "$id_two" ]
    run_ok shale fsck --check
}

@test "lists of platforms: the layers of all of them are left out" {
    shale pull -q --all-platforms "$R/x:multi" >/dev/null
    shale pull -q --all-platforms "$R/x:next" >/dev/null
    shale save --since "$R/x:multi" -o "$w/delta.tar" "$R/x:next"
    [ "$(layers_in "$w/delta.tar")" = 6 ] # the list, two manifests and configs, one layer
    digest=$(digest_in "$LAYOUT" next)
    again
    shale pull -q --all-platforms "$R/x:multi" >/dev/null
    run_ok shale load -i "$w/delta.tar"
    [ "$(shale digest "$R/x:next")" = "$digest" ]
    run_ok shale inspect -f '{{json .RepoDigests}}' "$R/x:next"
    has "$R/x@$digest"
    [ "$(shale image inspect -f '{{index .Config.Env 0}}' --platform linux/s390x "$R/x:next")" = P=linux/s390x/ ]
}

@test "docker's engine loads a whole one, and one with what it lacks" {
    plain_only
    need_root
    need dockerd
    shale save --since "$R/tiny:other" -o "$w/base.tar" "$R/tiny:one"
    shale save --since "$R/tiny:one" -o "$w/delta.tar" "$R/tiny:two"
    docker_engine
    run_ok timeout 60 docker -H "$ENGINE" load -i "$w/base.tar"
    has "Loaded image: $R/tiny:one"
    run_ok timeout 60 docker -H "$ENGINE" load -i "$w/delta.tar"
    has "Loaded image: $R/tiny:two"
    [ "$(docker -H "$ENGINE" images -q --no-trunc "$R/tiny:two")" = "$id_two" ]
}
