#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Copies with what is attached to an image, between registries that keep lists of it and those that do not.

load lib
load images

# attach LAYOUT SUBJECT-DESCRIPTOR TYPE: an artifact that refers to it; its descriptor
attach() {
    local l=$1 blob empty
    echo "{\"of\":$2,\"kind\":\"$3\"}" >"$l/.blob"
    blob=$(oci_blob "$l" "$l/.blob" application/json)
    printf '{}' >"$l/.blob"
    empty=$(oci_blob "$l" "$l/.blob" application/vnd.oci.empty.v1+json)
    jq -cn --argjson c "$empty" --argjson b "$blob" --argjson s "$2" --arg t "$3" \
        '{schemaVersion:2,mediaType:"application/vnd.oci.image.manifest.v1+json",artifactType:$t,config:$c,layers:[$b],subject:($s | {mediaType,digest,size})}' >"$l/.blob"
    oci_blob "$l" "$l/.blob" application/vnd.oci.image.manifest.v1+json
}

setup_file() {
    local l=$BATS_FILE_TMPDIR/layout image sbom hex
    tiny "$l" image 2020-01-01T00:00:00Z . base
    image=$(jq -c '.manifests[0] | {mediaType,digest,size}' "$l/index.json")
    sbom=$(attach "$l" "$image" application/spdx+json)
    oci_tag "$l" sbom "$sbom"
    oci_tag "$l" signature "$(attach "$l" "$sbom" application/vnd.example.signature)"
    hex=$(jq -r '.digest | ltrimstr("sha256:")' <<<"$image")
    oci_tag "$l" "sha256-$hex.sig" "$(attach "$l" "$image" application/vnd.example.old | jq -c .)"
    export LAYOUT=$l HEX=$hex
    registry_with
    export OURS=$REGISTRY_HOST
    push_layout "$l" a/app image sbom signature "sha256-$hex.sig"
    REGISTRY_KIND=docker registry_start plain "$BATS_FILE_TMPDIR/debians"
    export DEBIANS=$REGISTRY_HOST
}
teardown_file() { registry_stop_all; }
setup() { fresh_store; }

referrers() { curl -sf "http://$1/v2/$2/referrers/sha256:$HEX" | jq -r '[.manifests[].artifactType] | sort | join(" ")'; }

@test "signatures, SBOMs and what signs those come along" {
    run_ok shale copy "$OURS/a/app:image" "$OURS/b/app:1"
    [ -z "$(referrers "$OURS" b/app)" ]
    run_ok shale copy --referrers "$OURS/a/app:image" "$OURS/c/app:1"
    has ", 4 attached" # the old signature is in the list, and has a tag
    [ "$(referrers "$OURS" c/app)" = "application/spdx+json application/vnd.example.old" ]
    [ "$(shale digest "$OURS/c/app:sha256-$HEX.sig")" = "$(shale digest "$OURS/a/app:sha256-$HEX.sig")" ]
    run_ok shale copy "$OURS/c/app@$(shale digest "$OURS/a/app:signature")" "$OURS/c/app:signature"
    run_ok shale copy --referrers "$OURS/a/app:image" "$OURS/b/app:1"
    has "(was there), 4 attached"
}

@test "a registry without lists gets them under a tag, and gives them back" {
    run_ok shale copy --referrers "$OURS/a/app:image" "$DEBIANS/a/app:1"
    curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$DEBIANS/v2/a/app/manifests/sha256-$HEX" >"$BATS_TEST_TMPDIR/list"
    [ "$(jq '.manifests | length' "$BATS_TEST_TMPDIR/list")" = 2 ]
    # what its list has stays there
    local l=$BATS_TEST_TMPDIR/layout image=$BATS_TEST_TMPDIR/image
    cp -r "$LAYOUT" "$l"
    jq -c '.manifests[0] | {mediaType,digest,size}' "$l/index.json" >"$image"
    oci_index "$l" "sha256-$HEX" "$(attach "$l" "$(cat "$image")" application/vnd.example.mine)"
    push_layout "$l" e/app image "sha256-$HEX"
    for _ in 1 2; do
        run_ok shale copy --referrers "$OURS/a/app:image" "$DEBIANS/e/app:1"
        curl -sf -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$DEBIANS/v2/e/app/manifests/sha256-$HEX" >"$BATS_TEST_TMPDIR/merged"
        [ "$(jq '.manifests | length' "$BATS_TEST_TMPDIR/merged")" = 3 ]
    done
    run_ok shale copy --referrers "$DEBIANS/a/app:1" "$OURS/d/app:1"
    [ "$(referrers "$OURS" d/app)" = "application/spdx+json application/vnd.example.old" ]
}
