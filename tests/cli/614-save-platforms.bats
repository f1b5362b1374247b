#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives of images of several platforms: whole, or some of them.

load lib
load images
load platforms

setup_file() {
    export LAYOUT=$BATS_FILE_TMPDIR/layout
    platforms_layout "$LAYOUT"
    registry_with
    push_layout "$LAYOUT" x multi single
}
teardown_file() { registry_stop_all; }
setup() {
    fresh_store
    w=$BATS_TEST_TMPDIR
    R=$REGISTRY_HOST/x
    multi=$(digest_in "$LAYOUT" multi)
    store_by pull -q --all-platforms "$R:multi"
}
teardown() { drop_store; }

env_of() { shale image inspect -f '{{index .Config.Env 0}}' "$@"; }
blobs() { find "$SHALE_ROOT/blobs/sha256" -type f | wc -l; }
unpacked() { rm -rf "$w/x"; mkdir "$w/x"; tar -xf "$1" -C "$w/x"; }
again() { drop_store; rm -rf "$SHALE_ROOT"; }

@test "a list is saved whole, and comes back whole, with its digest" {
    run_ok shale save -o "$w/a.tar" "$R:multi"
    unpacked "$w/a.tar"
    [ "$(ls "$w/x/blobs/sha256" | wc -l)" = 17 ]
    [ "$(jq -rc '[.manifests[] | [.digest, .mediaType]]' "$w/x/index.json")" = "[[\"$multi\",\"application/vnd.oci.image.index.v1+json\"]]" ]
    # docker's manifest.json has the image for this host
    [ "$(jq length "$w/x/manifest.json")" = 1 ]
    [ "sha256:$(jq -r '.[0].Config' "$w/x/manifest.json" | sed 's,.*/,,')" = "$(shale inspect -f '{{.Id}}' "$R:multi")" ]
    again
    run_ok shale load -i "$w/a.tar"
    [ "$output" = "Loaded image: $R:multi" ]
    [ "$(blobs)" = 17 ]
    [ "$(shale images --digests --format '{{.Repository}}:{{.Tag}} {{.Digest}}')" = "$R:multi $multi" ]
    [ "$(shale images -aq | wc -l)" = 4 ]
    [ "$(env_of --platform linux/arm/v6 "$R:multi")" = P=linux/arm/v6 ]
    shale save -o "$w/b.tar" "$R:multi"
    cmp "$w/a.tar" "$w/b.tar"
    run_ok shale fsck --check
    shale rmi "$R:multi" >/dev/null
    [ "$(blobs)" = 0 ]
}

@test "one platform is an image, several are the list with these" {
    shale save --platform linux/arm/v7 -o "$w/one.tar" "$R:multi"
    unpacked "$w/one.tar"
    [ "$(jq -r '.manifests[0].mediaType' "$w/x/index.json")" = application/vnd.oci.image.manifest.v1+json ]
    [ "$(ls "$w/x/blobs/sha256" | wc -l)" = 4 ]
    shale save --platform linux/arm/v7,linux/amd64 -o "$w/two.tar" "$R:multi"
    unpacked "$w/two.tar"
    [ "$(jq -r '.manifests[0].digest' "$w/x/index.json")" = "$multi" ]
    [ "$(ls "$w/x/blobs/sha256" | wc -l)" = 11 ] # with what is said of amd64
    run_fails 1 "no suitable export target found for platform linux/s390x" shale save --platform linux/arm/v7 --platform linux/s390x -o "$w/c.tar" "$R:multi"
    again
    run_ok shale load -i "$w/two.tar"
    [ "$(shale images -aq | wc -l)" = 2 ]
    [ "$(shale images --digests --format '{{.Digest}}')" = "$multi" ]
    [ "$(env_of --platform linux/arm/v7 "$R:multi")" = P=linux/arm/v7 ]
    run_fails 1 "does not match the specified platform" shale image inspect --platform linux/arm/v6 "$R:multi"
    run_ok shale load -i "$w/one.tar"
    [ "$(env_of "$R:multi")" = P=linux/arm/v7 ]
}

