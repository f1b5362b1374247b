#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Copying from registry to registry, without the store; between a registry and the store.

load lib

setup_file() {
    registry_with busybox debian
    export OURS=$REGISTRY_HOST
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST
    registry_doors htpasswd token
    export REGISTRY_HOST=$OURS
    for tag in 1.1 1.2 2.1; do
        skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/busybox:1.0" "docker://$OURS/app:$tag"
    done
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    CUTTERS=
}
teardown() {
    local pid
    for pid in $CUTTERS; do kill "$pid" 2>/dev/null || true; done
}

raw_digest() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "$@" | sha256sum | cut -d' ' -f1)"; }
tags() { curl -s "http://$1/v2/$2/tags/list" | jq -r '.tags // [] | sort | join(" ")'; }
login() {
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$1" "$(printf 'user:secret' | base64 -w0)" >"$DOCKER_CONFIG/config.json"
}
cutter() { # HOST BYTES TIMES -> CUT, CUT_LOG
    local file=$BATS_TEST_TMPDIR/cutter
    rm -f "$file"
    CUT_LOG=$BATS_TEST_TMPDIR/cutter.log
    "$BATS_TEST_DIRNAME/cutter" "$@" "$file" "$CUT_LOG" >/dev/null 2>&1 3>&- &
    CUTTERS="$CUTTERS $!"
    for _ in $(seq 600); do [ -f "$file" ] && break; sleep 0.05; done
    CUT=$(cat "$file")
}
no_blobs() { [ -z "$(find "$SHALE_ROOT" -path '*/blobs/*' -type f 2>/dev/null)" ]; }

