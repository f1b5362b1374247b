#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# history --layers: the layers beside the steps, their sizes, who shares them, and what of them is hidden.
# shellcheck disable=SC2154 # the libraries set status, output and lines

load lib
load images
load look

setup_file() {
    registry_with busybox
    layered "$BATS_FILE_TMPDIR/layout" 1
    push_tag "$BATS_FILE_TMPDIR/layout" 1 look:1
    # another image over the first two layers: its config says so, its manifest has their blobs
    local l=$BATS_FILE_TMPDIR/layout m
    m=$(skopeo inspect --raw "oci:$l:1")
    jq -c '.layers[]' <<<"$m" | head -n 2 >"$l/.layers"
    jq -r '.rootfs.diff_ids[]' "$l/blobs/sha256/$(jq -r '.config.digest[7:]' <<<"$m")" | head -n 2 >"$l/.diffs"
    : >"$l/.history"
    oci_tag "$l" 2 "$(oci_image "$l" linux amd64)"
    push_tag "$l" 2 look:2
    export L=$l LOOK=$REGISTRY_HOST/look:1 OTHER=$REGISTRY_HOST/look:2
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    store_by pull -q "$LOOK"
}

@test "each layer has its step, diffID, blob and sizes, as the manifest and the files say" {
    run_ok shale history --layers --no-trunc --human=false --format json "$LOOK"
    [ "${#lines[@]}" = 3 ]
    manifest=$(skopeo inspect --raw "oci:$L:1")
    config=$L/blobs/sha256/$(jq -r '.config.digest[7:]' <<<"$manifest")
    for i in 0 1 2; do
        line=${lines[$((2 - i))]}
        [ "$(jq -r .Layer <<<"$line")" = $((i + 1)) ]
        [ "$(jq -r .Blob <<<"$line")" = "$(jq -r ".layers[$i].digest" <<<"$manifest")" ]
        [ "$(jq -r .Compressed <<<"$line")" = "$(jq -r ".layers[$i].size" <<<"$manifest")" ]
        [ "$(jq -r .DiffID <<<"$line")" = "$(jq -r ".rootfs.diff_ids[$i]" "$config")" ]
        [ "$(jq -r .CreatedBy <<<"$line")" = "$(jq -r ".history[$i].created_by" "$config")" ]
        [ "$(jq -r .TarSize <<<"$line")" = "$(stat -c %s "$BATS_FILE_TMPDIR/layered/$((i + 1)).tar")" ]
    done
}

@test "what later layers removed or replaced is wasted, to the byte" {
    run_ok shale history --layers --human=false --format '{{.Layer}} {{.Wasted}} {{.WastedFiles}}' "$LOOK"
    # of the base: etc/name (5), gone/file (8), srv/data/old/file (4), etc/conf.d/a (2)
    [ "$output" = "$(printf '%s\n' '3 0 0' '2 0 0' '1 19 4')" ]
}

@test "images that share a layer are named; without a name, by ID" {
    run_ok shale history --layers --format '{{.Layer}} {{.Images}}.' "$LOOK"
    [ "$output" = "$(printf '%s\n' '3 .' '2 .' '1 .')" ]
    shale pull -q "$OTHER" >/dev/null
    run_ok shale history --layers --format '{{.Layer}} {{.Images}}.' "$LOOK"
    [ "$output" = "$(printf '%s\n' '3 .' "2 $OTHER." "1 $OTHER.")" ]
    run_ok shale history --layers --format '{{.Layer}} {{.CreatedBy}}.' "$OTHER"
    [ "$output" = "$(printf '%s\n' '2 .' '1 .')" ]
    id=$(shale inspect -f '{{.Id}}' "$OTHER")
    shale tag "$LOOK" "$OTHER"
    run_ok shale history --layers --no-trunc --format '{{.Images}}' "$LOOK"
    [ "${lines[-1]}" = "$id" ]
}

@test "the table, --quiet and --platform" {
    run_ok shale history --layers "$LOOK"
    [[ ${lines[0]} == LAYER*"DIFF ID"*BLOB*"CREATED BY"*COMPRESSED*SIZE*WASTED*"SHARED WITH" ]]
    [[ ${lines[3]} == "1 "*"ADD base"*"19B"* ]]
    run_ok shale image history --layers -q --no-trunc "$LOOK"
    [ "$output" = "$(shale inspect -f '{{range .RootFS.Layers}}{{println .}}{{end}}' "$LOOK" | grep . | tac)" ]
    run_fails 1 "does not match the specified platform" shale history --layers --platform linux/s390x "$LOOK"
    run_fails 1 "No such image: none:latest" shale history --layers none
}
