#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Manifests and lists of registries, printed as docker prints them.

load lib

setup_file() {
    registry_with busybox
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY_HOST/busybox:1.0" >"$BATS_FILE_TMPDIR/raw"
}
teardown_file() { registry_stop_all; }
setup() { fresh_store; }

# the digest of the first image behind busybox:1.0
first() { jq -r '.manifests[0].digest' "$BATS_FILE_TMPDIR/raw"; }

@test "a list and a manifest are what the registry holds" {
    jq -e '.manifests | length > 1' "$BATS_FILE_TMPDIR/raw"
    shale manifest inspect "$REGISTRY_HOST/busybox:1.0" >"$BATS_TEST_TMPDIR/list"
    [ "$(jq -cS '[.manifests[] | {digest,size,platform}]' "$BATS_TEST_TMPDIR/list")" = "$(jq -cS '[.manifests[] | {digest,size,platform}]' "$BATS_FILE_TMPDIR/raw")" ]
    shale manifest inspect "$REGISTRY_HOST/busybox@$(first)" >"$BATS_TEST_TMPDIR/one"
    skopeo inspect --tls-verify=false --raw "docker://$REGISTRY_HOST/busybox@$(first)" >"$BATS_TEST_TMPDIR/theirs"
    [ "$(jq -c . "$BATS_TEST_TMPDIR/one")" = "$(jq -c . "$BATS_TEST_TMPDIR/theirs")" ]
}

@test "docker prints the same, to the byte" {
    need docker
    for ref in "busybox:1.0" "busybox@$(first)"; do
        docker manifest inspect --insecure "$REGISTRY_HOST/$ref" >"$BATS_TEST_TMPDIR/dockers"
        shale manifest inspect "$REGISTRY_HOST/$ref" >"$BATS_TEST_TMPDIR/ours"
        diff "$BATS_TEST_TMPDIR/dockers" "$BATS_TEST_TMPDIR/ours"
    done
}

@test "what is not there, and what is no reference" {
    run_fails 1 "no such manifest: $REGISTRY_HOST/busybox:none" shale manifest inspect "$REGISTRY_HOST/busybox:none"
    run_fails 1 "must be lowercase" shale manifest inspect "$REGISTRY_HOST/Busybox"
}