@test "byte for byte, all platforms, in both directions" {
    run_ok shale copy "$OURS/busybox:1.0" "$DEBIANS/a/bb"
    has "$DEBIANS/a/bb:1.0: digest: $(raw_digest "docker://$OURS/busybox:1.0")"
    [ "$(raw_digest "docker://$DEBIANS/a/bb:1.0")" = "$(raw_digest "docker://$OURS/busybox:1.0")" ]
    run_ok skopeo copy -q --all --src-tls-verify=false "docker://$DEBIANS/a/bb:1.0" "dir:$BATS_TEST_TMPDIR/dir"
    run_ok shale copy "$OURS/debian:1.0" "$DEBIANS/a/deb:x"
    run_ok shale copy -q "$DEBIANS/a/deb:x" "$OURS/back:y"
    [ "$output" = "$(raw_digest "docker://$OURS/debian:1.0")" ]
    run_ok skopeo copy -q --src-tls-verify=false "docker://$OURS/back:y" "dir:$BATS_TEST_TMPDIR/dir2"
    no_blobs
}

@test "what is there is not sent, and another name takes one request" {
    run_ok shale copy "$OURS/debian:1.0" "$DEBIANS/b/deb:1"
    cutter "$DEBIANS" 1000000000 0
    run_ok shale copy "$OURS/debian:1.0" "$CUT/b/deb:1"
    has "(was there)"
    [ "$(grep -cE '^(PUT|POST|PATCH)' "$CUT_LOG")" = 0 ]
    run_ok shale copy "$CUT/b/deb:1" "$CUT/b/deb:2"
    [ "$(grep -cE '^(POST|PATCH)' "$CUT_LOG")" = 0 ]
    [ "$(grep -c '^PUT' "$CUT_LOG")" = 1 ]
    [ "$(raw_digest "docker://$DEBIANS/b/deb:2")" = "$(raw_digest "docker://$OURS/debian:1.0")" ]
}

@test "within one registry layers are mounted" {
    for host in "$OURS" "$DEBIANS"; do
        run_ok shale copy "$OURS/debian:1.0" "$host/c/from:1"
        run_ok shale copy "$host/c/from:1" "$host/c/to:1"
        has "Mounted from c/from"
        hasnt ": Pushed"
        [ "$(raw_digest "docker://$host/c/to:1")" = "$(raw_digest "docker://$OURS/debian:1.0")" ]
    done
}

@test "patterns, several names, a platform, a digest" {
    run_ok shale copy "$OURS/app:1.*" "$OURS/debian:1.0" "$DEBIANS/d/all"
    [ "$(tags "$DEBIANS" d/all)" = "1.0 1.1 1.2" ]
    run_ok shale copy --platform linux/arm64 -q "$OURS/app:2.1" "$DEBIANS/d/arm"
    want=$(skopeo inspect --raw --tls-verify=false "docker://$OURS/app:2.1" | jq -r '.manifests[] | select(.platform.architecture == "arm64").digest')
    [ "$output" = "$want" ]
    [ "$(raw_digest "docker://$DEBIANS/d/arm:2.1")" = "$want" ]
    run_ok shale copy -q "$OURS/app@$want" "$DEBIANS/d/digest"
    [ "$(raw_digest "docker://$DEBIANS/d/digest@$want")" = "$want" ]
    [ "$(tags "$DEBIANS" d/digest)" = "" ]
}

@test "passwords and tokens on either side" {
    login "$HTPASSWD"
    run_ok shale copy "$OURS/debian:1.0" "$HTPASSWD/e/deb:1"
    run_ok shale copy "$HTPASSWD/e/deb:1" "$DEBIANS/e/deb:1"
    login "$TOKEN"
    run_ok shale copy "$OURS/debian:1.0" "$TOKEN/e/deb:1"
    run_ok shale copy "$TOKEN/e/deb:1" "$TOKEN/e/two:1"
    has "Mounted from e/deb"
    rm "$DOCKER_CONFIG/config.json"
    run_fails 1 "no basic auth credentials" shale copy "$OURS/debian:1.0" "$HTPASSWD/e/deb:2"
}

@test "lines that break, on either side" {
    cutter "$OURS" 9000000 2
    run_ok shale copy "$CUT/debian:1.0" "$DEBIANS/f/from:1"
    [ "$(raw_digest "docker://$DEBIANS/f/from:1")" = "$(raw_digest "docker://$OURS/debian:1.0")" ]
    run_ok skopeo copy -q --src-tls-verify=false "docker://$DEBIANS/f/from:1" "dir:$BATS_TEST_TMPDIR/dir"
    cutter "$DEBIANS" 9000000 2
    run_ok shale copy "$OURS/debian:1.0" "$CUT/f/to:1"
    run_ok skopeo copy -q --src-tls-verify=false "docker://$DEBIANS/f/to:1" "dir:$BATS_TEST_TMPDIR/dir2"
}

@test "mistakes" {
    run_fails 1 "several tags are copied to a repository, without a tag" shale copy "$OURS/app:1.*" "$DEBIANS/g/x:1"
    run_fails 1 "the target cannot be a pattern" shale copy "$OURS/app:1.1" "$DEBIANS/g/x:*"
    run_fails 1 "the target cannot be a digest" shale copy "$OURS/app:1.1" "$DEBIANS/g/x@$(raw_digest "docker://$OURS/app:1.1")"
    run_fails 1 "manifest for $OURS/app:9 not found" shale copy "$OURS/app:9" "$DEBIANS/g/x"
    run_fails 1 "no tag of $OURS/app matches 9*" shale copy "$OURS/app:9*" "$DEBIANS/g/x"
    run_fails 1 "no matching manifest for linux/s390x" shale copy --platform linux/s390x "$OURS/app:1.1" "$DEBIANS/g/x"
    run_fails 1 "connection refused" shale copy "$OURS/app:1.1" 127.0.0.1:1/x
    [ "$(tags "$DEBIANS" g/x)" = "" ]
}

@test "out of the store and into it: under any name, whole, one platform, by pattern, by ID" {
    shale pull -q --all-platforms "$OURS/app:1.1" >/dev/null
    shale tag "$OURS/app:1.1" mine:2
    run_ok shale copy store://mine:2 "$DEBIANS/h/mine:x"
    has "$DEBIANS/h/mine:x: digest: $(raw_digest "docker://$OURS/app:1.1")"
    run_ok shale copy store://mine:2 "docker://$DEBIANS/h/mine:x"
    has "(was there)"
    [ "$(raw_digest "docker://$DEBIANS/h/mine:x")" = "$(raw_digest "docker://$OURS/app:1.1")" ]
    shale tag mine:2 mine:3
    run_ok shale copy "store://mine:*" "$DEBIANS/h/all"
    [ "$(tags "$DEBIANS" h/all)" = "2 3" ]
    id=$(shale images -q --no-trunc mine:2)
    run_ok shale copy "store://$id" "$DEBIANS/h/id:1"
    run_ok shale copy -q --platform linux/arm64 store://mine:2 "$DEBIANS/h/arm:1"
    want=$(skopeo inspect --raw --tls-verify=false "docker://$OURS/app:1.1" | jq -r '.manifests[] | select(.platform.architecture == "arm64").digest')
    [ "$output" = "$want" ]
    # nothing was named here by it
    [ "$(shale images --format '{{.Repository}}:{{.Tag}}' | sort | paste -sd' ')" = "$OURS/app:1.1 mine:2 mine:3" ]
    export SHALE_ROOT=$BATS_TEST_TMPDIR/other
    run_ok shale copy --platform linux/arm64 "$DEBIANS/h/arm:1" store://arm:9
    [ "$(shale inspect -f '{{.Architecture}} {{json .RepoTags}}' arm:9)" = 'arm64 ["arm:9"]' ]
    shale rmi arm:9 >/dev/null
    run_ok shale copy "$DEBIANS/h/all:2" "$DEBIANS/h/mine:x" store://here
    [ "$(shale images --format '{{.Tag}}' here | sort | paste -sd' ')" = "2 x" ]
    run_ok shale copy "$DEBIANS/h/all:2" store://here:2
    has "store://here:2: digest: $(raw_digest "docker://$OURS/app:1.1") (was there)"
    # what came in is whole, and its way there is remembered
    run_ok shale copy store://here:2 "$OURS/again"
    [ "$(raw_digest "docker://$OURS/again:2")" = "$(raw_digest "docker://$OURS/app:1.1")" ]
    shale tag --history here:2 | grep -q copy
    shale rmi here:2 here:x >/dev/null
    [ -z "$(shale images -aq)" ]
    no_blobs
}

@test "mistakes with the store" {
    run_fails 1 "both ends are the store" shale copy store://a store://b
    run_fails 1 "No such image: none:latest" shale copy store://none "$DEBIANS/i/x"
    run_fails 1 "an image is not kept in the store" shale copy --referrers "$OURS/app:1.1" store://a
    run_fails 1 "the target cannot be a pattern" shale copy "$OURS/app:1.1" 'store://x:*'
    run_fails 1 "a tag is missing" shale copy "$OURS/app@$(raw_digest "docker://$OURS/app:1.1")" store://x
    run_fails 1 "no tag of none matches 1*" shale copy 'store://none:1*' "$DEBIANS/i/x"
    run_fails 1 "invalid reference format" shale copy store:// "$DEBIANS/i/x"
    run_fails 1 "invalid reference format" shale copy "$OURS/app:1.1" store://
    [ -z "$(shale images -aq)" ]
}