@test "some of an archive are loaded" {
    shale save -o "$w/a.tar" "$R:multi"
    again
    run_ok shale load --platform linux/arm64 -i "$w/a.tar"
    [ "$(shale images -aq | wc -l)" = 1 ]
    [ "$(env_of "$R:multi")" = P=linux/arm64/v8 ]
    run_ok shale load --platform linux/arm64 --platform linux/arm/v6 -i "$w/a.tar"
    [ "$(shale images -aq | wc -l)" = 2 ]
    run_fails 1 "no matching manifest for linux/s390x in the manifest list entries" shale load --platform linux/arm64,linux/s390x -i "$w/a.tar"
    run_fails 1 "no matching manifest for linux/s390x in the manifest list entries" shale load --platform linux/s390x -i "$w/a.tar"
    run_fails 1 '"foo": unknown operating system or architecture' shale load --platform foo -i "$w/a.tar"
}

@test "a list of which not all is here: the image that the name points at" {
    shale rmi --platform linux/arm/v6 "$R:multi" >/dev/null
    shale save -o "$w/a.tar" "$R:multi"
    unpacked "$w/a.tar"
    [ "$(jq -r '.manifests[0].mediaType' "$w/x/index.json")" = application/vnd.oci.image.manifest.v1+json ]
    [ "$(ls "$w/x/blobs/sha256" | wc -l)" = 4 ]
}

@test "lists and images in one archive, by digest and by ID" {
    shale pull -q "$R:single" >/dev/null
    id=$(shale inspect -f '{{.Id}}' "$R:single")
    shale save -o "$w/a.tar" "$R" "$R@$multi" "$id"
    unpacked "$w/a.tar"
    [ "$(jq -r '.manifests | length' "$w/x/index.json")" = 4 ]
    [ "$(jq length "$w/x/manifest.json")" = 1 ] # the same image with two names
    [ "$(jq -c '.[0].RepoTags' "$w/x/manifest.json")" = "[\"$R:multi\",\"$R:single\"]" ]
    again
    run_ok shale load -i "$w/a.tar"
    has "Loaded image: $R:multi"
    has "Loaded image: $R:single"
    run_ok shale fsck --check
}

@test "skopeo and podman read it, and shale reads what they write" {
    shale save -o "$w/a.tar" "$R:multi"
    run_ok skopeo copy -q --all "oci-archive:$w/a.tar" "dir:$w/dir"
    [ "sha256:$(sha256sum "$w/dir/manifest.json" | cut -d' ' -f1)" = "$multi" ]
    skopeo copy -q --all "oci:$LAYOUT:multi" "oci-archive:$w/s.tar:made/by:skopeo"
    again
    run_ok shale load -i "$w/s.tar"
    [ "$output" = "Loaded image: made/by:skopeo" ]
    [ "$(shale images --digests --format '{{.Digest}}')" = "$multi" ]
    [ "$(blobs)" = 17 ]
    # without a name there is nothing to keep them together
    again
    skopeo copy -q --all "oci:$LAYOUT:multi" "oci-archive:$w/n.tar"
    run_ok shale load -i "$w/n.tar"
    has "Loaded image ID: sha256:"
    [ "$(shale images -aq | wc -l)" = 1 ]
    run_ok shale load --platform linux/arm64,linux/arm/v6 -i "$w/n.tar"
    [ "${#lines[@]}" = 2 ]
    need_root
    need podman
    here() { podman --root "$w/p" --runroot "$w/p.run" --storage-driver vfs "$@"; }
    run_ok here load -q -i "$w/a.tar"
    has "$R:multi"
    here save -q --format oci-archive -o "$w/p.tar" "$R:multi"
    again
    run_ok shale load -i "$w/p.tar"
    has "Loaded image: $R:multi"
}

@test "an archive that lacks a layer of one platform: nothing of it is loaded" {
    shale save -o "$w/a.tar" "$R:multi"
    unpacked "$w/a.tar"
    v6=$(shale digest --platform linux/arm/v6 "$R:multi")
    layer=$(jq -r '.layers[-1].digest' "$w/x/blobs/sha256/${v6:7}")
    rm "$w/x/blobs/sha256/${layer:7}"
    again
    run_fails 1 "the archive has no blob $layer, which its image needs" shale load -i "$w/x"
    [ -z "$(shale images -aq)" ]
    [ "$(blobs)" = 0 ]
}
