#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Deleting in registries: ours deletes a tag alone, Debian's only by digest.

load lib

setup_file() {
    registry_with busybox debian
    export OURS=$REGISTRY_HOST
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST
    export REGISTRY_HOST=$OURS
}
teardown_file() { registry_stop_all; }
setup() { fresh_store; }

# fill REPO TAG…: busybox under these tags, and debian as :deb, in both registries
fill() {
    local host tag repo=$1
    shift
    for host in "$OURS" "$DEBIANS"; do
        for tag in "$@"; do
            skopeo copy -q --all --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/busybox:1.0" "docker://$host/$repo:$tag"
        done
        skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$OURS/debian:1.0" "docker://$host/$repo:deb"
    done
}
tags() { curl -s "http://$1/v2/$2/tags/list" | jq -r '.tags // [] | sort | join(" ")'; }
raw_digest() { echo "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | cut -d' ' -f1)"; }

@test "a tag goes alone where the registry can do that" {
    fill a 1 2
    run_ok shale delete "$OURS/a:1"
    [ "$output" = "Deleted: $OURS/a:1" ]
    [ "$(tags "$OURS" a)" = "2 deb" ]
    run_ok shale delete "$DEBIANS/a:deb" # nothing else has its digest
    [ "$output" = "Deleted: $DEBIANS/a:deb" ]
    [ "$(tags "$DEBIANS" a)" = "1 2" ]
}

@test "where it can only delete by digest, nothing goes that was not named" {
    fill b 1 2 3
    run_fails 1 "$DEBIANS/b:1: the registry can only delete by digest, and with it would go: 2, 3; --with-tags deletes them too" \
        shale delete "$DEBIANS/b:1"
    [ "$(tags "$DEBIANS" b)" = "1 2 3 deb" ]
    run_ok shale delete "$DEBIANS/b:1" --with-tags
    [ "$output" = "Deleted: $DEBIANS/b:1"$'\nDeleted with it: 2\nDeleted with it: 3' ]
    [ "$(tags "$DEBIANS" b)" = deb ]
    fill c 1 2
    run_ok shale delete "$DEBIANS/c:1" "$DEBIANS/c:2"
    [ "$output" = "Deleted: $DEBIANS/c:1"$'\n'"Deleted: $DEBIANS/c:2" ]
    [ "$(tags "$DEBIANS" c)" = deb ]
}

@test "by digest" {
    fill d 1 2
    for host in "$OURS" "$DEBIANS"; do
        digest=$(raw_digest "$host/d:1")
        run_fails 1 "$host/d@$digest: it has tags, and with it would go: 1, 2; --with-tags deletes them too" shale delete "$host/d@$digest"
        run_ok shale delete --with-tags "$host/d@$digest"
        [ "$(tags "$host" d)" = deb ]
        run_fails 1 "Error: " shale delete "$host/d@$digest"
    done
}

@test "patterns are asked about" {
    fill e 1.1 1.2 2.1
    for host in "$OURS" "$DEBIANS"; do
        run shale delete "$host/e:1.*" <<<n
        [ "$status" = 130 ]
        has "$host/e:1.1"
        has "WARNING! These 2 will be deleted from the registry."
        has "Are you sure you want to continue? [y/N] "
        has "nothing was deleted"
        [ "$(tags "$host" e)" = "1.1 1.2 2.1 deb" ]
        run shale delete "$host/e:1.*" </dev/null
        [ "$status" = 130 ]
    done
    run_ok shale delete "$OURS/e:1.*" <<<y
    [ "$(tags "$OURS" e)" = "2.1 deb" ]
    run_fails 1 "and with it would go: 2.1" shale delete -f "$DEBIANS/e:1.*"
    run_ok shale delete -f "$DEBIANS/e:[12].*"
    [ "$(tags "$DEBIANS" e)" = deb ]
}

@test "registries that do not delete, and other mistakes" {
    own_registry no --no-delete
    own_push "$SHALE_IMAGES/busybox:1.0" app:1
    run_fails 1 "$OWN/app:1: the registry does not delete" shale delete "$OWN/app:1"
    [ "$(tags "$OWN" app)" = 1 ]
    own_stop_all
    fill f 1
    run_fails 1 "say which tag, digest or pattern is to be deleted" shale delete "$OURS/f"
    run_fails 1 "no tag of $OURS/f matches 9*" shale delete -f "$OURS/f:9*"
    run shale delete "$OURS/f:9" "$OURS/f:1"
    [ "$status" = 1 ]
    has "manifest for $OURS/f:9 not found"
    has "Deleted: $OURS/f:1"
    run_fails 1 "connection refused" shale delete 127.0.0.1:1/x:1
}
